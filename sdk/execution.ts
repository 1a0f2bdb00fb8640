/** ExecuteExp: has the seller run an Experience, instead of fetching it. */
import { z } from "zod";
import { type Access, ask, type KeptReceipt, keepReceipt } from "./gateway-access.ts";
import { readJson } from "./http.ts";
import { bodyHash } from "./receipts.ts";

/** What a run put out: JSON as it is, anything else as text. */
export type Executed = { output: unknown; receipt?: KeptReceipt };

/** Milliseconds that a run may take: the longest that a gateway allows, and a payment before it. */
const RUN_TIMEOUT = 360_000;

const answerSchema = z.object({ output: z.unknown() });

/** Runs it once. Throws EXECUTION_FAILED when it failed, PAYMENT_REQUIRED when it has a price that `access.gateway.fetch` does not pay. */
export async function executeExperience(
  access: Access,
  body: { inputs: unknown; item?: string },
): Promise<Executed> {
  const target = `/exp/${encodeURIComponent(access.ekId)}/execute`;
  const request = { method: "POST", path: target, body } as const;
  const response = await ask(access, request, AbortSignal.timeout(RUN_TIMEOUT));
  const bytes = new Uint8Array(await response.clone().arrayBuffer());
  const { output } = await readJson(access.gateway, response, answerSchema);
  const sent = bodyHash(new TextEncoder().encode(JSON.stringify(body)));
  const receipt = await keepReceipt(access, {
    receiptId: response.headers.get("receipt-id"),
    request: { method: "POST", target, range: null, body: sent },
    bytes,
    verdict: "received",
  });
  return { output, ...(receipt === undefined ? {} : { receipt }) };
}
