/** How a buyer speaks to a seller's gateway: with its token, with proof that it holds the token's key, and keeping what the gateway signs. */
import { countersign } from "./countersignature.ts";
import { type DpopKey, signDpopProof } from "./dpop.ts";
import { ExchangeError } from "./errors.ts";
import { ANSWER_TIMEOUT, type Call, type Fetch, readJson, type Server, send } from "./http.ts";
import { bodyHash, type HashedRequest, hashRequest, type Receipt, verifyReceipt } from "./receipts.ts";
import { storedReceiptSchema } from "./wire/public.ts";

export type Access = {
  gateway: Server;
  ekId: string;
  token: string;
  /** The key that the token is bound to. */
  dpop?: DpopKey | undefined;
  /** By which the gateway signs, as the listing names it. Without it no receipt can be believed, and none is kept. */
  gatewayKey?: string | undefined;
  /** Makes a fetch that pays what is asked for. */
  pay?: ((fetch: Fetch) => Fetch) | undefined;
};

/** A receipt that was verified, and fits what was asked and what came. */
export type KeptReceipt = { jws: string; event: Receipt; countersigned: boolean };

/** Asks the gateway with the token; the answer is any successful one, its body unread. */
export async function ask(
  access: Access,
  request: Omit<Call<unknown>, "schema" | "bearer"> & { method: "GET" | "POST" },
  signal: AbortSignal,
): Promise<Response> {
  const { gateway, token, dpop, pay = (fetch) => fetch } = access;
  if (!dpop) return send({ ...gateway, fetch: pay(gateway.fetch) }, { ...request, bearer: token }, signal);
  return send({ ...gateway, fetch: pay(proving(gateway.fetch, token, dpop)) }, request, signal);
}

/** A fetch that proves anew with each request, also with one that is sent again with a payment. */
function proving(fetch: Fetch, token: string, key: DpopKey): Fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const proof = await signDpopProof(key, { htm: request.method, htu: request.url, accessToken: token });
    request.headers.set("authorization", `DPoP ${token}`);
    request.headers.set("dpop", proof);
    return fetch(request);
  };
}

/**
 * Fetches the receipt of an answer and countersigns it, where the token is bound to a key. Undefined where the gateway gives none that fits:
 * the bytes are no worse for that, and without a receipt it can't say that they were used.
 */
export async function keepReceipt(
  access: Access,
  use: {
    receiptId: string | null;
    request: HashedRequest;
    bytes: Uint8Array;
    verdict: "received" | "mismatch";
  },
): Promise<KeptReceipt | undefined> {
  const { receiptId, request, bytes, verdict } = use;
  if (receiptId === null || access.gatewayKey === undefined) return undefined;
  try {
    const path = `/receipts/${encodeURIComponent(receiptId)}`;
    const response = await ask(access, { method: "GET", path }, AbortSignal.timeout(ANSWER_TIMEOUT));
    const { receipt: jws } = await readJson(access.gateway, response, storedReceiptSchema);
    const event = await verifyReceipt(jws, access.gatewayKey);
    const fits =
      event.event_id === receiptId &&
      event.ek_id === access.ekId &&
      event.receipt.request_hash === hashRequest(request) &&
      event.receipt.response_hash === bodyHash(bytes);
    if (!fits) return undefined;
    if (access.dpop)
      await sendCountersignature(
        access,
        path,
        await countersign(access.dpop, { receipt: event, jws, verdict }),
      );
    return { jws, event, countersigned: access.dpop !== undefined };
  } catch (error) {
    if (error instanceof ExchangeError) return undefined;
    throw error;
  }
}

async function sendCountersignature(access: Access, path: string, countersignature: string): Promise<void> {
  const request = { method: "POST", path: `${path}/countersignature`, body: { countersignature } } as const;
  const response = await ask(access, request, AbortSignal.timeout(ANSWER_TIMEOUT));
  await response.body?.cancel();
}
