import { expect } from "chai";
import type postgres from "postgres";
import type { PrivateKeyAccount } from "viem";
import { generatePrivateKey } from "viem/accounts";
import { referenceOf, saveAuthorization } from "../../api/store/authorizations.ts";
import { getPayment, keepLease, takePayment } from "../../api/store/payments.ts";
import { findQuoteByTill, saveQuote } from "../../api/store/quotes.ts";
import { curves } from "../../sdk/curves.ts";
import { quoteHash, tillAddress } from "../../sdk/till.ts";
import { expectError } from "./support/api.ts";
import { createOneStep, type OneStep } from "./support/one-step.ts";
import { PRICE } from "./support/paying.ts";
import { openTables } from "./support/tables.ts";
import { useApi } from "./support/use-api.ts";
import { requiredOf } from "./support/x402.ts";

/*
POST /x402/{ek_id} without a buyer
├── paid by either scheme          the key is the payer's, newcomer or not
├── something was in the till      it does not matter
├── submitted by somebody else     no key and no 402; the money goes back to its sender by the token's own log
└── free                           an agent's signature claims it; a newcomer is told to name itself
*/
describe("api: buying in one step for whoever pays", () => {
  const shared = useApi();
  let shop: OneStep;
  let sql: postgres.Sql;

  before(async () => {
    shop = await createOneStep(shared.api);
    sql = openTables(shared.api.run);
  });
  after(() => sql.end());

  it("sells the key to whose authorization came with the sale, by either scheme", async () => {
    const { market } = shared.api;
    for (const payerOf of [shop.payerOf, shop.boundPayerOf]) {
      for (const payer of [await market.newcomer(), (await market.join()).account]) {
        const { headers } = await payerOf(payer).prepare(shop.urlOf(shop.number));
        const { status, body } = await shop.ask(shop.pathOf(shop.number), headers);
        expect(status, JSON.stringify(body)).to.equal(200);
        expect(body.buyer.eoa).to.equal(payer.address);
        await shop.expectOneKey(payer.address);
        const again = await shop.ask(shop.pathOf(shop.number), headers);
        expect(again.body).to.deep.equal(body);
        await shop.expectOneKey(payer.address);
      }
    }
  });

  it("takes a payment for who pays alone: not where a buyer is named", async () => {
    const { market } = shared.api;
    const payer = await market.newcomer();
    const { headers } = await shop.payerOf(payer).prepare(shop.urlOf(shop.number));
    const { details } = expectError(
      await shop.ask(shop.pathOf(shop.number, payer.address), headers),
      "PAYMENT_FAILED",
      402,
    );
    expect(details.reason).to.equal("invalid_payment_requirements");
    expect(await shop.holdings(payer.address)).to.deep.equal({ keys: 0n, paid: 0n });
  });

  it("T12 is not disturbed by what strangers put into the till", async () => {
    const { market } = shared.api;
    const [payer, stranger] = [await market.newcomer(), await market.newcomer()];
    const { headers, transfer } = await shop.payerOf(payer).prepare(shop.urlOf(shop.number));
    await market.send(stranger, market.contracts.usdc, "transfer", [transfer.to, PRICE]);
    const { status, body } = await shop.ask(shop.pathOf(shop.number), headers);
    expect(status, JSON.stringify(body)).to.equal(200);
    expect(body.buyer.eoa).to.equal(payer.address);
    await shop.expectOneKey(payer.address);
    expect(await shop.keysOf(stranger.address)).to.equal(0n);
  });

  it("T12 asks nobody to pay again whose payment somebody else submitted: its money comes back", async () => {
    const { market } = shared.api;
    const payer = await market.newcomer();
    const { headers, transfer } = await shop.payerOf(payer).prepare(shop.urlOf(shop.number));
    await shop.submitTransfer(transfer);
    for (let i = 0; i < 2; i++) {
      const answer = await shop.ask(shop.pathOf(shop.number), headers);
      const { details } = expectError(answer, "PAYMENT_FAILED", 409);
      expect(details.reason).to.equal("front_run");
      expect(details.refund).to.deep.include({ amount: String(PRICE), to: payer.address });
      expect(requiredOf(answer.headers)).to.equal(undefined);
    }
    expect(await shop.holdings(payer.address)).to.deep.equal({ keys: 0n, paid: PRICE });
  });

  it("T12 sends it back after the quote's deadline, by the token's own log, to its sender alone", async () => {
    const { market } = shared.api;
    const [payer, stranger] = [await market.newcomer(), await market.newcomer()];
    const { headers, transfer } = await overdue(payer);
    await market.send(stranger, market.contracts.usdc, "transfer", [transfer.to, 1_000n]);
    await shop.submitTransfer(transfer);
    expect((await shop.holdings(payer.address)).paid).to.equal(PRICE);
    for (let i = 0; i < 2; i++) {
      const { details } = expectError(
        await shop.ask(shop.pathOf(shop.number), headers),
        "PAYMENT_FAILED",
        410,
      );
      expect(details.reason).to.equal("quote_refunded");
      expect(details.tx).to.match(/^0x[0-9a-f]{64}$/);
    }
    expect(await shop.holdings(payer.address)).to.deep.equal({ keys: 0n, paid: 0n });
    expect((await shop.holdings(stranger.address)).paid, "not the payer's").to.equal(1_000n);
  });

  it("T12 sends it back without being asked again: the reconciler does", async function () {
    this.timeout(40_000);
    const payer = await shared.api.market.newcomer();
    const { quote, transfer } = await overdue(payer);
    await shop.submitTransfer(transfer);
    // As a process leaves it that died when it had answered.
    const where = { chainId: shared.api.chainId, token: quote.token };
    const a = { scheme: "exact", ...transfer } as const;
    const { payment } = await takePayment(
      sql,
      {
        ...{ rail: "x402", reference: referenceOf(where, a), quoteId: quote.id, buyer: payer.address },
        ...{ ekId: quote.ekId, version: quote.version, amount: a.value, currency: quote.token.toLowerCase() },
        evidence: { payer: payer.address },
      },
      (tx, id) => saveAuthorization(tx, id, where, a),
    );
    await keepLease(sql, payment.id, -1);
    for (const end = Date.now() + 30_000; (await getPayment(sql, payment.id)).state !== "Refunded"; ) {
      if (Date.now() > end) throw new Error("Nobody sent it back.");
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(await shop.holdings(payer.address)).to.deep.equal({ keys: 0n, paid: 0n });
  });

  /** An open quote whose time is over, and a payment to its till. */
  async function overdue(payer: PrivateKeyAccount) {
    const { chainId, market } = shared.api;
    const { required } = await shop.payerOf(payer).prepare(shop.urlOf(shop.number));
    const [offer] = required.accepts;
    const stored = offer && (await findQuoteByTill(sql, offer.payTo));
    if (!stored) throw new Error("The quote is not stored.");
    const { id: _id, till: _till, blockNumber, ...terms } = stored;
    const late = {
      ...terms,
      deadline: BigInt(Math.floor(Date.now() / 1000) - 120),
      salt: generatePrivateKey(),
    };
    const at = { chainId, tills: market.contracts.tills.address };
    const quote = { ...late, id: quoteHash(at, late), till: tillAddress(at, late), blockNumber };
    await saveQuote(sql, quote);
    const { headers, transfer } = await shop
      .payerOf(payer)
      .sign({ ...required, accepts: [{ ...offer, payTo: quote.till }] });
    return { quote, headers, transfer };
  }

  it("gives a free key to an agent that signs an amount of 0, and asks a newcomer for its name", async () => {
    const { market } = shared.api;
    const free = await market.list(shop.seller, { curveParams: curves.fixed.encode({ price: 0n }) });
    const { account: joined } = await market.join();
    const { headers } = await shop.payerOf(joined).prepare(shop.urlOf(free));
    const answers = await Promise.all([1, 2, 3].map(() => shop.ask(shop.pathOf(free), headers)));
    for (const { status, body } of answers) expect(status, JSON.stringify(body)).to.equal(200);
    expect(await shop.holdings(joined.address)).to.deep.equal({ keys: 1n, paid: 0n });

    const newcomer = await market.newcomer();
    const prepared = await shop.payerOf(newcomer).prepare(shop.urlOf(free));
    const { details } = expectError(
      await shop.ask(shop.pathOf(free), prepared.headers),
      "PAYMENT_FAILED",
      402,
    );
    expect(details.reason).to.equal("buyer_not_agent");
    expect(await shop.keysOf(newcomer.address)).to.equal(0n);
  });
});
