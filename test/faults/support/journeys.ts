/** What buyers do on each rail, from nothing to a token; and what must be true of each at its end, whatever died on the way. */
import { randomUUID } from "node:crypto";
import { PERMIT2_ADDRESS } from "@x402/evm";
import { UptoEvmScheme } from "@x402/evm/upto/client";
import { x402Client } from "@x402/fetch";
import { expect } from "chai";
import { type Address, maxUint256, type PrivateKeyAccount } from "viem";
import { curves } from "../../../sdk/curves.ts";
import type { CardPayment } from "../../../sdk/wire/card.ts";
import type { QuoteResponse } from "../../../sdk/wire/listing.ts";
import type { PurchaseResponse, TokenResponse } from "../../../sdk/wire/purchase.ts";
import type { Api } from "../../api/support/api.ts";
import { boundClient, createPayer } from "../../api/support/x402.ts";
import { createMppxPayer } from "../../support/mppx.ts";
import type { Shop } from "./arena.ts";

const PRICE = 250_000n;
const FUNDS = 1_000_000_000n;
/** In hundredths: what one trade earns. */
const POINTS_PRICE = 100;
/** The float of the card rail, and what it may spend in a day: far above what journeys cost. */
const FLOAT = 10_000_000_000n;
/** Above the least that a card can be charged. */
const CARD_PRICE = 2_500_001n;
const CENTS = 251;

/** A buyer that is ready. `travel` does all of it; `judge` throws unless payment and key are both there, once, or neither. */
export type Journey = { travel(shop: Shop): Promise<void>; judge(shop: Shop): Promise<void> };
export type Rail = (seller: Seller) => Promise<Journey>;
export type Seller = Awaited<ReturnType<typeof createSeller>>;

export async function createSeller(api: Api) {
  const { market } = api;
  const { cards, usdc } = market.contracts;
  await market.send(market.admin, usdc, "mint", [cards.address, FLOAT]);
  await market.send(market.admin, cards, "setDailyCap", [market.token, FLOAT]);
  const { account } = await market.join();
  const fixed = (price: bigint, changes = {}) =>
    market.list(account, { curveParams: curves.fixed.encode({ price }), ...changes });
  return {
    ...{ api, account, paid: await fixed(PRICE), free: await fixed(0n), forCards: await fixed(CARD_PRICE) },
    /** A free listing and one that can be had for points, of another seller. */
    forPoints: async () => {
      const other = await market.join();
      const list = (price: bigint, pointsPrice = 0) =>
        market.list(other.account, { curveParams: curves.fixed.encode({ price }), pointsPrice });
      return [await list(0n), await list(PRICE, POINTS_PRICE)] as const;
    },
    /** A listing of its own, whose price rises. */
    rising: () =>
      market.list(account, {
        curve: market.deployment.curves.linear,
        curveParams: curves.linear.encode({ base: PRICE, slope: 1_000n, max: FUNDS }),
      }),
  };
}

/** Answers a 402's headers with those that pay. */
type Signs = (headers: Headers) => Promise<Record<string, string>>;

