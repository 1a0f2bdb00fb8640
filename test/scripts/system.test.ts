/**
 * startSystem
 * ├── started twice                      works; schemas of the chain before are dropped, those of others stay
 * ├── run.json                           says where everything is, to its owner alone
 * ├── when a port is taken               LaunchError before anything is started
 * ├── when given up while starting       rejects, leaves no process
 * ├── when a process ends unasked        onCrash; the rest can still be stopped
 * └── kill, restart                      no crash; run.pids follow
 */
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import postgres from "postgres";
import { readJournal } from "../../scripts/system/journal.ts";
import { LaunchError } from "../../scripts/system/launch-error.ts";
import { choosePorts } from "../../scripts/system/ports.ts";
import { identityOf } from "../../scripts/system/process-identity.ts";
import { readRunInfo } from "../../scripts/system/run-info.ts";
import { type System, startSystem } from "../../scripts/system/system.ts";
import { deploymentTag } from "../../sdk/deployment.ts";
import { rejectionOf } from "../support/expect-rejection.ts";
import { makeDataDir } from "../support/system.ts";

describe("startSystem", function () {
  this.timeout(60_000);
  let dataDir: string;
  let system: System | undefined;

  beforeEach(() => {
    dataDir = makeDataDir();
  });
  afterEach(async () => {
    await system?.stop();
    system = undefined;
    rmSync(dataDir, { recursive: true });
  });

  async function withDatabase<T>({ run }: System, ask: (sql: postgres.Sql) => Promise<T>): Promise<T> {
    const sql = postgres(run.databaseUrl, { max: 1, onnotice: () => {} });
    try {
      return await ask(sql);
    } finally {
      await sql.end();
    }
  }

  it("starts twice, and drops the schemas of the chain that is gone", async () => {
    const first = await startSystem({ dataDir, only: [] });
    system = first;
    const tag = deploymentTag(first.run.deployment);
    const mine = [`index_${tag}`, `live_${tag}`, `exchange_${tag}`];
    await withDatabase(first, async (sql) => {
      for (const schema of [...mine, "exchange_0badcafe", "ponder_sync"])
        await sql`create schema ${sql(schema)}`;
      await sql`alter schema ponder_sync owner to moa_indexer`;
      await sql`create table ponder_sync.blocks as select * from (values (31337, 'old'), (10, 'kept')) as t (chain_id, note)`;
    });
    await first.stop();
    const second = await startSystem({ dataDir, only: [] });
    system = second;
    expect(deploymentTag(second.run.deployment), "another chain").to.not.equal(tag);
    const [schemas, cached] = await withDatabase(second, async (sql) => [
      (await sql`select nspname from pg_namespace`).map((row) => row.nspname as string),
      (await sql`select note from ponder_sync.blocks`).map((row) => row.note as string),
    ]);
    expect(schemas).to.include("exchange_0badcafe").and.not.include.any.members(mine);
    expect(cached).to.deep.equal(["kept"]);
    expect(readJournal(dataDir).ephemeral).to.deep.equal([
      { database: "bundled", tag: deploymentTag(second.run.deployment) },
    ]);
  });

  it("writes where everything is, to its owner alone", async () => {
    system = await startSystem({ dataDir, only: [] });
    expect(readRunInfo(dataDir)).to.deep.equal(system.run);
    expect(Object.keys(system.run.pids)).to.have.members(["postgres", "chain"]);
    expect(statSync(join(dataDir, "run.json")).mode & 0o777).to.equal(0o600);
    const { pids } = system.run;
    await system.stop();
    expect(readRunInfo(dataDir).pids).to.deep.equal({});
    for (const pid of Object.values(pids)) expect(identityOf(pid)).to.equal(undefined);
  });

  it("starts nothing when a port is taken", async () => {
    const ports = await choosePorts({});
    const squatter = createServer().listen(ports.chain, "127.0.0.1");
    await new Promise((resolve) => squatter.once("listening", resolve));
    try {
      const error = await rejectionOf(startSystem({ dataDir, ports }), LaunchError);
      expect(error.message).to.contain(`Port ${ports.chain}, wanted for the local chain`);
      expect(existsSync(join(dataDir, "logs"))).to.equal(false);
    } finally {
      squatter.close();
    }
    system = await startSystem({ dataDir, ports, only: [] });
  });

  it("leaves no process when it is given up while starting", async () => {
    const giveUp = new AbortController();
    const log = (line: string) => line.startsWith("database") && giveUp.abort();
    const starting = startSystem({ dataDir, log, signal: giveUp.signal });
    await rejectionOf(starting, LaunchError);
    expect(readJournal(dataDir)).to.deep.equal({ processes: [], ephemeral: [] });
    expect(existsSync(join(dataDir, "postgres", "postmaster.pid"))).to.equal(false);
  });

  it("reports a process that ends unasked, and none that was killed on purpose", async () => {
    const crash = Promise.withResolvers<string>();
    system = await startSystem({ dataDir, only: [], onCrash: ({ name }) => crash.resolve(name) });
    const { chain: first = 0, postgres: database = 0 } = system.run.pids;
    await system.kill("postgres", "SIGKILL");
    await system.restart("postgres");
    expect(system.run.pids.postgres).to.be.a("number").and.not.equal(database);
    expect(readRunInfo(dataDir).pids).to.deep.equal(system.run.pids);
    process.kill(first, "SIGKILL");
    expect(await crash.promise).to.equal("chain");
    expect(JSON.parse(readFileSync(join(dataDir, "launcher.json"), "utf8")).processes).to.have.length(1);
  });
});
