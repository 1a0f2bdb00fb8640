import { expect } from "chai";
import { expectError } from "./support/api.ts";
import { type Copy, type LyingRpc, startCopy, startLyingRpc } from "./support/copy.ts";
import { createOneStep, type OneStep } from "./support/one-step.ts";
import { useApi } from "./support/use-api.ts";
import { receiptOf, requiredOf } from "./support/x402.ts";

/*
POST /x402/{ek_id}, when the chain does not go along
├── the money goes between check and settlement   402, nothing is sold
└── nobody hears what became of the settlement    202 with the same order, never a fresh 402; one debit
*/
describe("api: buying in one step on a chain that does not go along", () => {
  const shared = useApi();
  let shop: OneStep;
  let rpc: LyingRpc;
  let copy: Copy;

  before(async function () {
    this.timeout(120_000);
    shop = await createOneStep(shared.api);
    rpc = await startLyingRpc(shared.api.run.rpcUrl);
    copy = await startCopy(shared.api.run, { rpcUrl: rpc.url });
  });
  afterEach(() => rpc.lie(() => undefined));
  after(async () => {
    await copy.kill("SIGTERM");
    await rpc.close();
  });

  async function post(path: string, headers: Record<string, string>) {
    const answer = await fetch(`${copy.apiUrl}${path}`, { method: "POST", headers });
    return { status: answer.status, headers: answer.headers, body: await answer.json() };
  }

  it("T15 sells nothing when the money is gone at the moment of settling", async () => {
    const { market } = shared.api;
    for (const payerOf of [shop.payerOf, shop.boundPayerOf]) {
      const payer = await market.newcomer();
      const { headers } = await payerOf(payer).prepare(shop.urlOf(shop.number, payer.address));
      let drained = false;
      rpc.lie(async ({ method }) => {
        // The last thing that is asked before the transaction leaves.
        if (method !== "eth_estimateGas" || drained) return;
        drained = true;
        const { usdc } = market.contracts;
        const balance = await market.client.readContract({
          ...{ ...usdc, functionName: "balanceOf", args: [payer.address] },
        });
        await market.send(payer, usdc, "transfer", [shop.seller.address, balance]);
      });
      const answer = await post(shop.pathOf(shop.number, payer.address), headers);
      expect(drained).to.equal(true);
      const { details } = expectError(answer, "PAYMENT_FAILED", 402);
      expect(details.reason).to.equal("invalid_exact_evm_insufficient_balance");
      expect(await shop.keysOf(payer.address)).to.equal(0n);
    }
  });

  it("T18 answers the same order as unknown while nobody hears of the settlement, and debits once", async function () {
    this.timeout(60_000);
    const { market } = shared.api;
    const payments = await Promise.all(
      [shop.payerOf, shop.payerOf, shop.boundPayerOf].map(async (payerOf) => {
        const payer = await market.newcomer();
        return { payer, ...(await headersOf(payerOf(payer), shop.urlOf(shop.number, payer.address))) };
      }),
    );
    // Neither the receipt nor which block it is in, whose logs would tell as much.
    const unheard = ["eth_getTransactionReceipt", "eth_getTransactionByHash"];
    rpc.lie(({ method }) => (unheard.includes(method) ? null : undefined));
    const ask = () =>
      Promise.all(
        payments.map(({ payer, headers }) => post(shop.pathOf(shop.number, payer.address), headers)),
      );
    for (const [i, answer] of (await ask()).entries()) {
      const { details } = expectError(answer, "PAYMENT_PENDING", 202);
      expect(requiredOf(answer.headers), "no fresh 402").to.equal(undefined);
      const { payTo, extra } = payments[i]?.accepted ?? {};
      const quote = await shared.api.get<{ till: string }>(`/quotes/${details.quote_id}`);
      expect(extra?.salt ?? payTo, "the same order").to.equal(extra?.salt ? details.quote_id : quote.till);
    }
    rpc.lie(() => undefined);
    for (const answer of await ask()) {
      expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
      expect(receiptOf(answer.headers)?.success).to.equal(true);
    }
    for (const { payer } of payments) await shop.expectOneKey(payer.address);
  });

  async function headersOf(payer: ReturnType<OneStep["payerOf"]>, url: string) {
    const { headers, payload } = await payer.prepare(url);
    return { headers, accepted: payload.accepted };
  }
});
