import { createHash, randomUUID } from "node:crypto";
import { expect } from "chai";
import type { Sql } from "postgres";
import { saveRequest } from "../../api/store/idempotency.ts";
import { keepLease, takePayment } from "../../api/store/payments.ts";
import { canonicalJson } from "../../sdk/canonical.ts";
import { curves } from "../../sdk/curves.ts";
import type { PurchaseResponse } from "../../sdk/wire/purchase.ts";
import { type Api, createApi, expectError } from "./support/api.ts";
import { startCopy, startLyingRpc } from "./support/copy.ts";
import { openTables } from "./support/tables.ts";
import { useApi } from "./support/use-api.ts";

/*
POST /me/buy/purchase with an Idempotency-Key
├── the same request again, also at once     one order, the same answer
├── the same key, another body               422; nothing is done
├── another agent's same key                 an order of its own
├── killed after sending                     the same order, from the chain
├── killed before sending                    sent once, by the retry
└── points                                   spent once; refused where they are short, or not taken
*/
describe("api: orders that are sent again", function () {
  this.timeout(60_000);
  const shared = useApi();
  type Agent = Awaited<ReturnType<typeof shared.api.agent>>;
  let seller: Agent;
  let free: bigint;
  let sql: Sql;

  before(async () => {
    seller = await shared.api.agent();
    free = await shared.api.market.list(seller.account, { curveParams: curves.fixed.encode({ price: 0n }) });
    sql = openTables(shared.api.run);
  });
  after(() => sql?.end());

  const bodyOf = (number: bigint, type = "free") => ({
    ek_id: shared.api.ekIdOf(number),
    payment_method: { type },
  });
  const order = (key: string, buyer: Agent, body: unknown = bodyOf(free), api: Api = shared.api) =>
    api.ask<PurchaseResponse>("/me/buy/purchase", {
      ...{ token: buyer.token, body, headers: { "idempotency-key": key } },
    });
  const keysOf = ({ account }: Pick<Agent, "account">) =>
    shared.api.market.client.readContract({
      ...{ ...shared.api.market.contracts.keys, functionName: "balanceOf", args: [account.address] },
    });

  it("T51 makes one order of the same request, one after the other and at once", async () => {
    const [buyer, other] = [await shared.api.agent(), await shared.api.agent()];
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 8 }, () => order(key, buyer)));
    answers.push(await order(key, buyer));
    for (const { status, body } of answers) expect(status, JSON.stringify(body)).to.equal(200);
    for (const { body } of answers) expect(body).to.deep.equal(answers[0]?.body);
    expect(await keysOf(buyer)).to.equal(1n);
    const own = await order(key, other);
    expect(own.status, "a key is its agent's own").to.equal(200);
    expect(own.body.key_id).not.to.equal(answers[0]?.body.key_id);
    expect((await order(randomUUID(), buyer)).status, "another key is another order").to.equal(200);
    expect(await keysOf(buyer)).to.equal(2n);
  });

  it("T51 refuses a key that was used for another body, and what is no key", async () => {
    const buyer = await shared.api.agent();
    const key = randomUUID();
    expect((await order(key, buyer)).status).to.equal(200);
    const another = await shared.api.market.list(seller.account, {
      curveParams: curves.fixed.encode({ price: 0n }),
    });
    const { details } = expectError(await order(key, buyer, bodyOf(another)), "INVALID_REQUEST", 422);
    expect(details).to.include({ reason: "idempotency_key_reused", idempotency_key: key });
    expect(await keysOf(buyer)).to.equal(1n);
    expectError(await order("x".repeat(256), buyer), "INVALID_REQUEST", 400);
  });

  it("T51 takes one of two bodies that come at once under one key", async () => {
    const buyer = await shared.api.agent();
    const another = await shared.api.market.list(seller.account, {
      curveParams: curves.fixed.encode({ price: 0n }),
    });
    const key = randomUUID();
    const answers = await Promise.all([order(key, buyer), order(key, buyer, bodyOf(another))]);
    expect(answers.map(({ status }) => status).sort()).to.deep.equal([200, 422]);
    expect(await keysOf(buyer)).to.equal(1n);
  });

  it("T51 gives the same order after a kill -9 between sending and the receipt", async () => {
    const buyer = await shared.api.agent();
    const key = randomUUID();
    const rpc = await startLyingRpc(shared.api.run.rpcUrl);
    const copy = await startCopy(shared.api.run, { rpcUrl: rpc.url });
    try {
      const other = createApi({ ...shared.api.run, apiUrl: copy.apiUrl });
      const there = { ...buyer, token: await other.signIn(buyer.account) };
      rpc.lie(({ method }) => (method === "eth_getTransactionReceipt" ? null : undefined));
      const lost = order(key, there, bodyOf(free), other).catch(() => undefined);
      for (const deadline = Date.now() + 20_000; (await keysOf(buyer)) === 0n; ) {
        if (Date.now() > deadline) throw new Error("It was never sent.");
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await copy.kill("SIGKILL");
      await lost;
      const [first, second] = [await order(key, buyer), await order(key, buyer)];
      expect(first.status, JSON.stringify(first.body)).to.equal(200);
      expect(second.body).to.deep.equal(first.body);
      expect(await keysOf(buyer)).to.equal(1n);
    } finally {
      await copy.kill("SIGKILL");
      await rpc.close();
    }
  });

  it("T51 sends once, by the retry, what a process took on and never sent", async () => {
    const buyer = await shared.api.agent();
    const key = randomUUID();
    const body = bodyOf(free);
    const eoa = buyer.account.address.toLowerCase();
    const requestHash = createHash("sha256").update(canonicalJson(body)).digest("hex");
    const { payment } = await takePayment(
      sql,
      {
        ...{ rail: "free", reference: `${eoa}/${key}`, buyer: buyer.account.address, ekId: free, version: 1 },
        ...{ amount: 0n, currency: "none", evidence: { request_hash: requestHash } },
      },
      (tx, id) => saveRequest(tx, { eoa, key, requestHash }, id),
    );
    await keepLease(sql, payment.id, 0);
    const answers = [await order(key, buyer), await order(key, buyer)];
    // The sweep may have been first: then it was given up, and the same request orders it anew.
    for (const answer of answers) expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
    expect(answers[1]?.body).to.deep.equal(answers[0]?.body);
    expect(await keysOf(buyer)).to.equal(1n);
    const steps = await sql<{ state: string }[]>`
      select state from payment_transitions where payment_id = ${payment.id} order by id`;
    expect(steps.map(({ state }) => state).slice(-2)).to.deep.equal(["PaymentConfirmed", "EKIssued"]);
  });

  it("E16 sells a key for points, once, and says where they are short or not taken", async () => {
    const { market } = shared.api;
    const buyer = await shared.api.agent();
    await shared.api.grant(buyer.account, ["list", "label", "claim", "spend-points"], buyer.token);
    const dear = await market.list(seller.account, { pointsPrice: 100 });
    const short = expectError(
      await order(randomUUID(), buyer, bodyOf(dear, "points")),
      "POINTS_POLICY_VIOLATION",
      409,
    );
    expect(short.details).to.include({ reason: "insufficient_points", balance: 0, needed: 1 });
    const plain = expectError(
      await order(randomUUID(), buyer, bodyOf(free, "points")),
      "LISTING_CONFLICT",
      409,
    );
    expect(plain.details.reason).to.equal("not_for_points");
    const fresh = await market.list(seller.account, { curveParams: curves.fixed.encode({ price: 0n }) });
    expect((await order(randomUUID(), buyer, bodyOf(fresh))).status, "a trade earns a point").to.equal(200);
    const key = randomUUID();
    const answers = [
      await order(key, buyer, bodyOf(dear, "points")),
      await order(key, buyer, bodyOf(dear, "points")),
    ];
    for (const { status, body } of answers) {
      expect(status, JSON.stringify(body)).to.equal(200);
      expect(body.price).to.deep.equal({
        ...{ amount: "100", currency: "points", token: market.contracts.points.address },
      });
    }
    expect(answers[1]?.body).to.deep.equal(answers[0]?.body);
    const args = [buyer.agentId] as const;
    const left = await market.client.readContract({
      ...{ ...market.contracts.points, functionName: "balanceOf", args },
    });
    expect(left, "all of it is spent").to.equal(0n);
  });
});
