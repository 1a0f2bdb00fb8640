/**
 * A facilitator of somebody else's, which submits `exact` payments in our place. What it says of them is kept as evidence and never
 * believed: the token's own log tells whether the quote's till was paid.
 */
import { type FacilitatorClient, HTTPFacilitatorClient } from "@x402/core/server";
import { type PaymentRequirements, SettleError } from "@x402/core/types";
import { erc20Abi, type Hash } from "viem";
import type { Chain } from "../chain/client.ts";
import type { Authorization } from "../store/authorizations.ts";
import type { StoredQuote } from "../store/quotes.ts";

export type ForeignFacilitator = { url: string; client: Pick<FacilitatorClient, "settle"> };

/** The facilitator at `url`. It is given as long for an answer as a transaction of our own. */
export function createForeignFacilitator(url: string, { patience }: Chain): ForeignFacilitator {
  return { url, client: new HTTPFacilitatorClient({ url, timeoutMs: patience }) };
}

/** What it answered. `nothing`: no answer, or one that can't be read. */
export type Said =
  | { answer: "paid"; tx: string }
  | { answer: "refused"; reason: string }
  | { answer: "nothing" };

/** Has the payment submitted. Asking again does no harm: the token takes an authorization once. */
export async function askToSubmit(
  { client }: ForeignFacilitator,
  chain: Chain,
  quote: StoredQuote,
  { signature, ...a }: Authorization,
): Promise<Said> {
  const requirements = requirementsOf(chain, quote);
  const authorization = {
    ...{ from: a.from, to: quote.till, nonce: a.nonce, value: String(a.value) },
    ...{ validAfter: String(a.validAfter), validBefore: String(a.validBefore) },
  };
  try {
    const payload = { x402Version: 2, accepted: requirements, payload: { authorization, signature } };
    const answer = await client.settle(payload, requirements);
    return answer.success
      ? { answer: "paid", tx: answer.transaction }
      : { answer: "refused", reason: answer.errorReason ?? "settlement_failed" };
  } catch (error) {
    // It may have submitted the payment all the same, or do so later.
    if (error instanceof SettleError)
      return { answer: "refused", reason: error.errorReason ?? "settlement_failed" };
    return { answer: "nothing" };
  }
}

function requirementsOf({ id, deployment }: Chain, quote: StoredQuote): PaymentRequirements {
  const token = deployment.tokens.find(({ address }) => address.toLowerCase() === quote.token.toLowerCase());
  return {
    scheme: "exact",
    network: `eip155:${id}`,
    asset: quote.token,
    amount: String(quote.maxPrice),
    payTo: quote.till,
    maxTimeoutSeconds: Math.max(1, Math.floor(Number(quote.deadline) - Date.now() / 1000)),
    extra: { name: token?.name, version: token?.version },
  };
}

/** A transfer into a till, as the token logged it: by its place, since one transaction may pay many tills. */
export type TillTransfer = { tx: Hash; log_index: number; from: string; value: string };

/** The transfers into the quote's till since the quote was given. */
export async function transfersInto({ client }: Chain, quote: StoredQuote): Promise<TillTransfer[]> {
  const logs = await client.getContractEvents({
    ...{ address: quote.token, abi: erc20Abi, eventName: "Transfer", args: { to: quote.till } },
    ...{ fromBlock: quote.blockNumber, strict: true },
  });
  return logs.map(({ transactionHash, logIndex, args }) => ({
    ...{ tx: transactionHash, log_index: logIndex, from: args.from, value: String(args.value) },
  }));
}
