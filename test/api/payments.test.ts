import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { type Hash, zeroAddress } from "viem";
import { reviewPayments } from "../../api/actions/follow-orders.ts";
import type { Deps } from "../../api/deps.ts";
import { markIssued, move, moves } from "../../api/store/payment-moves.ts";
import { keepLease, type PaymentState, takePayment } from "../../api/store/payments.ts";
import type { PurchaseResponse } from "../../sdk/wire/purchase.ts";
import { createApi } from "./support/api.ts";
import { startCopy, startLyingRpc } from "./support/copy.ts";
import { createOwnRelayer, type OwnRelayer } from "./support/own-relayer.ts";
import { createPaying, type Paying } from "./support/paying.ts";
import { openTables } from "./support/tables.ts";
import { useApi } from "./support/use-api.ts";
import { createPayer } from "./support/x402.ts";

/*
a payment's row
├── moves             only along the table, once each, with evidence; any number of callers
├── migrated          nothing of the time before is lost
├── taken             by one of many
├── reorg             back to Unknown, and on from the chain's answer; not for a missing receipt alone
└── restart           quote, reserve and pay go on after a kill -9
*/
describe("api: payments", function () {
  this.timeout(120_000);
  const shared = useApi();
  let own: OwnRelayer;
  let paying: Paying;

  before(async () => {
    own = await createOwnRelayer(shared.api);
    paying = await createPaying(shared.api);
  });
  after(() => own?.close());

  const newPayment = (reference: string = randomUUID()) => ({
    ...({ rail: "free", reference, buyer: zeroAddress, ekId: 1n, version: 1, amount: 0n } as const),
    ...{ currency: "none", evidence: { test: reference } },
  });
  /** A payment that no reconciler touches. */
  async function taken() {
    const { payment } = await takePayment(own.sql, newPayment());
    await keepLease(own.sql, payment.id, 3_600);
    return payment.id;
  }
  const stepsOf = async (id: string) =>
    own.sql<{ from_state: PaymentState | null; state: PaymentState; evidence: Record<string, unknown> }[]>`
      select from_state, state, evidence from payment_transitions where payment_id = ${id} order by id`;

  it("E17 moves along its table alone, and stores each step once with its evidence", async () => {
    const states = Object.keys(moves) as PaymentState[];
    for (const from of states) {
      for (const to of states) {
        const id = await taken();
        await own.sql`update payments set state = ${from} where id = ${id}`;
        const { outcome } = await move(own.sql, id, to, { evidence: { why: "test" } });
        const isThere = from === to || to === "PaymentAuthorized"; // it has been there
        const expected = moves[from].includes(to) ? "moved" : isThere ? "already" : "refused";
        expect(outcome, `${from} to ${to}`).to.equal(expected);
        const steps = (await stepsOf(id)).slice(1);
        expect(steps).to.deep.equal(
          outcome === "moved" ? [{ from_state: from, state: to, evidence: { why: "test" } }] : [],
        );
      }
    }
  });

  it("E17 moves once for any number of callers, and skips nothing", async () => {
    const id = await taken();
    const once = await Promise.all(
      Array.from({ length: 10 }, (_, i) => move(own.sql, id, "PaymentConfirmed", { evidence: { i } })),
    );
    expect(once.filter(({ outcome }) => outcome === "moved")).to.have.length(1);
    const purchase = { tx: `0x${"ab".repeat(32)}`, key_id: `key_${id}` } as PurchaseResponse;
    const block = { number: 1n, hash: `0x${"cd".repeat(32)}` as Hash };
    await Promise.all(Array.from({ length: 5 }, () => markIssued(own.sql, id, { purchase, block })));
    expect((await move(own.sql, id, "Failed", { evidence: {} })).outcome).to.equal("refused");
    expect((await stepsOf(id)).map(({ state }) => state)).to.deep.equal([
      ...["PaymentAuthorized", "PaymentConfirmed", "EKIssued"],
    ]);
    await own.sql`update payments set review_at = null where id = ${id}`;
  });

  it("E17 keeps every payment, authorization and step of the time before", async () => {
    const sql = openTables(shared.api.run);
    const file = (name: string) =>
      readFileSync(new URL(`../../api/store/migrations/${name}`, import.meta.url), "utf8");
    const [token, payer, buyer] = [1, 2, 3].map((digit) => `0x${String(digit).repeat(40)}`);
    const undo = new Error("undo");
    const migrated = sql.begin(async (tx) => {
      await tx`create schema before_rails`;
      await tx`set local search_path to before_rails`;
      await tx.unsafe(file("0001-first-sale.sql"));
      await tx`
        insert into quotes (quote_id, till, ek_id, version, buyer, token, max_price, deadline, salt, block_number)
        values ('0xq', '0xt', 7, 2, ${buyer ?? ""}, ${token ?? ""}, 250000, 1, '0x', 1)`;
      const rows = await tx<{ id: string }[]>`
        insert into payments (
          quote_id, chain_id, token, payer, nonce, value, valid_after, valid_before, signature, state, tx, key_id, lease_until
        ) values
          ('0xq', 31337, ${token ?? ""}, ${payer ?? ""}, '0xn1', 250000, 0, 9, '0xs1', 'Failed', null, null, now()),
          ('0xq', 31337, ${token ?? ""}, ${payer ?? ""}, '0xn2', 250000, 0, 9, '0xs2', 'EKIssued', '0xtx', 'key_1', now())
        returning id`;
      for (const { id } of rows) {
        await tx`insert into payment_transitions (payment_id, state) values (${id}, 'PaymentAuthorized')`;
      }
      await tx.unsafe(file("0002-rails.sql"));
      const payments = await tx`
        select rail, reference, quote_id, buyer, ek_id, version, amount, currency, state, tx, key_id from payments order by id`;
      const common = { rail: "x402", quote_id: "0xq", buyer, ek_id: "7", version: "2", amount: "250000" };
      expect([...payments]).to.deep.equal(
        [
          { reference: `31337/${token}/${payer}/0xn1`, state: "Failed", tx: null, key_id: null },
          { reference: `31337/${token}/${payer}/0xn2`, state: "EKIssued", tx: "0xtx", key_id: "key_1" },
        ].map((row) => ({ ...common, currency: token, ...row })),
      );
      const kept =
        await tx`select payer, nonce, value, valid_before, signature from x402_authorizations order by payment_id`;
      expect([...kept]).to.deep.equal(
        [1, 2].map((n) => ({
          ...{ payer, nonce: `0xn${n}`, value: "250000", valid_before: "9", signature: `0xs${n}` },
        })),
      );
      expect((await tx`select state, evidence from payment_transitions`).length).to.equal(2);
      throw undo;
    });
    try {
      expect(await migrated.catch((error: unknown) => error)).to.equal(undo);
    } finally {
      await sql.end();
    }
  });

  it("T14 is taken by one of many, whatever else is in it", async () => {
    const reference = randomUUID();
    const all = await Promise.all(
      Array.from({ length: 20 }, () => takePayment(own.sql, newPayment(reference))),
    );
    expect(all.filter(({ mine }) => mine)).to.have.length(1);
    expect(new Set(all.map(({ payment }) => payment.id)).size).to.equal(1);
    await keepLease(own.sql, all[0]?.payment.id ?? "", 3_600);
  });

  it("T22 follows a reorg that takes the key's block away, and comes back by the chain's answer", async () => {
    const { quote, payer } = await paying.quoted();
    const response = await payer.fetch(quote.pay_url, { method: "POST" });
    const { tx } = (await response.json()) as PurchaseResponse;
    const [row] = await own.sql<{ id: string; block_number: string }[]>`
      select id, block_number from payments where quote_id = ${quote.quote_id}`;
    if (!row) throw new Error("There is no payment.");
    const rpc = await startLyingRpc(shared.api.run.rpcUrl);
    const lied = await createOwnRelayer(shared.api, { rpcUrl: rpc.url });
    const deps = { chain: lied.chain, sql: lied.sql, relayer: lied.relayer } as unknown as Deps;
    const review = async () => {
      await own.sql`update payments set review_at = now() - interval '1 hour' where id = ${row.id}`;
      await reviewPayments(deps, (_, work) => work().then(() => {}));
    };
    const seen = async () => (await stepsOf(row.id)).map(({ state }) => state);
    const noReceipt = (method: string, params: unknown[] = []) =>
      method === "eth_getTransactionReceipt" && params[0] === tx;
    try {
      // A node that is behind, or has lost the receipt, shows no reorg.
      rpc.lie(({ method, params }) => (noReceipt(method, params) ? null : undefined));
      await review();
      expect((await seen()).includes("Unknown")).to.equal(false);
      const block = `0x${BigInt(row.block_number).toString(16)}`;
      rpc.lie(({ method, params }, result) => {
        if (noReceipt(method, params)) return null;
        const isBlock = method === "eth_getBlockByNumber" && params?.[0] === block;
        return isBlock ? { ...(result as object), hash: `0x${"ee".repeat(32)}` } : undefined;
      });
      for (let i = 0; i < 20 && !(await seen()).includes("Unknown"); i++) await review();
      const steps = await stepsOf(row.id);
      const unknown = steps.find(({ state }) => state === "Unknown");
      expect(unknown?.evidence).to.include({ reorg: true, tx, now: `0x${"ee".repeat(32)}` });
    } finally {
      await lied.close();
      await rpc.close();
    }
    // The system's own node still has the block: its reconciler finds the key again.
    for (const deadline = Date.now() + 20_000; (await seen()).at(-1) !== "EKIssued"; ) {
      if (Date.now() > deadline) throw new Error(`It ended with ${await seen()}.`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect((await seen()).slice(-3)).to.deep.equal(["Unknown", "PaymentConfirmed", "EKIssued"]);
    const again = await paying.post(quote.pay_url);
    expect([again.status, again.body.tx]).to.deep.equal([200, tx]);
  });

  it("T18 goes on after a kill -9 between quote and payment, and between sending and the receipt", async () => {
    const rpc = await startLyingRpc(shared.api.run.rpcUrl);
    const first = await startCopy(shared.api.run, { rpcUrl: rpc.url });
    const port = Number(new URL(first.apiUrl).port);
    const api = createApi({ ...shared.api.run, apiUrl: first.apiUrl });
    let copy = first;
    try {
      const [one, two] = [await shared.api.market.newcomer(), await shared.api.market.newcomer()];
      const [quote, other] = [
        await api.quote(paying.ekId, one.address),
        await api.quote(paying.ekId, two.address),
      ];
      const { headers } = await createPayer(two, api.chainId).prepare(other.pay_url);
      rpc.lie(({ method }) => (method === "eth_getTransactionReceipt" ? null : undefined));
      const path = new URL(other.pay_url).pathname;
      const lost = api.ask(path, { method: "POST", headers }).catch(() => undefined);
      for (const deadline = Date.now() + 20_000; (await paying.keysOf(two.address)) === 0n; ) {
        if (Date.now() > deadline) throw new Error("It was never sent.");
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await first.kill("SIGKILL");
      await lost;
      rpc.lie(() => undefined);
      copy = await startCopy(shared.api.run, { rpcUrl: rpc.url, port });
      const response = await createPayer(one, api.chainId).fetch(quote.pay_url, { method: "POST" });
      expect(response.status, "quoted before, paid after").to.equal(200);
      let answer = await api.ask<PurchaseResponse>(path, { method: "POST", headers });
      for (let i = 0; answer.status === 202 && i < 6; i++) {
        answer = await api.ask<PurchaseResponse>(path, { method: "POST", headers });
      }
      expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
      for (const { address } of [one, two]) await paying.expectOneKey(address);
    } finally {
      await copy.kill("SIGKILL");
      await rpc.close();
    }
  });
});
