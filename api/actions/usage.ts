/** Usage events: what gateways report, signed with the key that the listing names on chain. */
import { createHash } from "node:crypto";
import { compactVerify, decodeJwt, errors, importJWK } from "jose";
import type { z } from "zod";
import { agentId as agentIds, ekId as ekIds } from "../../sdk/ids.ts";
import {
  countersignedSchema,
  type UsageEvent,
  type usageBatchResponseSchema,
  usageEventSchema,
} from "../../sdk/wire/public.ts";
import { readHead } from "../chain/listings.ts";
import type { Deps } from "../deps.ts";
import { saveUsageEvent } from "../store/usage.ts";
import { gatewayIdOf, Rejected, takeCountersignature } from "./receipts.ts";

/** Milliseconds that a gateway's clock may be ahead. */
const CLOCK_SKEW = 300_000;

/** What Postgres takes in no text, as JSON writes it. */
const UNSTORABLE = /\\u0000|\\ud[89a-f]/;

/** Takes what is signed by the listing's gateway, each event once. Fails as a whole when chain or database can't be asked. */
export async function takeUsageEvents(
  deps: Deps,
  batch: readonly string[],
): Promise<z.infer<typeof usageBatchResponseSchema>> {
  await deps.guard.assertTrusted();
  const accepted: string[] = [];
  const rejected: { event_id: string; reason: string }[] = [];
  const reporters = new Map<string, Promise<Reporter>>(); // one question per listing and batch
  for (const jws of batch) {
    const claimed = claimedId(jws);
    try {
      const countersigned = countersignedSchema.safeParse(parsePayload(jws)).data;
      if (countersigned) {
        await takeCountersignature(deps, countersigned, jws);
        accepted.push(countersigned.event_id);
        continue;
      }
      const event = readEvent(jws);
      const reporter = reporters.get(event.ek_id) ?? reporterOf(deps, event.ek_id);
      reporters.set(event.ek_id, reporter);
      const { sellerId, gatewayKey } = await reporter;
      if (event.seller_id !== sellerId) throw new Rejected("seller_id is not the listing's seller");
      await verifySignature(jws, gatewayKey);
      await saveUsageEvent(deps.sql, event, { jws, gatewayId: await gatewayIdOf(gatewayKey) });
      accepted.push(event.event_id);
    } catch (error) {
      if (!(error instanceof Rejected)) throw error;
      rejected.push({ event_id: claimed, reason: error.message });
    }
  }
  return { accepted, rejected };
}

/** The id that the event gives itself, or the hash of what can't be read. */
function claimedId(jws: string): string {
  try {
    const { event_id } = decodeJwt(jws);
    if (typeof event_id === "string") return event_id.slice(0, 64);
  } catch {
    // told by `readEvent`
  }
  return `sha256:${createHash("sha256").update(jws).digest("hex")}`;
}

function readEvent(jws: string): UsageEvent {
  const result = usageEventSchema.safeParse(parsePayload(jws));
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new Rejected(`malformed: /${issue?.path.join("/")} ${issue?.message}`);
  }
  if (UNSTORABLE.test(JSON.stringify(result.data)))
    throw new Rejected("malformed: NUL or half a surrogate pair");
  if (Date.parse(result.data.timestamp) > Date.now() + CLOCK_SKEW)
    throw new Rejected("its time is in the future");
  return result.data;
}

function parsePayload(jws: string): unknown {
  try {
    return decodeJwt(jws);
  } catch {
    throw new Rejected("no compact JWS with a JSON payload");
  }
}

/** Who may report the use of a listing: its seller's gateway, by the key (JWK `x`) that is published with it. */
type Reporter = { sellerId: string; gatewayKey: string };

async function reporterOf({ chain, versions }: Deps, ekId: string): Promise<Reporter> {
  const ref = ekIds.parse(ekId);
  const head = ref.chainId === chain.id ? await readHead(chain, ref.ekId) : undefined;
  if (!head) throw new Rejected("unknown listing");
  const gatewayKey = (await versions(ref.ekId, head.version))?.summary?.access_policy.gateway_key;
  if (!gatewayKey) throw new Rejected("the listing names no gateway_key");
  return { sellerId: agentIds.serialize({ chainId: chain.id, agentId: head.sellerId }), gatewayKey };
}

async function verifySignature(jws: string, x: string): Promise<void> {
  try {
    const key = await importJWK({ kty: "OKP", crv: "Ed25519", x }, "EdDSA");
    await compactVerify(jws, key, { algorithms: ["EdDSA"] });
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof DOMException || error instanceof TypeError) {
      throw new Rejected("not signed by the listing's gateway_key");
    }
    throw error;
  }
}