export const rails = {
  /** A stock x402 client that keeps what it signed and sends it until it knows. */
  x402: async (seller) => {
    const buyer = await seller.api.market.newcomer();
    const payer = createPayer(buyer, seller.api.chainId);
    return byQuote(seller, seller.paid, buyer, async (headers) => (await payer.answer(headers)).headers);
  },
  /** The same, at the listing's own address: whoever pays is the buyer. */
  oneStep: async ({ api, paid }) => {
    const buyer = await api.market.newcomer();
    const path = `/x402/${api.ekIdOf(paid)}`;
    return {
      async travel(shop) {
        for (;;) {
          const unpaid = await shop.insist(path, { method: "POST" });
          const { headers } = await createPayer(buyer, api.chainId).answer(unpaid.headers);
          const asked = { method: "POST", headers };
          const bought = await shop.insist<{ purchase: PurchaseResponse }>(path, asked);
          if (bought.status === 410) continue;
          expect(bought.status, JSON.stringify(bought.body)).to.equal(200);
          await openWith(shop, buyer, api.ekIdOf(paid));
          const again = await shop.insist<{ purchase: PurchaseResponse }>(path, asked);
          expect(again.body.purchase, "the same answer on retry").to.deep.equal(bought.body.purchase);
          return;
        }
      },
      judge: () => expectOneKey(api, buyer.address, PRICE),
    };
  },
  /** The SDK's own scheme. */
  bound: async (seller) => {
    const { market, chainId } = seller.api;
    const buyer = await market.newcomer();
    const bounds = { exchange: market.contracts.exchange.address, token: market.token, maxPrice: PRICE };
    const payer = createPayer(buyer, chainId, boundClient(buyer, chainId, bounds));
    return byQuote(seller, seller.paid, buyer, async (headers) => (await payer.answer(headers)).headers);
  },
  /** The stock client, where the price moves. */
  upto: async (seller) => {
    const { market, chainId } = seller.api;
    const buyer = await market.newcomer();
    await market.send(buyer, market.contracts.usdc, "approve", [PERMIT2_ADDRESS, maxUint256]);
    const client = x402Client.fromConfig({
      schemes: [{ network: `eip155:${chainId}`, client: new UptoEvmScheme(buyer) }],
      spendControls: false,
    });
    const payer = createPayer(buyer, chainId, client);
    const rising = await seller.rising();
    return byQuote(seller, rising, buyer, async (headers) => (await payer.answer(headers)).headers);
  },
  /** The stock client of the Machine Payments Protocol, on the exchange's own chain. */
  mpp: async (seller) => {
    const buyer = await seller.api.market.newcomer();
    const payer = createMppxPayer(seller.api.run, buyer);
    return byQuote(seller, seller.paid, buyer, async (headers) => ({
      authorization: await payer.createCredential(new Response("{}", { status: 402, headers })),
    }));
  },
  /** The card's holder confirms, and the provider says so until somebody acknowledges it. */
  card: async ({ api, forCards }) => {
    const { account } = await api.market.join();
    const ekId = api.ekIdOf(forCards);
    const body = { ek_id: ekId, payment_method: { type: "card" } };
    let intent = "";
    return {
      async travel(shop) {
        const token = await signIn(shop, account);
        const headers = { "idempotency-key": randomUUID() };
        const asked = await shop.insist<CardPayment>("/me/buy/purchase", { token, body, headers });
        expect(asked.status, JSON.stringify(asked.body)).to.equal(201);
        intent = asked.body.charge.intent_id ?? "";
        shop.cards.confirm(intent);
        for (const event of shop.cards.eventsOf(intent, "payment_intent.amount_capturable_updated")) {
          const payload = JSON.stringify(event);
          const signed = { "stripe-signature": shop.cards.sign(payload) };
          const heard = await shop.insist("/webhooks/stripe", { body: payload, headers: signed });
          expect(heard.status, JSON.stringify(heard.body)).to.equal(200);
        }
        const path = `/me/payments/${asked.body.payment_id}`;
        const { body: bought } = await shop.until<CardPayment>(
          ({ body: { state } }) => state === "EKIssued" || state === "Failed" || state === "Refunded",
          path,
          { token },
        );
        const again = await shop.insist<CardPayment>("/me/buy/purchase", { token, body, headers });
        expect(again.body, "the same answer on retry").to.deep.equal(bought);
        if (bought.state === "EKIssued") await openWith(shop, account, ekId);
      },
      async judge({ cards }) {
        const { keys } = await holdingsOf(api, account.address);
        const { amount_captured, amount_refunded } = cards.chargeOf(intent);
        const isLetGo = cards.intentOf(intent).status === "canceled" || amount_refunded === amount_captured;
        expect(keys, `${amount_captured} captured, ${amount_refunded} refunded`).to.equal(isLetGo ? 0n : 1n);
        if (!isLetGo) expect([amount_captured, amount_refunded]).to.deep.equal([CENTS, 0]);
      },
    };
  },
  free: async (seller) => {
    const agent = await seller.api.agent();
    return byOrder(seller, "free", seller.free, agent.account, () =>
      expectOneKey(seller.api, agent.account.address, 0n),
    );
  },
  points: async (seller) => {
    const { api } = seller;
    const { account, agentId, token } = await api.agent();
    // Of its own: trades with the same seller earn less and less.
    const [free, forPoints] = await seller.forPoints();
    await api.grant(account, ["list", "label", "claim", "spend-points"], token);
    // A trade earns what the key costs.
    const earning = { ek_id: api.ekIdOf(free), payment_method: { type: "free" } };
    await api.get("/me/buy/purchase", { token, body: earning });
    return byOrder(seller, "points", forPoints, account, async () => {
      expect(await holdingsOf(api, account.address)).to.deep.equal({ keys: 2n, paid: 0n });
      const { points } = api.market.contracts;
      const call = { ...points, functionName: "balanceOf", args: [agentId] } as const;
      expect(await api.market.client.readContract(call), "points left").to.equal(0n);
    });
  },
} satisfies Record<string, Rail>;

