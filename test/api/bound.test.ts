import { expect } from "chai";
import { type Address, decodeFunctionData, type Hash, type Hex } from "viem";
import { exchangeAbi } from "../../sdk/abis/index.ts";
import { authorizationNonce, PURCHASE_SCHEME, purchaseOf } from "../../sdk/bound-purchase.ts";
import { createExchange } from "../../sdk/client.ts";
import type { QuoteState } from "../../sdk/wire/purchase.ts";
import { expectError } from "./support/api.ts";
import { createOneStep, type OneStep } from "./support/one-step.ts";
import { offerOf, PRICE } from "./support/paying.ts";
import { openTables } from "./support/tables.ts";
import { useApi } from "./support/use-api.ts";
import { receiptOf, requiredOf } from "./support/x402.ts";

/*
POST /quotes/{id}/pay by ek-purchase
├── offered beside exact       the stock client takes exact, the SDK the purchase
├── paid                       key, money and answer in one transaction, without a till, for less gas
├── paid again, 20 times       one key, the same answer
├── seen by somebody else      nobody can submit it to the token, nor for another listing, recipient or price
├── submitted by somebody else the same answer, from the chain's log
├── cancelled, or forged       402, no key
└── left by a crash            carried on to the same key
*/
describe("api: paying by a bound purchase", () => {
  const shared = useApi();
  let shop: OneStep;

  before(async () => {
    shop = await createOneStep(shared.api);
  });

  /** A newcomer with a quote, and the purchase that it would send. */
  async function prepared() {
    const { buyer, quote } = await shop.quoted();
    const { required, payload, headers } = await shop.boundPayerOf(buyer).prepare(quote.pay_url);
    return { buyer, quote, required, payload, headers };
  }

  /** What the payment buys, as the contract takes it. */
  function callOf({ payload }: Awaited<ReturnType<typeof prepared>>) {
    const { from, signature } = payload.payload as { from: Address; signature: Hex };
    const extra = payload.accepted.extra as Parameters<typeof purchaseOf>[0];
    return { purchase: purchaseOf(extra, from), from, salt: extra.salt as Hash, signature };
  }

  it("is offered beside exact, which stock clients take", async () => {
    const { buyer, quote, payer } = await shop.quoted();
    const { required, payload } = await payer.prepare(quote.pay_url);
    expect(required.accepts.map(({ scheme }) => scheme)).to.deep.equal(["exact", PURCHASE_SCHEME]);
    expect(payload.accepted.scheme).to.equal("exact");
    const [, bound] = required.accepts;
    expect(bound).to.deep.include({
      payTo: shared.api.market.contracts.exchange.address,
      amount: String(PRICE),
      asset: shared.api.market.token,
    });
    expect(bound?.extra).to.deep.include({
      salt: quote.quote_id,
      purchase: {
        ...{ ekId: quote.quote.ekId, version: 1, recipient: buyer.address, maxPrice: String(PRICE) },
        ...{ deadline: quote.quote.deadline, referrerId: "0" },
      },
    });
  });

  it("sells the key in one transaction, without a till, for less gas than exact", async () => {
    const gasOf = async (hash: string) =>
      (await shared.api.market.client.getTransactionReceipt({ hash: hash as Hash })).gasUsed;
    const { buyer, quote, headers, payload } = await prepared();
    expect(payload.accepted.scheme).to.equal(PURCHASE_SCHEME);
    const answer = await shop.post(quote.pay_url, headers);
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
    expect(receiptOf(answer.headers)).to.deep.include({
      success: true,
      transaction: answer.body.tx,
      payer: buyer.address,
    });
    await shop.expectOneKey(buyer.address);
    const { client } = shared.api.market;
    expect(await client.getCode({ address: quote.till as Address }), "the till").to.equal(undefined);

    const other = await shop.quoted();
    const exact = await other.payer.fetch(other.quote.pay_url, { method: "POST" });
    const { tx } = (await exact.json()) as { tx: string };
    const [bound, till] = [await gasOf(answer.body.tx), await gasOf(tx)];
    expect(bound < till, `${bound} < ${till}`).to.equal(true);
  });

  it("is what the SDK pays by", async () => {
    const { market, run, ekIdOf } = shared.api;
    const wallet = await market.newcomer();
    const exchange = createExchange({
      url: run.apiUrl,
      wallet,
      rpcUrl: run.rpcUrl,
      deployment: run.deployment,
    });
    const { tx } = await exchange.buy(ekIdOf(shop.number), { maxPrice: PRICE });
    await shop.expectOneKey(wallet.address);
    const { input } = await market.client.getTransaction({ hash: tx as Hash });
    expect(decodeFunctionData({ abi: exchangeAbi, data: input }).functionName).to.equal(
      "buyWithAuthorization",
    );
  });

  it("T14 makes one key of 20 parallel requests, and of any later one", async () => {
    const { buyer, quote, headers } = await prepared();
    const sent = await shop.relayed();
    const answers = await Promise.all(Array.from({ length: 20 }, () => shop.post(quote.pay_url, headers)));
    expect(answers.map(({ status }) => status)).to.deep.equal(Array(20).fill(200));
    const exact = await shop.payerOf(buyer).sign(offerOf(quote));
    for (const again of [headers, {}, exact.headers]) {
      expect((await shop.post(quote.pay_url, again)).body).to.deep.equal(answers[0]?.body);
    }
    expect((await shop.relayed()) - sent, "one transaction").to.equal(1);
    await shop.expectOneKey(buyer.address);
  });

  it("T12 T17 can be used by nobody else, and for nothing else", async () => {
    const payment = await prepared();
    const { purchase, from, salt, signature } = callOf(payment);
    const { market } = shared.api;
    const mallory = await market.newcomer();
    const nonce = authorizationNonce(
      { chainId: shared.api.chainId, exchange: market.contracts.exchange.address },
      purchase,
      salt,
    );
    const raw = [
      from,
      market.contracts.exchange.address,
      PRICE,
      0n,
      purchase.deadline + 1n,
      nonce,
      signature,
    ] as const;
    const buy = (changes: Partial<typeof purchase>) =>
      market.send(mallory, market.contracts.exchange, "buyWithAuthorization", [
        { ...purchase, ...changes },
        from,
        salt,
        signature,
      ]);
    const other = await market.list(shop.seller);
    const { account: joined } = await market.join();
    const attempts: (() => Promise<unknown>)[] = [
      () => market.send(mallory, market.contracts.usdc, "transferWithAuthorization", [...raw]),
      () => market.send(mallory, market.contracts.usdc, "receiveWithAuthorization", [...raw]),
      () => buy({ ekId: other }),
      () => buy({ recipient: joined.address }),
      () => buy({ maxPrice: PRICE + 1n }),
      () => buy({ deadline: purchase.deadline + 1n }),
    ];
    for (const attempt of attempts) {
      const outcome = await attempt().then(
        () => "done",
        () => "refused",
      );
      expect(outcome).to.equal("refused");
    }
    expect(await shop.holdings(from)).to.deep.equal({ keys: 0n, paid: 0n });
    expect((await shop.post(payment.quote.pay_url, payment.headers)).status).to.equal(200);
    await shop.expectOneKey(from);
  });

  it("T12 answers the purchase though somebody else had it carried out", async () => {
    const payment = await prepared();
    const { purchase, from, salt, signature } = callOf(payment);
    const { market } = shared.api;
    const { receipt } = await market.send(
      await market.newcomer(),
      market.contracts.exchange,
      "buyWithAuthorization",
      [purchase, from, salt, signature],
    );
    const sent = await shop.relayed();
    const { status, body } = await shop.post(payment.quote.pay_url, payment.headers);
    expect(status, JSON.stringify(body)).to.equal(200);
    expect(body.tx).to.equal(receipt.transactionHash);
    expect(await shop.relayed(), "nothing was sent").to.equal(sent);
    await shop.expectOneKey(from);
    const state = await shared.api.get<QuoteState>(`/quotes/${payment.quote.quote_id}`);
    expect(state).to.include({ state: "issued", tx: receipt.transactionHash });
  });

  it("T13 gives no key for a cancelled authorization, nor for a forged one", async () => {
    const { buyer, quote, headers, payload, required: asked } = await prepared();
    const { payer } = await shop.quoted();
    const forged = payer.headerOf({
      ...payload,
      payload: { ...payload.payload, signature: `0x${"12".repeat(65)}` },
    });
    const stranger = await shared.api.market.newcomer();
    const stolen = payer.headerOf({ ...payload, payload: { ...payload.payload, from: stranger.address } });
    const sent = await shop.relayed();
    for (const bad of [forged, stolen]) {
      const { details } = expectError(await shop.post(quote.pay_url, bad), "PAYMENT_FAILED", 402);
      expect(details.reason).to.be.oneOf(["invalid_exact_evm_signature", "buyer_not_agent"]);
    }
    const extra = asked.accepts[1]?.extra as Parameters<typeof purchaseOf>[0];
    const at = { chainId: shared.api.chainId, exchange: shared.api.market.contracts.exchange.address };
    await shop.cancel(
      buyer,
      authorizationNonce(at, purchaseOf(extra, buyer.address), quote.quote_id as Hash),
    );
    const answer = await shop.post(quote.pay_url, headers);
    const { details } = expectError(answer, "PAYMENT_FAILED", 402);
    expect(details.reason).to.equal("invalid_exact_evm_nonce_already_used");
    expect(requiredOf(answer.headers)?.accepts).to.have.length(2);
    expect(await shop.relayed(), "T20 bad payloads cost no transaction").to.equal(sent);
    expect(await shop.holdings(buyer.address)).to.deep.equal({ keys: 0n, paid: 0n });
  });

  it("T18 is carried on from where a crash left it, to one key", async () => {
    const payment = await prepared();
    const { purchase, from, salt, signature } = callOf(payment);
    const { market, run } = shared.api;
    expect((await shop.post(payment.quote.pay_url, payment.headers)).status).to.equal(200);
    // As if the process had died after sending and before writing down how it ended.
    const sql = openTables(run);
    try {
      await sql`
        update payments set state = 'Unknown', tx = null, purchase = null, key_id = null, lease_until = now() - interval '1 s'
        where quote_id = ${payment.quote.quote_id}`;
      const again = await shop.post(payment.quote.pay_url, payment.headers);
      expect(again.status, JSON.stringify(again.body)).to.equal(200);
    } finally {
      await sql.end();
    }
    await shop.expectOneKey(from);
    const replay = await market
      .send(await market.newcomer(), market.contracts.exchange, "buyWithAuthorization", [
        purchase,
        from,
        salt,
        signature,
      ])
      .then(
        () => "done",
        () => "refused",
      );
    expect(replay).to.equal("refused");
  });
});
