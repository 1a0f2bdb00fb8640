/** Publishing a validator's label for it. */
import { bytesToHex, type Hex, stringToHex, zeroHash } from "viem";
import type { z } from "zod";
import { ExchangeError } from "../../sdk/errors.ts";
import { labelId } from "../../sdk/ids.ts";
import { type LabelName, labels, toBits } from "../../sdk/records.ts";
import type {
  submitValidationRequestSchema,
  submitValidationResponseSchema,
} from "../../sdk/wire/validation.ts";
import { ekNumber, readHead, unknownListing } from "../chain/listings.ts";
import { contractCall } from "../chain/relayer.ts";
import type { Deps } from "../deps.ts";
import type { Session } from "./session.ts";
import { assertGranted, relay } from "./write.ts";

type LabelRequest = z.output<typeof submitValidationRequestSchema>;

/** `ILabelRegistry.EvidenceKind`. */
const evidenceKinds = { none: 0, link: 1, text: 2, file: 3 } as const;

/** Labels the listing's present version. */
export async function submitLabel(
  deps: Deps,
  session: Session,
  request: LabelRequest,
): Promise<z.infer<typeof submitValidationResponseSchema>> {
  const { chain } = deps;
  const number = ekNumber(chain, request.ek_id);
  const types = toBits(labels, request.labels ?? labelsIn(request.tags));
  const evidence = evidenceBytes(request.evidence);
  await assertGranted(deps, session, "label");
  const head = await readHead(chain, number);
  if (!head) throw unknownListing(request.ek_id);
  const { address, abi } = chain.labels;
  const receipt = await relay(
    deps,
    session,
    contractCall({
      address,
      abi,
      functionName: "label",
      args: [
        session.agentId,
        {
          ekId: number,
          version: head.version,
          types,
          scores: request.scores,
          tags: request.tags,
          summary: request.summary,
          evidenceKind: evidenceKinds[request.evidence?.type ?? "none"],
          evidence,
          evidenceHash: zeroHash,
        },
      ],
    }),
    { SummaryTooLong: "VALIDATION_INVALID" },
  );
  return {
    ok: true,
    label_id: labelId.serialize({ chainId: chain.id, ekId: number, validatorId: session.agentId }),
    tx: receipt.transactionHash,
  };
}

/** The label types that tags name, by key or by title. */
function labelsIn(tags: readonly string[]): LabelName[] {
  const words = new Set(tags.map((tag) => tag.trim().toLowerCase()));
  const named = (Object.keys(labels) as LabelName[]).filter((name) => words.has(name));
  if (named.length > 0) return named;
  throw new ExchangeError("VALIDATION_INVALID", "The label has no type.", {
    hint: `Name at least one in labels: ${Object.keys(labels).join(", ")}.`,
    details: { faults: [{ pointer: "/labels", message: "is missing, and no tag names a label type" }] },
  });
}

function evidenceBytes(evidence: LabelRequest["evidence"]): Hex {
  if (!evidence) return "0x";
  if (evidence.type !== "file") return stringToHex(evidence.value);
  const bytes = Buffer.from(evidence.value, "base64");
  if (bytes.toString("base64").replace(/=+$/, "") === evidence.value.replace(/=+$/, ""))
    return bytesToHex(bytes);
  throw new ExchangeError("VALIDATION_INVALID", "The evidence is no base64.", {
    hint: "Files travel in base64 (RFC 4648), at most 2,048 bytes of them.",
    details: { faults: [{ pointer: "/evidence/value", message: "is no base64" }] },
  });
}
