/**
 * the ek-purchase scheme in the stock client
 * ├── given an offer within the bounds     signs ReceiveWithAuthorization to the exchange, once
 * ├── given one outside of any bound       nothing is signed (T17)
 * └── beside `exact`                       buy takes it, and falls back to `exact` where it does not hold
 */
import { decodePaymentSignatureHeader } from "@x402/core/http";
import type { PaymentRequirements } from "@x402/core/types";
import { expect } from "chai";
import { type Address, recoverTypedDataAddress } from "viem";
import { PURCHASE_SCHEME, purchaseTypedData } from "../../sdk/bound-purchase.ts";
import { createExchange } from "../../sdk/client.ts";
import { type PurchaseBounds, PurchaseScheme } from "../../sdk/purchase-scheme.ts";
import { quoteHash } from "../../sdk/till.ts";
import type { QuoteResponse } from "../../sdk/wire/listing.ts";
import {
  CHAIN_ID,
  contracts,
  countingWallet,
  health,
  offerFor,
  PRICE,
  paymentRequired,
  paymentsIn,
  purchase,
  quoteFor,
  token,
} from "./support/exchange.ts";
import { failure } from "./support/failure.ts";
import { useServer } from "./support/server.ts";

const SALT = `0x${"5".repeat(64)}` as const;
const OTHER = `0x${"d".repeat(40)}` as const;
const deadline = String(Math.floor(Date.now() / 1000) + 300);

type Extra = { name: string; version: string; salt: string; purchase: Record<string, unknown> };

function offer(
  { purchase: changes, ...extra }: Partial<Omit<Extra, "purchase">> & { purchase?: object } = {},
  fields: Partial<PaymentRequirements> = {},
): PaymentRequirements {
  return {
    scheme: PURCHASE_SCHEME,
    network: `eip155:${CHAIN_ID}`,
    payTo: contracts.Exchange,
    asset: token,
    amount: String(PRICE),
    maxTimeoutSeconds: 60,
    extra: {
      name: "Test USD Coin",
      version: "1",
      salt: SALT,
      paymentFlow: "upfront",
      ...extra,
      purchase: { ekId: "1", version: 1, maxPrice: String(PRICE), deadline, referrerId: "0", ...changes },
    },
    ...fields,
  };
}