export type RailName = keyof typeof rails;
export const railNames = Object.keys(rails) as RailName[];

/** Pays a quote by what `sign` makes of its 402. */
function byQuote({ api }: Seller, listing: bigint, buyer: PrivateKeyAccount, sign: Signs): Journey {
  const ekId = api.ekIdOf(listing);
  return {
    async travel(shop) {
      const { path, headers, first } = await pay(shop, ekId, buyer, sign);
      await openWith(shop, buyer, ekId);
      const again = await shop.insist<PurchaseResponse>(path, { method: "POST", headers });
      expect(again.body, "the same answer on retry").to.deep.equal(first);
    },
    judge: () => expectOneKey(api, buyer.address, PRICE),
  };
}

/** Orders without a payment: the same order by its key, whatever happens in between. */
function byOrder(
  { api }: Seller,
  type: "free" | "points",
  listing: bigint,
  account: PrivateKeyAccount,
  judge: Journey["judge"],
): Journey {
  const ekId = api.ekIdOf(listing);
  const headers = { "idempotency-key": randomUUID() };
  return {
    async travel(shop) {
      const token = await signIn(shop, account);
      const asked = { token, body: { ek_id: ekId, payment_method: { type } }, headers };
      // What was given up before it was sent may be ordered again, by the same key.
      const first = await shop.until<PurchaseResponse>(
        ({ status, body }) => {
          const { code, details } = body as { code?: string; details?: { reason?: string } };
          return status !== 409 || code !== "LISTING_CONFLICT" || details?.reason !== "not_sent";
        },
        "/me/buy/purchase",
        asked,
      );
      expect(first.status, JSON.stringify(first.body)).to.equal(200);
      await openWith(shop, account, ekId);
      const again = await shop.insist<PurchaseResponse>("/me/buy/purchase", asked);
      expect(again.body, "the same answer on retry").to.deep.equal(first.body);
    },
    judge,
  };
}

/** Quotes and pays. A quote that is over before it was paid is followed by another one: `judge` finds it if both were paid. */
async function pay(shop: Shop, ekId: string, buyer: PrivateKeyAccount, sign: Signs) {
  for (;;) {
    const asked = { body: { buyer: buyer.address } };
    const quote = await shop.insist<QuoteResponse>(`/listings/${ekId}/quote`, asked);
    expect(quote.status, JSON.stringify(quote.body)).to.equal(200);
    const path = `/quotes/${quote.body.quote_id}/pay`;
    const unpaid = await shop.insist(path, { method: "POST" });
    if (unpaid.status === 410) continue;
    const headers = await sign(unpaid.headers);
    const paid = await shop.insist<PurchaseResponse>(path, { method: "POST", headers });
    if (paid.status === 410) continue;
    expect(paid.status, JSON.stringify(paid.body)).to.equal(200);
    return { path, headers, first: paid.body };
  }
}

/** Turns the key into a token. */
async function openWith(shop: Shop, account: PrivateKeyAccount, ekId: string): Promise<void> {
  const token = await signIn(shop, account);
  const granted = await shop.insist<TokenResponse>("/me/buy/token", { token, body: { ek_id: ekId } });
  expect(granted.status, JSON.stringify(granted.body)).to.equal(200);
}

async function expectOneKey(api: Api, account: Address, paid: bigint): Promise<void> {
  expect(await holdingsOf(api, account)).to.deep.equal({ keys: 1n, paid });
}

/** Keys that a newcomer has by now, and tokens that it has spent. */
async function holdingsOf({ market }: Api, account: Address) {
  const { keys, usdc } = market.contracts;
  const call = { functionName: "balanceOf", args: [account] } as const;
  const balance = await market.client.readContract({ ...usdc, ...call });
  return { keys: await market.client.readContract({ ...keys, ...call }), paid: FUNDS - balance };
}

/** A nonce is used up by an answer that was lost: then everything is signed anew. */
async function signIn(shop: Shop, account: PrivateKeyAccount): Promise<string> {
  for (let i = 0; i < 5; i++) {
    const { body } = await shop.insist<{ nonce: string; message: string }>(
      `/auth/nonce?eoa=${account.address}`,
    );
    const signature = await account.signMessage({ message: body.message });
    const verified = await shop.insist<{ token: string }>("/auth/verify", {
      body: { eoa: account.address, nonce: body.nonce, signature },
    });
    if (verified.status === 200) return verified.body.token;
  }
  throw new Error(`${account.address} can't sign in.`);
}
