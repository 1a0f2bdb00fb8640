import type { PaymentPayload } from "@x402/core/types";
import { PERMIT2_ADDRESS } from "@x402/evm";
import { UptoEvmScheme } from "@x402/evm/upto/client";
import { x402Client } from "@x402/fetch";
import { expect } from "chai";
import type postgres from "postgres";
import { type Address, type Hex, maxUint256, type PrivateKeyAccount } from "viem";
import { buyUpto, permissionIn, uptoPayloadSchema } from "../../api/actions/upto.ts";
import { createChain } from "../../api/chain/client.ts";
import { referenceOf, saveAuthorization } from "../../api/store/authorizations.ts";
import { keepLease, takePayment } from "../../api/store/payments.ts";
import { findQuote, type StoredQuote } from "../../api/store/quotes.ts";
import { curves } from "../../sdk/curves.ts";
import { oneStepResponseSchema } from "../../sdk/wire/x402.ts";
import { expectError } from "./support/api.ts";
import { createOneStep, type OneStep } from "./support/one-step.ts";
import { openTables } from "./support/tables.ts";
import { useApi } from "./support/use-api.ts";
import { createPayer, receiptOf, requiredOf } from "./support/x402.ts";

/** The first key's price, and how much dearer each key is than the one before. */
const BASE = 1_000_000n;
const STEP = 100_000n;
const RISING = { base: BASE, slope: STEP, max: 100n * BASE };
/** A quarter more than the first key's price. */
const CEILING = 1_250_000n;