describe("client: the ek-purchase scheme", () => {
  let wallet: ReturnType<typeof countingWallet>;
  const bounds: PurchaseBounds = {
    exchange: contracts.Exchange,
    token,
    maxPrice: PRICE,
    ekId: 1n,
    version: 1,
  };
  beforeEach(() => {
    wallet = countingWallet();
  });
  const sign = (requirements: PaymentRequirements, changes: Partial<PurchaseBounds> = {}) =>
    new PurchaseScheme(wallet, { ...bounds, ...changes }).createPaymentPayload(2, requirements);

  it("signs the purchase that is offered, for the signer where nobody is named", async () => {
    for (const recipient of [undefined, wallet.address]) {
      const { payload } = await sign(offer(recipient ? { purchase: { recipient } } : {}));
      const { from, signature } = payload as { from: Address; signature: `0x${string}` };
      expect(from).to.equal(wallet.address);
      const data = purchaseTypedData(
        { chainId: CHAIN_ID, exchange: contracts.Exchange },
        { name: "Test USD Coin", version: "1", address: token },
        {
          purchase: {
            ...{ ekId: 1n, version: 1, recipient: wallet.address, maxPrice: PRICE },
            ...{ deadline: BigInt(deadline), referrerId: 0n },
          },
          salt: SALT,
          from,
        },
      );
      expect(await recoverTypedDataAddress({ ...data, signature })).to.equal(wallet.address);
    }
  });

  it("signs for another's key only where the bounds name it", async () => {
    const gift = offer({ purchase: { recipient: OTHER } });
    expect((await failure(sign(gift))).details.field).to.equal("recipient");
    await sign(gift, { recipient: OTHER });
    expect(wallet.signed).to.have.length(1);
  });

  describe("T17 an offer outside of the bounds is not signed:", () => {
    const lies: [field: string, requirements: () => PaymentRequirements][] = [
      ["exchange", () => offer({}, { payTo: OTHER })],
      ["exchange", () => offer({}, { payTo: "somewhere" })],
      ["token", () => offer({}, { asset: OTHER })],
      ["price", () => offer({ purchase: { maxPrice: String(PRICE + 1n) } }, { amount: String(PRICE + 1n) })],
      ["amount", () => offer({}, { amount: "1" })],
      ["listing", () => offer({ purchase: { ekId: "2" } })],
      ["version", () => offer({ purchase: { version: 2 } })],
      ["recipient", () => offer({ purchase: { recipient: OTHER } })],
      ["deadline", () => offer({ purchase: { deadline: String(Number(deadline) + 86_400) } })],
      ["network", () => offer({}, { network: "solana:1" })],
      ["extra.purchase.deadline", () => offer({ purchase: { deadline: "soon" } })],
      ["extra.salt", () => offer({ salt: "0x1" })],
      ["extra.purchase", () => offer({}, { extra: { name: "Test USD Coin", version: "1", salt: SALT } })],
    ];
    for (const [field, requirements] of lies) {
      it(`another ${field}`, async () => {
        const error = await failure(sign(requirements()));
        expect(error).to.include({ code: "PAYMENT_FAILED" });
        expect(error.details.field).to.equal(field);
        expect(error.message).to.match(/Nothing was signed\.$/);
        expect(wallet.signed).to.deep.equal([]);
      });
    }

    it("another salt, where the bounds name one", async () => {
      expect((await failure(sign(offer(), { salt: `0x${"6".repeat(64)}` }))).details.field).to.equal("salt");
      expect(wallet.signed).to.deep.equal([]);
    });
  });

  describe("in buy", () => {
    const server = useServer();
    const PAY = `POST /quotes/0x${"e".repeat(64)}/pay`;
    let quote: QuoteResponse;
    beforeEach(() => {
      quote = quoteFor(wallet.address);
    });

    /** The bound offer of the quote, with changes. */
    function bound(changes: { purchase?: object; salt?: string } = {}) {
      const { ekId, version, buyer, maxPrice, deadline: end } = quote.quote;
      const struct = {
        ...{ ekId: BigInt(ekId), version, buyer: buyer as Address, token, maxPrice: BigInt(maxPrice) },
        ...{ deadline: BigInt(end), salt: quote.quote.salt as `0x${string}` },
      };
      const salt = quoteHash({ chainId: CHAIN_ID, tills: contracts.Tills }, struct);
      return offer({ salt, ...changes, purchase: { recipient: buyer, deadline: end, ...changes.purchase } });
    }

    async function buyWith(offers: PaymentRequirements[]) {
      server.routes = {
        "GET /health": () => ({ body: health() }),
        "POST /listings/ek_31337_1/quote": () => ({ body: quote }),
        [PAY]: ({ headers }) =>
          headers["payment-signature"]
            ? { body: purchase(wallet.address) }
            : paymentRequired(offers as ReturnType<typeof offerFor>[]),
      };
      await createExchange({ url: server.url, wallet }).buy("ek_31337_1", { maxPrice: PRICE });
      const [header] = paymentsIn(server.received);
      return decodePaymentSignatureHeader(header ?? "").accepted.scheme;
    }

    it("is taken before exact, wherever it stands", async () => {
      const exact = offerFor(quote) as PaymentRequirements;
      expect(await buyWith([exact, bound()])).to.equal(PURCHASE_SCHEME);
      expect((wallet.signed.at(-1) as { primaryType: string }).primaryType).to.equal(
        "ReceiveWithAuthorization",
      );
    });

    it("T17 gives way to exact where it is not the quote's own", async () => {
      const exact = offerFor(quote) as PaymentRequirements;
      for (const lie of [
        bound({ salt: SALT }),
        bound({ purchase: { ekId: "2" } }),
        bound({ purchase: { recipient: OTHER } }),
      ]) {
        expect(await buyWith([lie, exact])).to.equal("exact");
      }
    });
  });
});
