/**
 * The auditor (E47), on a chain on which everything has happened:
 *
 * clean                 nothing is found, by any way of reading the chain
 * the log
 * ├── altered           every law of the replay has logs that break it
 * └── by a lying node   a dropped, altered or invented log, another chain, other code, other storage is named
 * the index             a row that was changed, deleted or made up is named, in the database and in what the API says
 * the command line      its exit codes, its reports, one trade alone
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import postgres from "postgres";
import { type Hex, zeroAddress } from "viem";
import { type AuditOptions, audit } from "../../audit/audit.ts";
import { runAudit } from "../../audit/command-line.ts";
import { checkConsents } from "../../audit/consents.ts";
import type { Constants } from "../../audit/context.ts";
import type { RawLog } from "../../audit/decode.ts";
import { createFindings } from "../../audit/findings.ts";
import { type LawCode, lawCodes, laws } from "../../audit/laws.ts";
import { readLogs } from "../../audit/logs.ts";
import { createNode, type ServedLog } from "../../audit/node.ts";
import { createReplay, followed } from "../../audit/replay.ts";
import { htmlOf, type Report, reportSchema } from "../../audit/report.ts";
import { readConstants } from "../../audit/trust.ts";
import { deploymentTag } from "../../sdk/deployment.ts";
import { type LyingRpc, startLyingRpc } from "../api/support/copy.ts";
import { createForger, type Forger } from "../support/altered-logs.ts";
import { brokenLaws } from "../support/broken-laws.ts";
import { everythingPlayed } from "../support/everything.ts";
import { useMarket } from "../support/use-market.ts";

/** Laws of which the story gives no occasion: no pause, no nonce burnt, no endorsement, no shared bounty, no anchor, no till's receipt. */
const SILENT: readonly LawCode[] = [
  ...(["NONCE_ONCE", "PAUSE_BOUNDS", "LABEL_ENDORSED", "BOUNTY_SHARED", "RECEIPT_ONCE", "ANCHOR"] as const),
];

