/*
a write with an Idempotency-Key
├── again, also at once           done once; the same status and body
├── with another body or path     422; nothing is done
├── another agent's same key      its own
├── what failed                   may be tried again under its key
├── sent to the chain, not answered (kill -9)   the retry goes on from its transaction
└── expired                       as if new
a public read
├── a strong ETag, 304 for who has it; nothing of an agent's own is cached
├── HEAD                          as GET, without a body
└── Accept                        406 where there is nothing of it
*/
import { randomUUID } from "node:crypto";
import { expect } from "chai";
import type { Sql } from "postgres";
import type { Issue } from "../../sdk/wire/voices.ts";
import { type Api, createApi, expectError, listingRequest } from "./support/api.ts";
import { startCopy, startLyingRpc } from "./support/copy.ts";
import { openTables } from "./support/tables.ts";
import { useApi } from "./support/use-api.ts";

type Listed = { ek_id: string; tx: string };

describe("api: writes that are sent again, and reads that are kept", function () {
  this.timeout(60_000);
  const shared = useApi();
  type Agent = Awaited<ReturnType<typeof shared.api.agent>>;
  let seller: Agent;
  let sql: Sql;

  before(async () => {
    seller = await shared.api.agent();
    sql = openTables(shared.api.run);
  });
  after(() => sql?.end());

  const list = (key: string, { token }: Pick<Agent, "token">, title = "Once", api: Api = shared.api) =>
    api.ask<Listed>("/me/sell/listings", {
      ...{ token, body: listingRequest({ title }), headers: { "idempotency-key": key } },
    });
  const listedBy = async ({ agentId }: Agent) => {
    const { contracts, client } = shared.api.market;
    const logs = await client.getContractEvents({
      ...contracts.catalog,
      eventName: "ListingVersion",
      fromBlock: 0n,
    });
    return logs.filter((event) => (event.args as { sellerId?: bigint }).sellerId === agentId).length;
  };

  it("T51 lists once, however often the same request is sent, also at once", async () => {
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 6 }, () => list(key, seller)));
    answers.push(await list(key, seller));
    for (const { status, body } of answers) {
      expect(status, JSON.stringify(body)).to.equal(200);
      expect(body).to.deep.equal(answers[0]?.body);
    }
    expect(answers.filter(({ headers }) => headers.get("idempotency-replayed") === "true")).to.have.length(6);
    expect(await listedBy(seller)).to.equal(1);
    const [row] = await sql<{ count: string }[]>`
      select count(*) from audit_log where action = 'listing_created' and agent_id = ${String(seller.agentId)}`;
    expect(row?.count, "logged once").to.equal("1");
  });

  it("T51 refuses a key that was used for another body or path, and what is no key; another agent's is its own", async () => {
    const key = randomUUID();
    const other = await shared.api.agent();
    const first = await list(key, seller, "First");
    expect(first.status).to.equal(200);
    for (const answer of [
      await list(key, seller, "Second"),
      await shared.api.ask("/me/notifications/read", {
        ...{ token: seller.token, body: { ids: [] }, headers: { "idempotency-key": key } },
      }),
    ]) {
      const { details } = expectError(answer, "INVALID_REQUEST", 422);
      expect(details).to.include({ reason: "idempotency_key_reused", idempotency_key: key });
    }
    expectError(await list("x".repeat(256), seller), "INVALID_REQUEST", 400);
    const own = await list(key, other, "First");
    expect(own.status).to.equal(200);
    expect(own.body.ek_id).not.to.equal(first.body.ek_id);
  });

  it("T51 lets what failed be tried again under its key, and forgets a key after its time", async () => {
    const buyer = await shared.api.agent();
    const { body } = await list(randomUUID(), seller, "To be reviewed");
    const key = randomUUID();
    const report = (reason: string) =>
      shared.api.ask<Issue>("/me/issues", {
        ...{ token: buyer.token, body: { ek_id: body.ek_id, reason }, headers: { "idempotency-key": key } },
      });
    expectError(await report("no such reason"), "INVALID_REQUEST", 400);
    const done = await report("outdated");
    expect(done.status, JSON.stringify(done.body)).to.equal(200);
    expectError(await report("no such reason"), "INVALID_REQUEST", 422);
    await sql`update idempotent_answers set expires_at = now() - interval '1 second' where key = ${key}`;
    expectError(await report("no such reason"), "INVALID_REQUEST", 400);
  });

  it("T51 goes on from the transaction of a request that was killed before it was answered", async () => {
    const own = await shared.api.agent();
    const key = randomUUID();
    const rpc = await startLyingRpc(shared.api.run.rpcUrl);
    const copy = await startCopy(shared.api.run, { rpcUrl: rpc.url });
    try {
      const there = createApi({ ...shared.api.run, apiUrl: copy.apiUrl });
      const token = await there.signIn(own.account);
      rpc.lie(({ method }) => (method === "eth_getTransactionReceipt" ? null : undefined));
      const lost = list(key, { token }, "Killed", there).catch(() => undefined);
      for (const deadline = Date.now() + 20_000; (await listedBy(own)) === 0; ) {
        if (Date.now() > deadline) throw new Error("It was never sent.");
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await copy.kill("SIGKILL");
      await lost;
      await sql`update idempotent_answers set lease_until = now() where key = ${key}`; // its lease is a minute
      const [first, second] = [await list(key, own, "Killed"), await list(key, own, "Killed")];
      expect(first.status, JSON.stringify(first.body)).to.equal(200);
      expect(second.body).to.deep.equal(first.body);
      expect(await listedBy(own)).to.equal(1);
    } finally {
      await copy.kill("SIGKILL");
      await rpc.close();
    }
  });

  it("gives public reads a strong ETag, and 304 to who has it; nothing of an agent's own is kept", async () => {
    const { ask } = shared.api;
    const read = await ask("/public/points/policy");
    const etag = String(read.headers.get("etag"));
    expect(etag).to.match(/^"[\w-]{43}"$/);
    expect(read.headers.get("cache-control")).to.equal("public, no-cache");
    for (const header of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
      const kept = await fetch(`${shared.api.run.apiUrl}/public/points/policy`, {
        headers: { "if-none-match": header },
      });
      expect(kept.status, header).to.equal(304);
      expect(kept.headers.get("etag")).to.equal(etag);
      expect(kept.headers.get("access-control-allow-origin")).to.equal("*");
      expect(await kept.text()).to.equal("");
    }
    expect((await ask("/public/points/policy", { headers: { "if-none-match": '"x"' } })).status).to.equal(
      200,
    );
    const head = await fetch(`${shared.api.run.apiUrl}/public/points/policy`, { method: "HEAD" });
    expect([head.status, head.headers.get("etag"), await head.text()]).to.deep.equal([200, etag, ""]);
    for (const path of ["/me", "/me/sessions", "/auth/nonce?eoa=x"]) {
      const { headers } = await ask(path, { token: seller.token });
      expect(headers.get("cache-control"), path).to.equal("private, no-store");
      expect(headers.get("etag"), path).to.equal(null);
    }
  });

  it("answers 406 to who takes no JSON, before a write is done, and 415 to an encoded body", async () => {
    const { ask } = shared.api;
    const { details } = expectError(
      await ask("/public/stats", { headers: { accept: "text/html" } }),
      "INVALID_REQUEST",
      406,
    );
    expect(details.available).to.deep.equal(["application/json"]);
    for (const accept of ["application/json", "text/html, */*;q=0.1", "application/*"]) {
      expect((await ask("/public/stats", { headers: { accept } })).status, accept).to.equal(200);
    }
    const before = await listedBy(seller);
    const write = await ask("/me/sell/listings", {
      ...{ token: seller.token, body: listingRequest(), headers: { accept: "application/xml" } },
    });
    expectError(write, "INVALID_REQUEST", 406);
    expect(await listedBy(seller)).to.equal(before);
    const encoded = await ask("/public/waitlist", { body: "x", headers: { "content-encoding": "gzip" } });
    expectError(encoded, "INVALID_REQUEST", 415);
  });

  it("lets any site's preflight through, once a day, without credentials", async () => {
    const response = await fetch(`${shared.api.run.apiUrl}/me/sessions`, {
      method: "OPTIONS",
      headers: {
        ...{ origin: "https://elsewhere.example", "access-control-request-method": "DELETE" },
        "access-control-request-headers": "authorization,idempotency-key,x-signature,payment-signature",
      },
    });
    const { headers } = response;
    expect(response.status).to.equal(204);
    expect(headers.get("access-control-allow-origin")).to.equal("*");
    expect(headers.get("access-control-allow-credentials")).to.equal(null);
    expect(headers.get("access-control-max-age")).to.equal("86400");
    expect(headers.get("access-control-allow-methods")).to.contain("DELETE");
    const allowed = String(headers.get("access-control-allow-headers")).toLowerCase();
    for (const name of ["authorization", "idempotency-key", "x-signature", "payment-signature"])
      expect(allowed).to.contain(name);
  });
});
