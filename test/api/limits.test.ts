/*
limits a minute, shared by two processes
├── T53 reads past them            429 with Retry-After and RateLimit, in both; payments and health go on
├── T49 a made-up X-Forwarded-For  counts only behind a trusted proxy
├── an agent's own                 apart from its address's
└── the database's arithmetic      that of `take`
more under way than may be         503 with Retry-After; the process lives
*/
import { randomUUID } from "node:crypto";
import { expect } from "chai";
import postgres, { type Sql } from "postgres";
import { roomAt, take, WINDOW } from "../../api/limits/gcra.ts";
import { createLimiter } from "../../api/limits/limiter.ts";
import { takePermits } from "../../api/store/rate-limits.ts";
import { type Api, createApi, expectError } from "./support/api.ts";
import { type Copy, startCopy } from "./support/copy.ts";
import { openTables } from "./support/tables.ts";
import { useApi } from "./support/use-api.ts";

const READS = 40;

describe("api: limits", function () {
  this.timeout(180_000);
  const shared = useApi();
  let copies: Copy[] = [];
  let apis: Api[] = [];
  let sql: Sql;

  before(async () => {
    sql = openTables(shared.api.run);
    const env = {
      RATE_LIMITS: `reads:10/${READS},writes:20/20`,
      ...{ TRUSTED_PROXIES: "127.0.0.1, 10.0.0.0/8", MAX_UNDER_WAY: "30" },
      PUBLIC_URL: shared.api.run.apiUrl,
    };
    copies = await Promise.all([startCopy(shared.api.run, { env }), startCopy(shared.api.run, { env })]);
    apis = copies.map(({ apiUrl }) => createApi({ ...shared.api.run, apiUrl }));
  });
  after(async () => {
    await Promise.all(copies.map((copy) => copy.kill("SIGTERM")));
    await sql?.end();
  });

  const at = (i: number) => apis[i % 2] as Api;
  const from = (address: string) => ({ "x-forwarded-for": address });

  it("T53 holds reads to their limit over both processes, and leaves payments and health alone", async () => {
    const headers = from("203.0.113.7");
    const answers: Awaited<ReturnType<Api["ask"]>>[] = [];
    for (let i = 0; i < 2 * READS; i += 8) {
      const burst = Array.from({ length: 8 }, (_, j) => at(i + j).ask("/public/points/policy", { headers }));
      answers.push(...(await Promise.all(burst)));
    }
    const done = answers.filter(({ status }) => status === 200);
    // What refills while the test runs comes on top, and at most a lease of each process.
    expect(done.length).to.be.within(READS - 4, READS + 12);
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused.length).to.be.greaterThan(READS / 2);
    for (const answer of refused) {
      const { details } = expectError(answer, "RATE_LIMITED", 429);
      expect(details).to.include({ bucket: "reads", of: "address", limit: READS });
      expect(Number(answer.headers.get("retry-after"))).to.be.within(1, 60);
      expect(answer.headers.get("ratelimit")).to.match(/^"reads-address";r=0;t=\d+$/);
      expect(answer.headers.get("ratelimit-policy")).to.equal(`"reads-address";q=${READS};w=60`);
      expect(answer.headers.get("access-control-expose-headers")).to.contain("RateLimit");
    }
    for (const i of [0, 1]) {
      const pay = await at(i).ask(`/quotes/0x${"00".repeat(32)}/pay`, { method: "POST", headers });
      expect(pay.status, "another bucket").to.equal(404);
      expect((await at(i).ask("/health", { headers })).status).to.equal(200);
    }
    expect((await at(0).ask("/public/points/policy", { headers: from("203.0.113.8") })).status).to.equal(200);
  });

  it("T49 believes a forwarded address only where a trusted proxy wrote it", async () => {
    const spoofed = (n: number) => from(`198.51.100.${n}, 192.0.2.9, 10.1.2.3`);
    const answers = [];
    for (let n = 0; n < READS + 20; n++)
      answers.push(await at(0).ask("/public/points/policy", { headers: spoofed(n) }));
    expect(answers.filter(({ status }) => status === 429).length).to.be.greaterThan(5);
    const subjects = await sql<
      { subject: string }[]
    >`select subject from rate_limits where subject like '%198.51.100.%'`;
    expect(subjects).to.have.length(0);
  });

  it("T53 counts an agent apart from its address", async () => {
    const { token } = await shared.api.agent();
    const answers = [];
    for (let i = 0; i < 24; i++)
      answers.push(await at(i).ask("/me", { token, headers: from(`203.0.113.${20 + i}`) }));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).to.be.within(6, 14);
    const { details } = expectError(refused[0] as (typeof answers)[0], "RATE_LIMITED", 429);
    expect(details).to.include({ bucket: "reads", of: "agent", limit: 10 });
  });

  it("T53 gives 503 and lives where more is asked at once than may be under way", async () => {
    const headers = from("203.0.113.99");
    const ask = (i: number) =>
      at(0).ask(`/quotes/0x${String(i).padStart(64, "0")}/pay`, { method: "POST", headers });
    const answers = await Promise.all(Array.from({ length: 300 }, (_, i) => ask(i)));
    const busy = answers.filter(({ status }) => status === 503);
    expect(busy.length).to.be.greaterThan(0);
    for (const answer of busy) {
      const { details } = expectError(answer, "SERVICE_UNAVAILABLE", 503);
      expect(details).to.include({ check: "load" });
      expect(answer.headers.get("retry-after")).to.equal("1");
    }
    expect((await at(0).ask("/health")).status).to.equal(200);
    expect((await ask(1)).status).to.be.oneOf([404, 429]);
  });

  it("counts in the database as `take` does, and all at once never above the limit", async () => {
    const subject = randomUUID();
    const limit = 50;
    let tat = 0;
    for (const wanted of [7, 7, 7, 7, 7, 7, 7, 7, 7]) {
      const [{ now } = { now: 0 }] = await sql<
        { now: number }[]
      >`select (extract(epoch from now()) * 1000)::double precision as now`;
      const mine = take(tat, now, { limit, wanted });
      const theirs = await takePermits(sql, { bucket: "reads", subject, limit, wanted });
      tat = mine.tat;
      expect(theirs.granted).to.be.within(mine.granted, mine.granted + 1); // a permit may come back in between
    }
    expect(roomAt(tat, Date.now(), limit)).to.be.at.most(2);
    const other = randomUUID();
    const grants = await Promise.all(
      Array.from({ length: 40 }, () =>
        takePermits(sql, { bucket: "reads", subject: other, limit, wanted: 3 }),
      ),
    );
    const granted = grants.reduce((sum, one) => sum + one.granted, 0);
    expect(granted).to.be.within(limit, limit + 2);
  });

  it("asks the database once for many requests, and counts alone where it can't be asked", async () => {
    const asked: string[] = [];
    const counting = ((...all: Parameters<Sql>) => {
      asked.push("statement");
      return (sql as unknown as (...args: unknown[]) => unknown)(...all);
    }) as unknown as Sql;
    const limiter = createLimiter(counting);
    const permit = { bucket: "reads" as const, subject: randomUUID(), limit: 10_000 };
    for (let i = 0; i < 100; i++) expect((await limiter.take(permit)).allowed).to.equal(true);
    const fragments = 4; // each statement is written of so many pieces at least
    expect(asked.length / fragments).to.be.lessThan(20);

    const silent = postgres("postgres://moa@127.0.0.1:9/moa", { connect_timeout: 1, max: 1 });
    let now = 1_000_000;
    const alone = createLimiter(silent, () => now);
    const small = { bucket: "writes" as const, subject: "x", limit: 6 };
    const verdicts = [];
    for (let i = 0; i < 8; i++) verdicts.push(await alone.take(small));
    expect(verdicts.map(({ allowed }) => allowed)).to.deep.equal([...Array(6).fill(true), false, false]);
    expect(verdicts[7]?.seconds).to.equal(10);
    now += WINDOW / 6 + 1;
    expect((await alone.take(small)).allowed).to.equal(true);
    expect((await alone.take(small)).allowed).to.equal(false);
    await silent.end({ timeout: 0 });
  });
});