/*
x402's `upto` for listings whose price moves
├── offered                 beside exact and ek-purchase where the price moves; not where it is fixed or free
├── paid by the stock client    a key for what it costs at the sale; named buyer, whoever pays, newcomer
├── others buy meanwhile    the same permission pays the new price; above the ceiling nothing is paid
├── sent again, by anybody  one key, the same answer; also when somebody else made the sale at the contract
├── bad permissions         402 with the reason; no transaction, nothing paid, a better one is taken
└── the process dies        another one settles it
*/
describe("api: paying up to a ceiling", () => {
  const shared = useApi();
  let shop: OneStep;
  let sql: postgres.Sql;

  before(async () => {
    shop = await createOneStep(shared.api);
    sql = openTables(shared.api.run);
  });
  after(() => sql.end());

  const listing = () =>
    shared.api.market.list(shop.seller, {
      curve: shared.api.market.deployment.curves.linear,
      curveParams: curves.linear.encode(RISING),
    });

  /** The stock client, with x402's scheme `upto` alone. */
  const payerOf = (account: PrivateKeyAccount) =>
    createPayer(
      account,
      shared.api.chainId,
      x402Client.fromConfig({
        schemes: [{ network: `eip155:${shared.api.chainId}`, client: new UptoEvmScheme(account) }],
        spendControls: false,
      }),
    );

  /** A newcomer, or an agent, that lets Permit2 take its tokens. */
  async function account({ joined = false } = {}): Promise<PrivateKeyAccount> {
    const { market } = shared.api;
    const payer = joined ? (await market.join()).account : await market.newcomer();
    await market.send(payer, market.contracts.usdc, "approve", [PERMIT2_ADDRESS, maxUint256]);
    return payer;
  }

  async function quoted(number: bigint, payer?: PrivateKeyAccount) {
    const buyer = payer ?? (await account());
    const quote = await shared.api.quote(shared.api.ekIdOf(number), buyer.address);
    const { required, payload, headers } = await payerOf(buyer).prepare(quote.pay_url);
    return { buyer, quote, required, payload, headers };
  }

  const permissionOf = ({ payload }: PaymentPayload) => permissionIn(uptoPayloadSchema.parse(payload));

  async function storedQuote(id: string): Promise<StoredQuote> {
    const quote = await findQuote(sql, id);
    if (!quote) throw new Error("The quote is not stored.");
    return quote;
  }

  /** Draws by the permission past the API, as anybody can. */
  async function drawAtContract(quoteId: string, payload: PaymentPayload): Promise<void> {
    const chain = createChain(shared.api.run);
    const call = buyUpto(chain, await storedQuote(quoteId), permissionOf(payload));
    const { market } = shared.api;
    await market.send(await market.newcomer(), market.contracts.tills, "buyUpto", call.args as never);
  }

  it("is offered where the price moves, with a till of its own", async () => {
    const { quote, required } = await quoted(await listing());
    const [exact, bound, upto] = required.accepts;
    expect([exact?.scheme, bound?.scheme, upto?.scheme]).to.deep.equal(["exact", "ek-purchase", "upto"]);
    expect([exact?.amount, upto?.amount]).to.deep.equal([String(BASE), String(CEILING)]);
    expect(quote.price.amount).to.equal(String(BASE));
    expect(upto?.payTo).to.not.equal(exact?.payTo);
    expect(upto?.extra).to.deep.include({
      ...{ facilitatorAddress: shared.api.market.contracts.tills.address, quote_id: quote.quote_id },
      assetTransferMethod: "permit2",
    });
    for (const price of [250_000n, 0n]) {
      const fixed = await shared.api.market.list(shop.seller, {
        curveParams: curves.fixed.encode({ price }),
      });
      const answer = await shop.ask(shop.pathOf(fixed));
      expect(requiredOf(answer.headers)?.accepts.some(({ scheme }) => scheme === "upto")).to.equal(false);
    }
  });

  it("sells to the stock client for exactly what the key costs", async () => {
    const number = await listing();
    let price = BASE;
    for (const joined of [false, true]) {
      const buyer = await account({ joined });
      const quote = await shared.api.quote(shared.api.ekIdOf(number), buyer.address);
      const response = await payerOf(buyer).fetch(quote.pay_url, { method: "POST" });
      expect(response.status).to.equal(200);
      expect(receiptOf(response.headers)).to.include({
        success: true,
        payer: buyer.address,
        amount: String(price),
      });
      expect(await shop.holdings(buyer.address)).to.deep.equal({ keys: 1n, paid: price });
      price += STEP;
    }
    // And in one step, to whoever pays.
    const payer = await account();
    const response = await payerOf(payer).fetch(shop.urlOf(number), { method: "POST" });
    expect(response.status).to.equal(200);
    const { buyer, purchase } = oneStepResponseSchema.parse(await response.json());
    expect([buyer.eoa, purchase?.price.amount]).to.deep.equal([payer.address, String(price)]);
    expect(await shop.holdings(payer.address)).to.deep.equal({ keys: 1n, paid: price });
  });

  it("T4 pays the price of the sale when others buy first, and nothing above the ceiling", async () => {
    const { market } = shared.api;
    const number = await listing();
    const [soon, late] = [await quoted(number), await quoted(number)];
    for (let i = 0; i < 2; i++) await market.buy((await market.join()).account, number);
    const { status, body } = await shop.post(soon.quote.pay_url, soon.headers);
    expect(status, JSON.stringify(body)).to.equal(200);
    expect(await shop.holdings(soon.buyer.address)).to.deep.equal({ keys: 1n, paid: BASE + 2n * STEP });
    // The fourth key is dearer than a quarter above the first.
    const { details } = expectError(
      await shop.post(late.quote.pay_url, late.headers),
      "LISTING_CONFLICT",
      409,
    );
    expect(details.reason).to.equal("price_moved");
    expect(await shop.relayed(late.buyer.address), "T20 costs no transaction").to.equal(0);
    const open = await payerOf(late.buyer).prepare(shop.urlOf(number));
    for (let i = 0; i < 4; i++) await market.buy((await market.join()).account, number);
    const moved = expectError(await shop.ask(shop.pathOf(number), open.headers), "LISTING_CONFLICT", 409);
    expect(moved.details.reason).to.equal("price_moved");
    expect(await shop.holdings(late.buyer.address)).to.deep.equal({ keys: 0n, paid: 0n });
  });

  it("T14 T18 makes one key of a permission, however often it is sent, and by whomever", async () => {
    const number = await listing();
    const { buyer, quote, headers } = await quoted(number);
    const answers = await Promise.all(Array.from({ length: 10 }, () => shop.post(quote.pay_url, headers)));
    for (const { status, body } of answers) expect(status, JSON.stringify(body)).to.equal(200);
    expect(new Set(answers.map(({ body }) => body.key_id)).size).to.equal(1);
    expect((await shop.post(quote.pay_url)).body, "asked without it").to.deep.equal(answers[0]?.body);
    expect(await shop.relayed(buyer.address), "one transaction").to.equal(1);
    expect(await shop.holdings(buyer.address)).to.deep.equal({ keys: 1n, paid: BASE });

    // Somebody else makes the sale, which moves the price and sells the listing out.
    const last = await shared.api.market.list(shop.seller, {
      curve: shared.api.market.deployment.curves.linear,
      ...{ curveParams: curves.linear.encode(RISING), supplyCap: 1 },
    });
    for (const sent of [true, false]) {
      const drawn = await quoted(sent ? number : last);
      await drawAtContract(drawn.quote.quote_id, drawn.payload);
      const answer = await shop.post(drawn.quote.pay_url, sent ? drawn.headers : {});
      expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
      expect(answer.body.buyer.eoa).to.equal(drawn.buyer.address);
      expect((await shop.holdings(drawn.buyer.address)).keys).to.equal(1n);
    }
  });

  it("T17 T20 names what is wrong with a permission, sends nothing, and takes a better one", async () => {
    const { market } = shared.api;
    const number = await listing();
    const { buyer, quote, payload, headers } = await quoted(number);
    const other = await quoted(await listing(), buyer);
    const stranger = await account();
    const p = payload.payload as { signature: Hex; permit2Authorization: Record<string, object> };
    const changed = (changes: object) => ({
      ...payload,
      payload: { ...p, permit2Authorization: { ...p.permit2Authorization, ...changes } },
    });
    const { witness, permitted } = p.permit2Authorization;
    const wrong: [reason: string, payload: PaymentPayload][] = [
      ["invalid_permit2_signature", changed({ nonce: "7" })],
      ["invalid_permit2_signature", changed({ from: stranger.address })],
      ["invalid_permit2_recipient_mismatch", { ...payload, payload: other.payload.payload }],
      ["upto_facilitator_mismatch", changed({ witness: { ...witness, facilitator: stranger.address } })],
      ["permit2_token_mismatch", changed({ permitted: { ...permitted, token: stranger.address } })],
      ["permit2_amount_mismatch", changed({ permitted: { ...permitted, amount: "1" } })],
      ["invalid_payload", { ...payload, payload: {} }],
    ];
    for (const [reason, bad] of wrong) {
      const answer = await shop.post(quote.pay_url, payerOf(buyer).headerOf(bad));
      expect(expectError(answer, "PAYMENT_FAILED", 402).details.reason).to.equal(reason);
    }
    const approve = (amount: bigint) =>
      market.send(buyer, market.contracts.usdc, "approve", [PERMIT2_ADDRESS, amount]);
    await approve(0n);
    const answer = await shop.post(quote.pay_url, headers);
    expect(expectError(answer, "PAYMENT_FAILED", 402).details.reason).to.equal("permit2_allowance_required");
    expect(await shop.relayed(buyer.address, stranger.address)).to.equal(0);
    expect(await shop.holdings(buyer.address)).to.deep.equal({ keys: 0n, paid: 0n });
    await approve(maxUint256);
    expect((await shop.post(quote.pay_url, headers)).status).to.equal(200);
    expect(await shop.holdings(buyer.address)).to.deep.equal({ keys: 1n, paid: BASE });
  });

  it("settles what a process left behind when it died, without being asked", async function () {
    this.timeout(40_000);
    const { buyer, quote, payload } = await quoted(await listing());
    const stored = await storedQuote(quote.quote_id);
    const where = { chainId: shared.api.chainId, token: stored.token };
    const a = permissionOf(payload);
    const { payment } = await takePayment(
      sql,
      {
        ...{
          rail: "x402",
          reference: referenceOf(where, a),
          quoteId: stored.id,
          buyer: stored.buyer as Address,
        },
        ...{
          ekId: stored.ekId,
          version: stored.version,
          amount: a.value,
          currency: stored.token.toLowerCase(),
        },
        evidence: { payer: a.from },
      },
      (tx, id) => saveAuthorization(tx, id, where, a),
    );
    await keepLease(sql, payment.id, -1);
    for (const end = Date.now() + 30_000; (await shop.keysOf(buyer.address)) !== 1n; ) {
      if (Date.now() > end) throw new Error("Nobody settled it.");
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const { status, body } = await shop.post(quote.pay_url);
    expect(status, JSON.stringify(body)).to.equal(200);
    expect(await shop.holdings(buyer.address)).to.deep.equal({ keys: 1n, paid: BASE });
  });
});
