import { expect } from "chai";
import { type Address, encodeFunctionData, type Hash, type Hex, parseAbi, parseEventLogs } from "viem";
import { testUSDCAbi } from "../../sdk/abis/index.ts";
import { expectError } from "./support/api.ts";
import { type Copy, startCopy } from "./support/copy.ts";
import {
  type ForeignFacilitator,
  type SettleRequest,
  startForeignFacilitator,
} from "./support/facilitator.ts";
import { sendAll } from "./support/many-calls.ts";
import { createOneStep, type OneStep } from "./support/one-step.ts";
import { openTables } from "./support/tables.ts";
import { useApi } from "./support/use-api.ts";
import { requiredOf } from "./support/x402.ts";

/*
POST /quotes/{id}/pay, with somebody else's facilitator
├── pays the till and says so           the key, made by finalizeTill
├── pays it and names another tx        the same: its word is kept, the token's log decides
├── pays it and says that it failed     the same
├── pays four tills in one transaction  four keys (T21)
├── says that it paid and did nothing   202, never a fresh 402; the key once the money is there
├── says nothing                        the same
└── refuses                             402, and a better payment is taken
*/
describe("api: a foreign facilitator", () => {
  const shared = useApi();
  let shop: OneStep;
  let foreign: ForeignFacilitator;
  let copy: Copy;

  before(async function () {
    this.timeout(120_000);
    shop = await createOneStep(shared.api);
    foreign = await startForeignFacilitator();
    copy = await startCopy(shared.system.run, { env: { FACILITATOR_URL: foreign.url } });
  });
  after(async () => {
    await copy.kill("SIGTERM");
    await foreign.close();
  });

  /** Pays at the copy that has the facilitator. */
  async function post(quoteId: string, headers: Record<string, string> = {}) {
    const answer = await fetch(`${copy.apiUrl}/quotes/${quoteId}/pay`, { method: "POST", headers });
    return {
      status: answer.status,
      headers: answer.headers,
      body: (await answer.json()) as { tx: string; key_id: string },
    };
  }

  async function prepared(joined = false) {
    const { buyer, quote, payer } = await shop.quoted(shop.number, { joined });
    return { buyer, quote, payer, ...(await payer.prepare(quote.pay_url)) };
  }

  const callOf = ({ paymentPayload: { payload } }: SettleRequest) => {
    const a = payload.authorization;
    return [
      ...([a.from as Address, a.to as Address, BigInt(a.value ?? 0), BigInt(a.validAfter ?? 0)] as const),
      ...([BigInt(a.validBefore ?? 0), a.nonce as Hash, payload.signature as Hex] as const),
    ] as const;
  };

  /** Submits the authorization, as an honest facilitator does. */
  async function submit(request: SettleRequest): Promise<Hash> {
    const { market } = shared.api;
    const { receipt } = await market.send(
      await market.newcomer(),
      market.contracts.usdc,
      "transferWithAuthorization",
      [...callOf(request)],
    );
    return receipt.transactionHash;
  }

  const paidBy = (transaction: string) => ({ success: true, transaction });

  it("submits the payment, and the exchange makes the key of it, for agents and newcomers", async () => {
    foreign.settle(async (request) => paidBy(await submit(request)));
    for (const joined of [true, false]) {
      const { buyer, quote, headers } = await prepared(joined);
      const { status, body } = await post(quote.quote_id, headers);
      expect(status, JSON.stringify(body)).to.equal(200);
      await shop.expectOneKey(buyer.address);
      const { market } = shared.api;
      const { logs } = await market.client.getTransactionReceipt({ hash: body.tx as Hash });
      const transfers = parseEventLogs({ abi: testUSDCAbi, logs, eventName: "Transfer" });
      expect(
        transfers.some(({ args }) => args.from === buyer.address),
        "not pulled by the sale",
      ).to.equal(false);
    }
  });

  it("is not believed: neither the transaction that it names nor the failure that it claims", async () => {
    await shared.api.market.join();
    const { transactionHash } = await lastReceipt();
    const lies: Record<string, unknown>[] = [
      paidBy(transactionHash),
      paidBy(`0x${"ab".repeat(32)}`),
      { success: false, errorReason: "broke", transaction: "" },
    ];
    for (const lie of lies) {
      foreign.settle(async (request) => {
        await submit(request);
        return lie;
      });
      const { buyer, quote, headers } = await prepared();
      expect((await post(quote.quote_id, headers)).status).to.equal(200);
      await shop.expectOneKey(buyer.address);
    }
  });

  async function lastReceipt() {
    const { client } = shared.api.market;
    const { transactions } = await client.getBlock();
    return client.getTransactionReceipt({ hash: transactions[0] as Hash });
  }

  it("T21 pays four quotes in one transaction: four keys, each by its own log", async () => {
    const { market } = shared.api;
    const payments = await Promise.all([1, 2, 3, 4].map(() => prepared()));
    const operator = await market.newcomer();
    let all: Promise<Hash> | undefined;
    const waiting: SettleRequest[] = [];
    let ready: (() => void) | undefined;
    const four = new Promise<void>((resolve) => {
      ready = resolve;
    });
    foreign.settle(async (request) => {
      waiting.push(request);
      if (waiting.length === 4) ready?.();
      await four;
      all ??= sendAll(
        shared.system.run.rpcUrl,
        operator,
        waiting.map((w) => ({
          to: market.token,
          data: encodeFunctionData({
            abi: parseAbi([
              "function transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)",
            ]),
            args: [...callOf(w)],
          }),
        })),
      );
      return paidBy(await all);
    });
    const answers = await Promise.all(payments.map(({ quote, headers }) => post(quote.quote_id, headers)));
    for (const { status, body } of answers) expect(status, JSON.stringify(body)).to.equal(200);
    expect(new Set(answers.map(({ body }) => body.key_id)).size).to.equal(4);
    for (const { buyer } of payments) await shop.expectOneKey(buyer.address);

    // What was written down names the log of each, not the transaction alone.
    const sql = openTables(shared.system.run);
    const rows = await sql<{ evidence: { transfer: { tx: string; log_index: number } } }[]>`
      select t.evidence from payment_transitions t join payments p on p.id = t.payment_id
      where t.state = 'PaymentConfirmed' and p.quote_id in ${sql(payments.map(({ quote }) => quote.quote_id))}`;
    await sql.end();
    expect(rows.map(({ evidence }) => evidence.transfer.tx)).to.deep.equal(Array(4).fill(await all));
    expect(new Set(rows.map(({ evidence }) => evidence.transfer.log_index)).size).to.equal(4);
  });

  it("T18 leaves open what it claims, or says nothing of, and never asks to pay again", async () => {
    for (const lie of [async () => paidBy(`0x${"cd".repeat(32)}`), async () => null]) {
      foreign.settle(lie);
      const { buyer, quote, headers } = await prepared();
      for (const again of [headers, {}]) {
        const answer = await post(quote.quote_id, again);
        const { details } = expectError(answer, "PAYMENT_PENDING", 202);
        expect(details.quote_id).to.equal(quote.quote_id);
        expect(requiredOf(answer.headers), "no fresh 402").to.equal(undefined);
      }
      expect(await shop.holdings(buyer.address)).to.deep.equal({ keys: 0n, paid: 0n });
      // It did submit it, late.
      await submit(foreign.asked.at(-1) as SettleRequest);
      const { status, body } = await post(quote.quote_id);
      expect(status, JSON.stringify(body)).to.equal(200);
      await shop.expectOneKey(buyer.address);
    }
  });

  it("may refuse: then nothing was paid, and another payment is taken", async () => {
    foreign.settle(async () => ({ success: false, errorReason: "insufficient_funds", transaction: "" }));
    const { buyer, quote, headers, payer, required } = await prepared();
    const { details } = expectError(await post(quote.quote_id, headers), "PAYMENT_FAILED", 402);
    expect(details.reason).to.equal("insufficient_funds");
    foreign.settle(async (request) => paidBy(await submit(request)));
    const better = await payer.sign(required);
    expect((await post(quote.quote_id, better.headers)).status).to.equal(200);
    await shop.expectOneKey(buyer.address);
  });

  it("is not asked for what it can't submit: bound purchases", async () => {
    const { buyer, quote } = await shop.quoted();
    const before = foreign.asked.length;
    const { headers } = await shop.boundPayerOf(buyer).prepare(quote.pay_url);
    expect((await post(quote.quote_id, headers)).status).to.equal(200);
    expect(foreign.asked.length).to.equal(before);
    await shop.expectOneKey(buyer.address);
  });
});
