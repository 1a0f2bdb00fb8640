import { expect } from "chai";
import { type Address, encodeFunctionData, type Hash, keccak256 } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { GasCapReached } from "../../api/chain/relay-errors.ts";
import { noteSigned, relayedBy, waitingTransactions } from "../../api/store/relayed.ts";
import { testUSDCAbi } from "../../sdk/abis/index.ts";
import { createApi, expectError } from "./support/api.ts";
import { startCopy, startLyingRpc } from "./support/copy.ts";
import { createOwnRelayer, type OwnRelayer } from "./support/own-relayer.ts";
import { createPaying } from "./support/paying.ts";
import { useApi } from "./support/use-api.ts";

/*
the relayer
├── 100 payments through two processes     all mined, one transaction and one debit each, whatever answers are lost
├── a bad payload                          no transaction
├── two processes with one key             no nonce twice
├── not mined in time                      replaced at 12.5 % more; found by its first hash
├── signed and never sent (a crash)        its nonce is used again, or filled where others wait behind it
├── more gas than one asker may cause      429 with the numbers; nothing is sent
└── its balance                            in the health, with the threshold
*/
describe("api: the relayer", function () {
  this.timeout(120_000);
  const shared = useApi();
  const opened: OwnRelayer[] = [];
  const own = async (options?: Parameters<typeof createOwnRelayer>[1]) => {
    const relayer = await createOwnRelayer(shared.api, options);
    opened.push(relayer);
    return relayer;
  };
  afterEach(() => Promise.all(opened.splice(0).map(({ close }) => close())));

  const fresh = () => privateKeyToAccount(generatePrivateKey()).address;
  const balanceOf = (account: Address) =>
    shared.api.market.client.readContract({
      ...{ ...shared.api.market.contracts.usdc, functionName: "balanceOf", args: [account] },
    });
  const automine = async (on: boolean) => {
    const { client } = shared.api.market;
    await client.request({ method: "evm_setAutomine", params: [on] } as never);
    if (on) await client.request({ method: "evm_mine", params: [] } as never);
  };

  it("T18 T20 settles 100 payments whose answers are lost, through two processes: each mined once, one debit per order", async () => {
    const paying = await createPaying(shared.api);
    const rpc = await startLyingRpc(shared.api.run.rpcUrl);
    const copy = await startCopy(shared.api.run, { rpcUrl: rpc.url });
    let dropped = 0;
    // One process hears from its node of no transaction that it sent; the other one's client hears nothing of its settlement.
    rpc.lie(({ method }) => {
      if (method !== "eth_sendRawTransaction") return undefined;
      dropped++;
      return null;
    });
    try {
      const other = createApi({ ...shared.api.run, apiUrl: copy.apiUrl });
      const buyers = await paying.crowd(100);
      const answers = await Promise.all(
        buyers.map(async (buyer, i) => {
          const api = i % 2 === 0 ? shared.api : other;
          const quote = await api.quote(paying.ekId, buyer.address);
          const { headers } = await paying.payerOf(buyer).prepare(quote.pay_url);
          const path = new URL(quote.pay_url).pathname;
          if (api !== other) {
            const signal = AbortSignal.timeout(50);
            await fetch(quote.pay_url, { method: "POST", headers, signal }).catch(() => {});
          }
          let answer = await api.ask(path, { method: "POST", headers });
          for (let again = 0; answer.status === 202 && again < 10; again++)
            answer = await api.ask(path, { method: "POST", headers });
          return answer;
        }),
      );
      const failed = answers.filter(({ status }) => status !== 200);
      expect(failed.map(({ status, body }) => [status, body])).to.deep.equal([]);
      expect(dropped).to.be.at.least(50);
      expect(await paying.relayed(...buyers.map(({ address }) => address))).to.equal(100);
      for (const { address } of buyers) await paying.expectOneKey(address);
    } finally {
      await copy.kill("SIGTERM");
      await rpc.close();
    }
  });

  it("T20 sends nothing for a bad payload", async () => {
    const paying = await createPaying(shared.api);
    const { quote, payer } = await paying.quoted();
    const { payload } = await payer.prepare(quote.pay_url);
    const before = await paying.relayed();
    const forged = structuredClone(payload) as typeof payload & { payload: { signature: string } };
    forged.payload.signature = `0x${"11".repeat(65)}`;
    for (const headers of [payer.headerOf(forged), { "PAYMENT-SIGNATURE": "e30=" }]) {
      expectError(await paying.post(quote.pay_url, headers), "PAYMENT_FAILED", 402);
    }
    expect(await paying.relayed()).to.equal(before);
  });

  it("T20 gives no nonce twice where two processes share the key", async () => {
    const privateKey = generatePrivateKey();
    const [one, two] = [await own({ privateKey }), await own({ privateKey })];
    const to = fresh();
    const receipts = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        (i % 2 === 0 ? one : two).relayer.send(one.mint(to), { asker: to }),
      ),
    );
    expect(new Set(receipts.map((receipt) => receipt?.transactionHash)).size).to.equal(20);
    expect(await balanceOf(to)).to.equal(20n);
    expect(await one.relayer.backlog()).to.deep.equal({ waiting: 0, since: undefined });
  });

  it("T20 raises the fee of a transaction that is not mined in time, and knows it by its first hash", async () => {
    const { relayer, sql, mint } = await own({ patience: 100 });
    const to = fresh();
    let first: Hash | undefined;
    await automine(false);
    try {
      const receipt = await relayer.send(mint(to), {
        asker: to,
        signed: async (hash) => {
          first = hash;
        },
      });
      expect(receipt).to.equal(undefined);
      await becomes(async () => {
        await relayer.tend();
        return ((await relayedBy(sql, first as Hash))?.attempts.length ?? 0) > 1;
      });
    } finally {
      await automine(true);
    }
    const relayed = await relayedBy(sql, first as Hash);
    const [a, b] = relayed?.attempts ?? [];
    if (!a || !b) throw new Error("It was signed once only.");
    expect(b.maxFee >= (a.maxFee * 1_125n) / 1_000n, "the fee").to.equal(true);
    expect(b.priorityFee >= (a.priorityFee * 1_125n) / 1_000n, "the tip").to.equal(true);
    const fate = await relayer.fateOf(first as Hash);
    if (typeof fate === "string") throw new Error(`It is ${fate}.`);
    expect(relayed?.attempts.slice(1).map(({ hash }) => hash)).to.include(fate.receipt.transactionHash);
    expect(await balanceOf(to)).to.equal(1n);
  });

  /** Leaves what a process leaves that dies between noting and sending. */
  async function diesBeforeSending(of: OwnRelayer, to: Address, ahead = 0) {
    const { account, chain, sql, sender } = of;
    const next = await chain.client.getTransactionCount({ address: account.address, blockTag: "pending" });
    const nonce = next + ahead;
    const data = encodeFunctionData({ abi: testUSDCAbi, functionName: "mint", args: [to, 1n] });
    const target = shared.api.market.token;
    const fees = { maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 10n ** 9n };
    const raw = await account.signTransaction({
      ...{ type: "eip1559", chainId: chain.id, to: target, data, nonce, gas: 100_000n, ...fees },
    });
    const attempt = {
      ...{ hash: keccak256(raw), raw, cancels: false },
      ...{ maxFee: fees.maxFeePerGas, priorityFee: fees.maxPriorityFeePerGas },
    };
    await noteSigned(sql, sender, { nonce, asker: to, target, data, gas: 100_000n }, attempt);
    await sql`
      update relayed_transactions set created_at = now() - interval '10 seconds'
      where sender = ${sender.sender} and nonce = ${nonce}`;
    return attempt;
  }

  it("T20 uses the nonce again of what a crash left signed and unsent", async () => {
    const of = await own();
    const [left, to] = [fresh(), fresh()];
    const first = await diesBeforeSending(of, left);
    expect(await of.relayer.fateOf(first.hash)).to.equal("waiting");
    await of.relayer.tend();
    expect(await of.relayer.fateOf(first.hash)).to.equal("gone");
    // Nor does the next one wait for a round.
    const second = await diesBeforeSending(of, left);
    await of.relayer.relay(of.mint(to), to);
    expect(await of.relayer.fateOf(second.hash)).to.equal("gone");
    expect([await balanceOf(left), await balanceOf(to)]).to.deep.equal([0n, 1n]);
  });

  it("T20 fills the gap where others wait behind what a crash left unsent", async () => {
    const of = await own();
    const [left, to] = [fresh(), fresh()];
    const { hash } = await diesBeforeSending(of, left);
    const behind = await diesBeforeSending(of, to, 1);
    await automine(false); // else this node takes nothing over a gap
    await of.chain.client.sendRawTransaction({ serializedTransaction: behind.raw });
    await automine(true);
    expect(await balanceOf(to), "nothing moves over a gap").to.equal(0n);
    await becomes(async () => {
      await of.relayer.tend();
      return (await balanceOf(to)) === 1n;
    });
    expect(await of.relayer.fateOf(hash)).to.equal("gone");
    expect(typeof (await of.relayer.fateOf(behind.hash))).to.equal("object");
    expect(await balanceOf(left)).to.equal(0n);
    await becomes(async () => {
      await of.relayer.tend();
      return (await waitingTransactions(of.sql, of.sender, { olderThan: 0, limit: 9 })).length === 0;
    });
  });

  it("T20 relays no more gas for one asker than its cap within an hour, and says the numbers", async () => {
    const of = await own({ gasPerHour: 150_000n });
    const [asker, other] = [fresh(), fresh()];
    await of.relayer.relay(of.mint(asker), asker);
    const count = () => of.chain.client.getTransactionCount({ address: of.account.address });
    const refused = await sendUntilRefused(of, asker);
    const before = await count();
    expect(refused).to.include({ code: "RATE_LIMITED", status: 429 });
    expect(refused.details).to.include({ reason: "relayed_gas", cap_gas: "150000", window_seconds: 3_600 });
    expect(refused.details.asker).to.equal(asker.toLowerCase());
    expect(Number(refused.details.used_gas) + Number(refused.details.wanted_gas)).to.be.above(150_000);
    expect(Date.parse(String(refused.details.frees_at))).to.be.above(Date.now());
    expect(await count(), "nothing was sent").to.equal(before);
    await of.relayer.relay(of.mint(other), other);
  });

  async function sendUntilRefused(of: OwnRelayer, asker: Address): Promise<GasCapReached> {
    for (let i = 0; i < 10; i++) {
      try {
        await of.relayer.relay(of.mint(asker), asker);
      } catch (error) {
        if (error instanceof GasCapReached) return error;
        throw error;
      }
    }
    throw new Error("Nothing was refused.");
  }

  it("says its balance, the threshold and what waits in the health", async () => {
    const { relayer } = await shared.api.get<{ relayer: Record<string, unknown> }>("/health");
    expect(BigInt(String(relayer.balance_wei)) > BigInt(String(relayer.low_below_wei))).to.equal(true);
    expect(relayer.waiting).to.be.a("number");
    const copy = await startCopy(shared.api.run, { env: { RELAYER_LOW_BALANCE: "900000000" } });
    try {
      const api = createApi({ ...shared.api.run, apiUrl: copy.apiUrl });
      const { body } = await api.ask<{ status: string; checks: Record<string, { detail: string }> }>(
        "/health",
      );
      expect(body.status).to.equal("degraded");
      expect(body.checks.relayer?.detail).to.match(/has [0-9.]+ ETH left, below 900000000/);
    } finally {
      await copy.kill("SIGTERM");
    }
  });
});

async function becomes(is: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 20_000; !(await is()); ) {
    if (Date.now() > deadline) throw new Error("It does not become so.");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