describe("audit: whether the exchange keeps its own rules", () => {
  const shared = useMarket();
  let constants: Constants;
  let logs: RawLog[];
  let forger: Forger;
  let head: bigint;

  const examine = (changes: Partial<AuditOptions> = {}) =>
    audit({
      ...{ rpcUrl: shared.run.rpcUrl, deployment: shared.run.deployment, mode: "logs", sample: 0, to: head },
      say: () => {},
      ...changes,
    });
  const codesOf = (report: Report) => [...new Set(report.faults.map(({ law }) => law))];

  before(async function () {
    this.timeout(600_000);
    const { run, market, index } = shared;
    await everythingPlayed(market);
    await index.caughtUp();
    const node = createNode(run.rpcUrl);
    head = await node.head();
    constants = await readConstants(node, run.deployment);
    const source = {
      contracts: followed.map((name) => constants.contracts[name]),
      tokens: [constants.bondToken],
      vaults: [constants.contracts.Exchange, constants.contracts.ValidatorBonds],
      ...{ from: BigInt(run.deployment.startBlock), to: head, mode: "logs" as const },
    };
    logs = [];
    for await (const piece of readLogs(node, source, createFindings())) logs.push(...piece);
    forger = createForger(logs, run.deployment);
  });

  function replayed(story: readonly RawLog[]) {
    const findings = createFindings();
    const replay = createReplay(constants, findings);
    for (const log of story) replay.take(log);
    replay.end();
    return { findings, replay };
  }

  it("T55 invariant 26: finds nothing wrong in the events, the receipts, the storage, the API and the database", async function () {
    this.timeout(180_000);
    const { apiUrl, databaseUrl } = shared.run;
    const report = await examine({
      mode: "receipts",
      sample: 100_000,
      apiUrl,
      database: { url: databaseUrl },
    });
    expect(report.faults).to.deep.equal([]);
    expect(report.result).to.equal("passed");
    expect(report.counts.trades).to.be.greaterThan(10);
    const asked = new Set(report.laws.map(({ law }) => law));
    const silent = lawCodes.filter((law) => !asked.has(law));
    expect(
      silent.filter((law) => !SILENT.includes(law)),
      "laws that were not asked",
    ).to.deep.equal([]);
    expect(reportSchema.parse(JSON.parse(JSON.stringify(report)))).to.deep.equal(report);
    expect(codesOf(await examine({ mode: "blooms" }))).to.deep.equal([]);
  });

  describe("the log, altered", () => {
    it("every law of the replay has logs that break it", () => {
      const broken = new Set(brokenLaws.map(([law]) => law));
      const replayLaws = lawCodes.filter((law) => laws[law].phase === "replay" && law !== "ROTATION_CONSENT");
      expect(replayLaws.filter((law) => !broken.has(law))).to.deep.equal([]);
      expect(replayed(logs).findings.total, "and the true ones break none").to.equal(0);
    });

    for (const [law, what, forge] of brokenLaws) {
      it(`${law}: ${what}`, () => {
        const { findings } = replayed(forge(forger));
        const found = findings.faults.filter((fault) => fault.law === law);
        expect(found, JSON.stringify(findings.faults.slice(0, 5))).to.not.be.empty;
        expect(found[0]?.expected).to.not.equal(found[0]?.said);
      });
    }

    it("ROTATION_CONSENT: an agent moves to an EOA that signed nothing", async () => {
      const { findings, replay } = replayed(logs);
      const [rotation] = replay.books.rotations;
      if (!rotation) throw new Error("The story has no rotation.");
      await checkConsents(createNode(shared.run.rpcUrl), replay.context);
      expect(findings.total, "the true ones were consented to").to.equal(0);
      expect(findings.askedOf("ROTATION_CONSENT")).to.be.greaterThan(0);
      rotation.to = "0x1111111111111111111111111111111111111111";
      await checkConsents(createNode(shared.run.rpcUrl), replay.context);
      expect(findings.faults.map((fault) => fault.law)).to.deep.equal(["ROTATION_CONSENT"]);
    });
  });

  describe("the log, by a lying node", () => {
    let node: LyingRpc;
    before(async () => {
      node = await startLyingRpc(shared.run.rpcUrl);
    });
    after(() => node.close());

    /** Lies about the first log of one kind; the others are served as they are. */
    function lieAboutLog(event: string, how: (log: ServedLog) => ServedLog[]) {
      const wanted = forger.first(event);
      const isWanted = (log: ServedLog) =>
        Number(log.blockNumber) === wanted.block && Number(log.logIndex) === wanted.logIndex;
      node.lie(({ method }, result) =>
        method === "eth_getLogs"
          ? (result as ServedLog[]).flatMap((log) => (isWanted(log) ? how(log) : [log]))
          : undefined,
      );
      return wanted;
    }

    it("T55: a dropped log is named by its receipt, and leaves a gap without it", async () => {
      const wanted = lieAboutLog("Exchange:KeySold", () => []);
      const gap = await examine({ rpcUrl: node.url });
      expect(codesOf(gap)).to.include("KEY_FOR_SALE");
      const [fault, ...others] = (await examine({ rpcUrl: node.url, mode: "receipts" })).faults;
      expect(others).to.deep.equal([]);
      expect(fault).to.include({
        law: "LOG_MISSING",
        tx: wanted.tx,
        log_index: wanted.logIndex,
        said: "no log",
      });
    });

    it("T55: where every log of a contract is dropped, the block's bloom filter tells", async () => {
      const [block, address] = [forger.first("Consensus:Seated").block, constants.contracts.Consensus];
      node.lie(({ method }, result) =>
        method === "eth_getLogs"
          ? (result as ServedLog[]).filter(
              (log) => Number(log.blockNumber) !== block || log.address !== address,
            )
          : undefined,
      );
      const report = await examine({ rpcUrl: node.url, mode: "blooms" });
      expect(codesOf(report)).to.deep.equal(["LOG_MISSING"]);
    });

    it("T55: an altered amount is named, whichever way", async () => {
      const more = (log: ServedLog) => {
        const data: Hex = `0x${log.data.slice(2, -1)}${log.data.endsWith("f") ? "0" : "f"}`;
        return [{ ...log, data }];
      };
      lieAboutLog("Exchange:Credited", more);
      expect(codesOf(await examine({ rpcUrl: node.url }))).to.include("CREDIT");
      expect(codesOf(await examine({ rpcUrl: node.url, mode: "receipts" }))).to.deep.equal(["LOG_ALTERED"]);
    });

    it("T55: a log that was made up is named", async () => {
      lieAboutLog("Exchange:Credited", (log) => [log, { ...log, logIndex: "0x9999" }]);
      expect(codesOf(await examine({ rpcUrl: node.url }))).to.include("SPLIT");
      expect(codesOf(await examine({ rpcUrl: node.url, mode: "receipts" }))).to.deep.equal(["LOG_INVENTED"]);
    });

    it("T55: receipts that agree with the lie are not the header's, and a header that does not its block's", async () => {
      const wanted = forger.first("Exchange:KeySold");
      node.lie(({ method }, result) => {
        const receipt = result as { transactionHash?: string; logs?: ServedLog[] };
        if (method !== "eth_getTransactionReceipt" || receipt.transactionHash !== wanted.tx) return undefined;
        return { ...receipt, logs: receipt.logs?.filter((log) => Number(log.logIndex) !== wanted.logIndex) };
      });
      expect(codesOf(await examine({ rpcUrl: node.url, mode: "receipts" }))).to.include("RECEIPTS_ROOT");
      node.lie(({ method }, result) => {
        const header = result as { number?: string };
        const isWanted = method === "eth_getBlockByNumber" && Number(header.number) === wanted.block;
        return isWanted ? { ...header, timestamp: "0x7fffffff" } : undefined;
      });
      expect(codesOf(await examine({ rpcUrl: node.url, mode: "receipts" }))).to.include("HEADER_HASH");
    });

    it("T55: a log of another block than the chain's is named", async () => {
      lieAboutLog("Exchange:KeySold", (log) => [{ ...log, blockHash: `0x${"12".repeat(32)}` }]);
      expect(codesOf(await examine({ rpcUrl: node.url }))).to.deep.equal(["LOG_BLOCK"]);
    });

    it("T55: another chain, and another chain with the same id", async () => {
      node.lie(({ method }) => (method === "eth_chainId" ? "0x1" : undefined));
      const other = await examine({ rpcUrl: node.url });
      expect([codesOf(other), other.laws.length]).to.deep.equal([["CHAIN_ID"], 2]);
      node.lie(({ method }, result) =>
        method === "eth_getBlockByNumber"
          ? { ...(result as object), hash: `0x${"34".repeat(32)}` }
          : undefined,
      );
      expect(codesOf(await examine({ rpcUrl: node.url }))).to.deep.equal(["START_BLOCK"]);
    });

    it("other code than ours is named", async () => {
      const points = constants.contracts.PointsLedger;
      node.lie(({ method, params }, result) =>
        method === "eth_getCode" && String(params?.[0]).toLowerCase() === points ? `${result}00` : undefined,
      );
      const { faults } = await examine({ rpcUrl: node.url });
      expect(faults.map(({ law, subject }) => [law, subject.split(" ")[0]])).to.deep.equal([
        ["CODE", "PointsLedger"],
      ]);
    });

    it("storage that is not what the events add up to is named, and money that is not there", async () => {
      const registry = constants.contracts.AgentRegistry;
      node.lie(({ method, params }, result) => {
        if (method === "eth_getBalance") return "0x0";
        const call = params?.[0] as { to?: string; data?: string } | undefined;
        const isCount =
          method === "eth_call" && call?.to?.toLowerCase() === registry && call.data?.length === 10;
        return isCount ? `0x${(BigInt(result as string) + 1n).toString(16).padStart(64, "0")}` : undefined;
      });
      const { faults } = await examine({ rpcUrl: node.url, sample: 100 });
      expect(faults.filter(({ law }) => law === "STORED").map(({ subject }) => subject)).to.deep.equal([
        "agents",
      ]);
      expect(faults.filter(({ law }) => law === "SOLVENT")).to.not.be.empty;
    });

    it("a node that gives no answer is no finding: the audit says that it could not be made", async () => {
      node.lie(() => null);
      const said: string[] = [];
      const deploymentFile = shared.run.deploymentFile;
      const code = await runAudit(["--rpc", node.url, "--deployment", deploymentFile], {
        print: () => {},
        say: (line) => void said.push(line),
        env: {},
      });
      expect(code).to.equal(2);
      expect(said.join("\n")).to.match(/could not|broke off/);
    }).timeout(60_000);
  });

  describe("the index", () => {
    let sql: postgres.Sql;
    before(() => {
      const schema = `index_${deploymentTag(shared.run.deployment)}`;
      // Whoever tampers with a database does not wake the indexer's triggers.
      const connection = { search_path: schema, session_replication_role: "replica" };
      sql = postgres(shared.run.databaseUrl, { max: 1, connection });
    });
    after(() => sql.end({ timeout: 1 }));

    /** What an audit of database and API finds while the table is tampered with. */
    async function tampered(change: () => Promise<unknown>, undo: () => Promise<unknown>) {
      const { apiUrl, databaseUrl } = shared.run;
      await change();
      try {
        const report = await examine({ apiUrl, database: { url: databaseUrl } });
        return report.faults.map(({ law, subject, field, expected, said }) => ({
          law,
          subject,
          field,
          expected,
          said,
        }));
      } finally {
        await undo();
      }
    }

    it("T55 E47: a changed row is named, with its field and both values", async () => {
      const [row] = await sql`select id, price from sale where price > 0 limit 1`;
      const faults = await tampered(
        () => sql`update sale set price = price + 1 where id = ${row?.id}`,
        () => sql`update sale set price = price - 1 where id = ${row?.id}`,
      );
      const [expected, said] = [String(row?.price), String(BigInt(row?.price) + 1n)];
      expect(faults).to.have.deep.members([
        { law: "DB_ROW", subject: `sale ${row?.id}`, field: "price", expected, said },
        { law: "API_ROW", subject: `/trades ${row?.id}`, field: "amount", expected, said },
      ]);
    });

    it("E47: wrong points and a wrong score are named, also in what the API says", async () => {
      const [agent] = await sql`select id from agent order by id limit 1`;
      const [listing] = await sql`select id from listing where label_count > 0 and indexable limit 1`;
      const faults = await tampered(
        async () => {
          await sql`update agent set points_balance = points_balance + 500 where id = ${agent?.id}`;
          await sql`update listing set safety = safety + 400, sold = sold + 1 where id = ${listing?.id}`;
        },
        async () => {
          await sql`update agent set points_balance = points_balance - 500 where id = ${agent?.id}`;
          await sql`update listing set safety = safety - 400, sold = sold - 1 where id = ${listing?.id}`;
        },
      );
      const named = faults.map(({ law, subject, field }) => `${law} ${subject} ${field}`);
      expect(named).to.include.members([
        `DB_ROW agent ${agent?.id} points_balance`,
        `DB_ROW listing ${listing?.id} safety`,
        `API_ROW /listings ${listing?.id} sold_count`,
        `API_ROW /listings ${listing?.id} validation_score`,
      ]);
      // Points the API reads from the chain: the index can't make it say other ones.
      expect(named.filter((name) => name.startsWith("API_ROW /agents"))).to.deep.equal([]);
    });

    it("E47: a deleted trade is missing, from the database and from the API's feed", async () => {
      const [row] = await sql`select a.* from activity a join listing l on l.id = a.ek_id
        where a.type = 'ek_trade' and l.indexable limit 1`;
      if (!row) throw new Error("The story has no trade that is shown.");
      const faults = await tampered(
        () =>
          sql`delete from activity where block_number = ${row.block_number} and log_index = ${row.log_index}`,
        () => sql`insert into activity ${sql(row)}`,
      );
      expect(faults.map(({ law }) => law).sort()).to.deep.equal(["API_MISSING", "DB_MISSING"]);
      expect(faults.every(({ expected, said }) => expected.includes(row.tx) && said === "no row")).to.equal(
        true,
      );
    });

    it("E47: an invented trade is named", async () => {
      const [row] = await sql`select a.* from activity a join listing l on l.id = a.ek_id
        where a.type = 'ek_trade' and l.indexable limit 1`;
      const invented = { ...row, log_index: 999_999, tx: `0x${"fe".repeat(32)}` };
      const faults = await tampered(
        () => sql`insert into activity ${sql(invented)}`,
        () => sql`delete from activity where log_index = 999999`,
      );
      expect(faults.map(({ law }) => law).sort()).to.deep.equal(["API_INVENTED", "DB_INVENTED"]);
      expect(faults[0]?.said).to.include(invented.tx);
    });
  });

  describe("the command line", () => {
    const folder = mkdtempSync(join(tmpdir(), "moa-audit-"));
    after(() => rmSync(folder, { recursive: true, force: true }));

    async function command(...args: string[]) {
      const [printed, said]: [string[], string[]] = [[], []];
      const { rpcUrl, deploymentFile } = shared.run;
      const given = args.includes("--rpc")
        ? args
        : ["--rpc", rpcUrl, "--deployment", deploymentFile, ...args];
      const terminal = {
        print: (text: string) => void printed.push(text),
        say: (text: string) => void said.push(text),
        env: {},
      };
      return { code: await runAudit(given, terminal), printed: printed.join("\n"), said: said.join("\n") };
    }

    it("ends with 0, and writes its report for programs and for people", async () => {
      const [json, html] = [join(folder, "report.json"), join(folder, "report.html")];
      const { code, printed } = await command(
        "--to",
        String(head),
        "--sample",
        "50",
        "--json",
        json,
        "--html",
        html,
      );
      expect(code, printed).to.equal(0);
      expect(printed).to.match(/PASSED: [0-9]+ checks, 0 faults/);
      expect(reportSchema.parse(JSON.parse(readFileSync(json, "utf8"))).result).to.equal("passed");
      expect(readFileSync(html, "utf8")).to.include("passed").and.not.include("<script");
    });

    it("ends with 2 where it can't audit, and says why", async () => {
      const broken = join(folder, "broken.json");
      writeFileSync(broken, "{}");
      for (const args of [
        ["--nonsense"],
        ["--to", "x"],
        ["--rpc", shared.run.rpcUrl, "--deployment", broken],
        ["--trade", "ord_1_1_1_0"],
        ["--trade", "what"],
      ]) {
        const { code, said } = await command(...args);
        expect(code, args.join(" ")).to.equal(2);
        expect(said, args.join(" ")).to.not.equal("");
      }
    });

    it("T54: a page escapes what a log or an API says", async () => {
      const report = await examine();
      const nasty = "<script>alert('x')</script>\u001b[2J";
      const page = htmlOf({
        ...report,
        faults_total: 1,
        faults: [{ law: "API_ROW", subject: nasty, expected: nasty, said: nasty }],
      });
      expect(page).to.include("&lt;script&gt;alert(&#39;x&#39;)");
      expect(page).to.not.include("<script").and.not.include("\u001b");
    });

    it("verifies one trade alone: sold at once, in escrow, refunded, for points", async () => {
      const { replay } = replayed(logs);
      const { orders, trades } = replay.books;
      const kinds = [
        trades.find(({ price, releaseTime }) => price > 0n && releaseTime === 0n),
        ...[1, 3, 4].map((status) => trades.find(({ keyId }) => orders.get(keyId)?.status === status)),
        trades.find(({ paymentRef }) => BigInt(paymentRef) !== 0n),
        trades.find(({ price }) => price === 0n),
      ];
      for (const trade of kinds) {
        if (!trade) throw new Error("The story has no trade of each kind.");
        const [ekId, buyerId, n] = [
          trade.keyId >> 96n,
          (trade.keyId >> 32n) & (2n ** 64n - 1n),
          trade.keyId & 0xffffffffn,
        ];
        const { code, printed } = await command("--trade", `ord_31337_${ekId}_${buyerId}_${n}`);
        expect(code, printed).to.equal(0);
        expect(printed).to.include("PASSED").and.include("keys made for it: 1");
      }
    });

    it("names what is wrong with a trade that a node lies about", async () => {
      const wanted = forger.first("Exchange:Credited", ({ share }) => share === 0);
      const { keyId } = forger.read("Exchange:Credited", wanted);
      const node = await startLyingRpc(shared.run.rpcUrl);
      try {
        node.lie(({ method }, result) => {
          const receipt = result as { transactionHash?: string; logs?: ServedLog[] } | null;
          if (method !== "eth_getTransactionReceipt" || receipt?.transactionHash !== wanted.tx)
            return undefined;
          return {
            ...receipt,
            logs: receipt?.logs?.filter((log) => Number(log.logIndex) !== wanted.logIndex),
          };
        });
        const id = `key_31337_${keyId >> 96n}_${(keyId >> 32n) & (2n ** 64n - 1n)}_${keyId & 0xffffffffn}`;
        const { code, printed } = await command(
          "--rpc",
          node.url,
          "--deployment",
          shared.run.deploymentFile,
          "--trade",
          id,
        );
        expect(code).to.equal(1);
        expect(printed)
          .to.match(/BROKEN its receipts/)
          .and.match(/BROKEN the parts add up to/);
      } finally {
        await node.close();
      }
    });
  });

  it("a gift to the exchange is no fault: it is a donation", async () => {
    const story = forger.append([
      "Token:Transfer",
      { from: zeroAddress, to: constants.contracts.Exchange, value: 5n },
    ]);
    const { findings, replay } = replayed(story);
    expect(findings.total).to.equal(0);
    expect([...replay.books.donations.values()]).to.deep.equal([5n]);
  });
});
