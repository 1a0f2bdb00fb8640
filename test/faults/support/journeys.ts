/** What buyers do on each rail, from nothing to a token; and what must be true of each at its end, whatever died on the way. */
import { expect } from "chai";
import type { Address, PrivateKeyAccount } from "viem";
import { curves } from "../../../sdk/curves.ts";
import type { QuoteResponse } from "../../../sdk/wire/listing.ts";
import type { PurchaseResponse, TokenResponse } from "../../../sdk/wire/purchase.ts";
import type { Api } from "../../api/support/api.ts";
import { createPayer } from "../../api/support/x402.ts";
import type { Arena } from "./arena.ts";

const PRICE = 250_000n;
const FUNDS = 1_000_000_000n;

/** A buyer that is ready. `travel` does all of it; `judge` throws unless payment and key are both there, once, or neither. */
export type Journey = { travel(arena: Arena): Promise<void>; judge(): Promise<void> };
export type Rail = (seller: Seller) => Promise<Journey>;
export type Seller = { api: Api; account: PrivateKeyAccount; paid: bigint; free: bigint };

export async function createSeller(api: Api): Promise<Seller> {
  const { market } = api;
  const { account } = await market.join();
  const paid = await market.list(account);
  const free = await market.list(account, { curveParams: curves.fixed.encode({ price: 0n }) });
  return { api, account, paid, free };
}

export const rails = {
  /** A stock x402 client that keeps what it signed and sends it until it knows. */
  x402: async ({ api, paid }) => {
    const buyer = await api.market.newcomer();
    const ekId = api.ekIdOf(paid);
    return {
      async travel(arena) {
        const { path, headers, first } = await pay(arena, ekId, buyer, api.chainId);
        const token = await signIn(arena, buyer);
        const asked = { token, body: { ek_id: ekId } };
        const granted = await arena.insist<TokenResponse>("/me/buy/token", asked);
        expect(granted.status, JSON.stringify(granted.body)).to.equal(200);
        const again = await arena.insist<PurchaseResponse>(path, { method: "POST", headers });
        expect(again.body, "the same answer on retry").to.deep.equal(first);
      },
      async judge() {
        expect(await holdingsOf(api, buyer.address)).to.deep.equal({ keys: 1n, paid: PRICE });
      },
    };
  },
} satisfies Record<string, Rail>;

/** Quotes and pays. A quote that is over before it was paid is followed by another one: `judge` finds it if both were paid. */
async function pay(arena: Arena, ekId: string, buyer: PrivateKeyAccount, chainId: number) {
  for (;;) {
    const asked = { body: { buyer: buyer.address } };
    const quote = await arena.insist<QuoteResponse>(`/listings/${ekId}/quote`, asked);
    expect(quote.status, JSON.stringify(quote.body)).to.equal(200);
    const path = `/quotes/${quote.body.quote_id}/pay`;
    const unpaid = await arena.insist(path, { method: "POST" });
    if (unpaid.status === 410) continue;
    const { headers } = await createPayer(buyer, chainId).answer(unpaid.headers);
    const paid = await arena.insist<PurchaseResponse>(path, { method: "POST", headers });
    if (paid.status === 410) continue;
    expect(paid.status, JSON.stringify(paid.body)).to.equal(200);
    return { path, headers, first: paid.body };
  }
}

/** Keys that a newcomer has by now, and tokens that it has spent. */
async function holdingsOf({ market }: Api, account: Address) {
  const { keys, usdc } = market.contracts;
  const call = { functionName: "balanceOf", args: [account] } as const;
  const balance = await market.client.readContract({ ...usdc, ...call });
  return { keys: await market.client.readContract({ ...keys, ...call }), paid: FUNDS - balance };
}

/** A nonce is used up by an answer that was lost: then everything is signed anew. */
async function signIn(arena: Arena, account: PrivateKeyAccount): Promise<string> {
  for (let i = 0; i < 5; i++) {
    const { body } = await arena.insist<{ nonce: string; message: string }>(
      `/auth/nonce?eoa=${account.address}`,
    );
    const signature = await account.signMessage({ message: body.message });
    const verified = await arena.insist<{ token: string }>("/auth/verify", {
      body: { eoa: account.address, nonce: body.nonce, signature },
    });
    if (verified.status === 200) return verified.body.token;
  }
  throw new Error(`${account.address} can't sign in.`);
}
