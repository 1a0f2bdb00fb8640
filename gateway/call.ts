/** One request on its way through the gateway, and how it ends: in the log, and as an event for the exchange. */
import type { X509Certificate } from "node:crypto";
import type { CapabilityClaims } from "../sdk/capability.ts";
import { type ExchangeError, errorCodes } from "../sdk/errors.ts";
import { bodyHash, hashRequest } from "../sdk/receipts.ts";
import type { Action } from "./access.ts";
import type { Manifest } from "./catalog.ts";
import type { Log } from "./log.ts";
import { type Limit, limitsOf, type Meter, type Part, rateLimitHeaders } from "./meter.ts";
import type { ReceiptBasis, UsageRecorder } from "./usage.ts";

/** From where a request came, as far as the adapter knows. */
export type Peer = {
  /** Of the client, or of the proxy in front of it unless that is a trusted one. */
  address?: string;
  /** The certificate whose private key the client has proven to have, in the TLS handshake of this very connection. */
  certificate?: X509Certificate;
};

/** One request and what is known of it so far. */
export type Call = {
  /** Also the id of its event, and of its receipt. */
  id: string;
  startedAt: number;
  method: string;
  target: string;
  peer: Peer;
  /** Set once the token is good: from then on there is a buyer to account for. */
  claims?: CapabilityClaims;
  action?: Action;
  manifest?: Manifest;
  itemId?: string;
  /** What the buyer said about its use: the work that it cites it in. */
  reason?: string;
  /** Limits beside the key's own: those of a presigned URL. */
  limits?: readonly Limit[];
  /** Set once a use was admitted: from then on the buyer is owed a receipt. */
  receipt?: ReceiptBasis;
};

/** How a request ended. `bytes` of the body went out; `hash` is the body's sha256 in hex, when all of it did. */
export type Outcome = {
  status: number;
  bytes: number;
  hash?: string;
  error?: ExchangeError;
  aborted?: true;
};

/** What was asked for, as far as the receipt has to tell it. */
type Asked = { range?: string | null; body?: Uint8Array };

/**
 * Takes a use from the key's quota, and from then on owes a receipt. Returns headers that tell both. The last thing before the work: what
 * is refused costs no use. Throws QUOTA_EXCEEDED.
 */
export async function admit(
  call: Call,
  { meter }: { meter: Meter },
  { part, ...asked }: Asked & { part?: Part } = {},
): Promise<Record<string, string>> {
  const { limits, group } = limitsOf(claimsOf(call));
  const left = await meter.take([...limits, ...(call.limits ?? [])], group, part);
  return { ...oweReceipt(call, asked), ...rateLimitHeaders(left) };
}

/** From now on the buyer is owed a receipt. Returns headers that name it. */
export function oweReceipt(call: Call, { range = null, body }: Asked): Record<string, string> {
  const { key_id, listing_id, ek_id, sub, jti, cnf, watermark_id } = claimsOf(call);
  const { method, target } = call;
  call.receipt = {
    listing_id,
    ...(key_id === undefined ? {} : { key_id }),
    // A validator has no key: its uses of a listing are numbered by themselves.
    chain: key_id ?? `${ek_id} ${sub}`,
    jti,
    request_hash: hashRequest({ method, target, range, body: body === undefined ? null : bodyHash(body) }),
    ...(cnf === undefined ? {} : { jkt: cnf.jkt }),
    ...(watermark_id === undefined ? {} : { watermark_id }),
  };
  return { "receipt-id": call.id, ...(watermark_id === undefined ? {} : { watermark: watermark_id }) };
}

function claimsOf({ claims }: Call): CapabilityClaims {
  if (!claims) throw new Error("A use before its token.");
  return claims;
}

/** Logs the request and, when its buyer is known, records the use. Called once per request. */
export async function conclude(
  call: Call,
  outcome: Outcome,
  { usage, log, open }: { usage: UsageRecorder; log: Log; open: Set<string> },
): Promise<void> {
  const { claims } = call;
  const { status, bytes, error, aborted } = outcome;
  const ms = Math.round(performance.now() - call.startedAt);
  if (claims) await usage.record(useOf(call, claims, outcome, ms));
  log(error && error.status >= errorCodes.INTERNAL_ERROR ? "error" : "info", "request", {
    request_id: call.id,
    method: call.method,
    // The query is not ours to keep: somebody may have put a token there.
    path: call.target.split("?")[0]?.slice(0, 200),
    status,
    bytes,
    ms,
    ...(claims && { ek_id: claims.ek_id, buyer: claims.sub, jti: claims.jti }),
    ...(aborted && { aborted }),
    ...(error && { code: error.code, message: error.message, cause: error.cause }),
  });
  open.delete(call.id);
}

function useOf(call: Call, claims: CapabilityClaims, { bytes, hash, error, aborted }: Outcome, ms: number) {
  const { action = "fetch", manifest, itemId, receipt } = call;
  const reason = error?.code ?? (aborted ? "BUYER_LEFT" : call.reason);
  const ok = action === "quote" ? ("QuoteEvent" as const) : ("UsageEvent" as const);
  return {
    event_id: call.id,
    event_type: error ? ("ErrorEvent" as const) : ok,
    ek_id: claims.ek_id,
    exp_id: manifest?.expId ?? "",
    seller_id: claims.aud,
    buyer_agent_id: claims.sub,
    action,
    // What was asked for need not be an id, or of a length that an event can hold.
    ...(itemId !== undefined && manifest?.items.has(itemId) ? { item_id: itemId } : {}),
    bytes,
    latency_ms: ms,
    result: resultOf(error),
    ...(reason === undefined ? {} : { reason }),
    ...(receipt && {
      receipt: { ...receipt, ...(hash === undefined ? {} : { response_hash: `sha256:${hash}` }) },
    }),
  };
}

/** Denied is what the buyer could have known or done otherwise; an error is the seller's side. */
function resultOf(error: ExchangeError | undefined): "ok" | "denied" | "error" {
  if (!error) return "ok";
  return error.status < errorCodes.INTERNAL_ERROR ? "denied" : "error";
}
