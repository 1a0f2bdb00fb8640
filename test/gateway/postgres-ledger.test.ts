import { generateKeyPairSync } from "node:crypto";
import { expect } from "chai";
import { type Ledger, openLedger, sweepLedger } from "../../gateway/ledger.ts";
import { createMeter } from "../../gateway/meter.ts";
import { createPossession } from "../../gateway/possession.ts";
import { createReceipts } from "../../gateway/receipts.ts";
import { createDpopKey, signDpopProof } from "../../sdk/dpop.ts";
import { useSystem } from "../support/system.ts";
import { makeClaims } from "./support/exchange.ts";

/*
a ledger in Postgres      as two gateways on two machines share it
├── a quota               500 takes in parallel over both, quota 100: exactly 100
├── receipts              numbered without a gap over both
├── proofs                each once
└── what is old           goes, and nothing else
*/
describe("gateway: a ledger in Postgres", () => {
  const shared = useSystem();
  const ledgers: Ledger[] = [];
  const at = (i: number) => ledgers[i % 2] as Ledger;

  before(async () => {
    const place = { databaseUrl: shared.system.run.databaseUrl, schema: "gateway_test" };
    ledgers.push(...(await Promise.all([openLedger(place), openLedger(place)])));
  });
  after(() => Promise.all(ledgers.map((ledger) => ledger.close())));

  it("T50 500 at once over two gateways, quota 100: exactly 100", async () => {
    const limit = { name: "day", key: crypto.randomUUID(), quota: 100, seconds: 86_400 } as const;
    const meters = ledgers.map((ledger) => createMeter(ledger));
    const takes = await Promise.allSettled(
      Array.from({ length: 500 }, (_, i) => meters[i % 2]?.take([limit], limit.key)),
    );
    expect(takes.filter(({ status }) => status === "fulfilled")).to.have.length(100);
    for (const take of takes)
      if (take.status === "rejected") expect(take.reason.code).to.equal("QUOTA_EXCEEDED");
  });

  it("numbers receipts without a gap", async () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    const key = { privateKey, kid: "k", x: "x", secret: new Uint8Array(32) };
    const both = ledgers.map((ledger) => createReceipts({ ledger, key }));
    const { ek_id, listing_id, aud, sub, jti } = makeClaims("http://127.0.0.1");
    const chain = `key_31337_1_2_${Date.now() % 1_000_000}`;
    const issue = (i: number) =>
      both[i % 2]?.issue({
        event_id: crypto.randomUUID(),
        event_type: "UsageEvent",
        ...{ ek_id, exp_id: "", seller_id: aud, buyer_agent_id: sub, action: "fetch", result: "ok" },
        receipt: { listing_id, chain, jti, request_hash: `sha256:${"0".repeat(64)}` },
      });
    await Promise.all(Array.from({ length: 60 }, (_, i) => issue(i)));
    const rows = await at(0).query<{ number: number }>(
      "select number from receipts where chain = $1 order by number",
      [chain],
    );
    expect(rows.map(({ number }) => number)).to.deep.equal(Array.from({ length: 60 }, (_, i) => i + 1));
  });

  it("T41 takes a proof once", async () => {
    const key = await createDpopKey();
    const claims = makeClaims("http://127.0.0.1", { cnf: { jkt: key.jkt } });
    const proof = await signDpopProof(key, { htm: "GET", htu: "http://g/a", accessToken: "t" });
    const request = { method: "GET", target: "/a", headers: new Headers({ dpop: proof, host: "g" }) };
    const proven = await Promise.allSettled(
      Array.from({ length: 10 }, (_, i) =>
        createPossession({ ledger: at(i) }).prove(claims, { scheme: "dpop", token: "t" }, request),
      ),
    );
    expect(proven.filter(({ status }) => status === "fulfilled")).to.have.length(1);
  });

  it("forgets what is of no use any more, and nothing of a transaction that failed", async () => {
    const ledger = at(0);
    await ledger.query("insert into proofs (name, until) values ('old', 1), ('new', 99999999999)");
    await sweepLedger(ledger, new Date());
    const names = await ledger.query("select name from proofs where name in ('old', 'new')");
    expect(names).to.deep.equal([{ name: "new" }]);
    const failed = ledger.alone("x", async (inside) => {
      await inside.query("insert into proofs (name, until) values ('half', 99999999999)");
      throw new Error("on purpose");
    });
    expect(
      await failed.then(
        () => "done",
        (error) => error.message,
      ),
    ).to.equal("on purpose");
    expect(await ledger.query("select name from proofs where name = 'half'")).to.deep.equal([]);
  });
});
