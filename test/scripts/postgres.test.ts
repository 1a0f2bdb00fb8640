/**
 * bundled Postgres
 * ├── at first                         makes a cluster: password, 127.0.0.1 only, letters of all languages, extensions
 * ├── given its data                   finds them again
 * ├── after kill -9                    recovers
 * ├── while an orphan has the data     ends the orphan and takes over
 * ├── given a stale pid file           starts, whoever has that number now
 * ├── given another version's data     LaunchError naming both
 * └── as root
 *     ├── in a folder of root alone    runs from a copy elsewhere, and finds it again
 *     └── when that place was planted  LaunchError
 * DATABASE_URL
 * ├── when nothing answers             LaunchError without the password
 * └── when the password is wrong       LaunchError without the password
 */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import postgres from "postgres";
import { LaunchError } from "../../scripts/system/launch-error.ts";
import { choosePorts } from "../../scripts/system/ports.ts";
import { checkDatabase, startPostgres } from "../../scripts/system/postgres.ts";
import { findPostgresHome, relocatedDataDir } from "../../scripts/system/postgres-home.ts";
import { createSupervisor, type Supervisor } from "../../scripts/system/process.ts";
import { rejectionOf } from "../support/expect-rejection.ts";
import { makeDataDir } from "../support/system.ts";

const isRoot = process.getuid?.() === 0;

describe("bundled Postgres", function () {
  this.timeout(60_000);
  let dataDir: string;
  let crashed: PromiseWithResolvers<void>;
  const supervisors: Supervisor[] = [];

  before(() => {
    dataDir = makeDataDir();
  });
  after(() => rmSync(dataDir, { recursive: true }));
  beforeEach(() => {
    crashed = Promise.withResolvers();
  });
  afterEach(async () => {
    for (const supervisor of supervisors.splice(0)) await supervisor.stop();
  });

  function newSupervisor(): Supervisor {
    const logDir = join(dataDir, "logs");
    const supervisor = createSupervisor({ logDir, onChange: () => {}, onCrash: () => crashed.resolve() });
    supervisors.push(supervisor);
    return supervisor;
  }

  async function start(dir = dataDir, supervisor = newSupervisor()) {
    const { postgres: port } = await choosePorts({});
    return startPostgres(supervisor, { dataDir: dir, port });
  }

  async function query<T>(url: string, ask: (sql: postgres.Sql) => Promise<T>): Promise<T> {
    const sql = postgres(url, { max: 1, onnotice: () => {} });
    try {
      return await ask(sql);
    } finally {
      await sql.end();
    }
  }

  const remember = (url: string) =>
    query(url, async (sql) => {
      await sql`create table if not exists memory (word text)`;
      await sql`insert into memory values ('kept')`;
    });
  const recall = (url: string) =>
    query(url, async (sql) => (await sql`select distinct word from memory`).map((row) => row.word as string));

  it("makes a cluster that only this machine and only a password opens", async () => {
    const { url } = await start();
    const settings = await query(
      url,
      async (sql) =>
        await sql`select name, setting from pg_settings where name in
        ('listen_addresses', 'unix_socket_directories', 'server_encoding') order by name`,
    );
    expect(settings.map((row) => row.setting as string)).to.deep.equal(["127.0.0.1", "UTF8", ""]);
    const wrong = url.replace(/:[0-9a-f]{48}@/, ":guess@");
    expect(wrong).to.not.equal(url);
    const error = await rejectionOf(checkDatabase(wrong), LaunchError);
    expect(error.message).to.contain("password authentication failed").and.not.contain("guess");
    await remember(url);
  });

  it("knows the letters of other languages and has the extensions of the search", async () => {
    const { url } = await start();
    const [row] = await query(url, async (sql) => {
      for (const name of ["pg_trgm", "unaccent", "btree_gin"]) {
        await sql`create extension if not exists ${sql(name)}`;
      }
      return sql`select cardinality(show_trgm('čaj')) as trigrams, upper('čaj') as upper,
        to_tsvector('simple', 'Žlutý čaj')::text as words, unaccent('čaj') as plain`;
    });
    expect(row).to.deep.equal({ trigrams: 4, upper: "ČAJ", words: "'čaj':2 'žlutý':1", plain: "caj" });
  });

  it("recovers its data after kill -9", async () => {
    const supervisor = newSupervisor();
    await remember((await start(dataDir, supervisor)).url);
    process.kill(supervisor.pids().postgres ?? 0, "SIGKILL");
    await crashed.promise;
    expect(await recall((await start()).url)).to.deep.equal(["kept"]);
  });

  it("ends an orphan that has the data, and takes over", async () => {
    const orphaned = newSupervisor();
    await remember((await start(dataDir, orphaned)).url);
    const { url } = await start();
    await crashed.promise;
    expect(orphaned.pids()).to.deep.equal({});
    expect(await recall(url)).to.deep.equal(["kept"]);
  });

  it("starts over a stale pid file, whoever has that number now", async () => {
    const file = join(findPostgresHome(dataDir).data, "postmaster.pid");
    for (const pid of [process.pid, 2 ** 22 - 1]) {
      writeFileSync(file, `${pid}\n${dataDir}\n0\n0\n\n127.0.0.1\n`);
      const supervisor = newSupervisor();
      expect(await recall((await start(dataDir, supervisor)).url)).to.deep.equal(["kept"]);
      await supervisor.stop();
    }
  });

  it("does not touch data of another version", async () => {
    const other = makeDataDir();
    mkdirSync(join(other, "postgres"));
    writeFileSync(join(other, "postgres/PG_VERSION"), "12\n");
    try {
      const error = await rejectionOf(start(other), LaunchError);
      expect(error.message).to.match(/is of Postgres 12, ours is 18/);
      expect(existsSync(join(other, "postgres/PG_VERSION"))).to.equal(true);
    } finally {
      rmSync(other, { recursive: true });
    }
  });

  describe("as root", () => {
    before(function () {
      if (!isRoot) this.skip();
    });

    it("runs from a copy when only root may enter the folder, and finds it again", async () => {
      const locked = mkdtempSync(join(tmpdir(), "moa-test-locked-"));
      expect(statSync(locked).mode & 0o777).to.equal(0o700);
      const nested = join(locked, ".data");
      mkdirSync(nested);
      try {
        const supervisor = newSupervisor();
        const { url, data } = await start(nested, supervisor);
        expect(data).to.equal(join(relocatedDataDir(nested), "postgres"));
        expect(statSync(data)).to.include({ uid: statSync(`${dataDir}/postgres`).uid });
        await remember(url);
        await supervisor.stop();
        expect(await recall((await start(nested)).url)).to.deep.equal(["kept"]);
      } finally {
        for (const supervisor of supervisors) await supervisor.stop();
        rmSync(relocatedDataDir(nested), { recursive: true });
        rmSync(locked, { recursive: true });
      }
    });

    it("does not trust a place that somebody else made", () => {
      const locked = mkdtempSync(join(tmpdir(), "moa-test-locked-"));
      const temporary = mkdtempSync(join(tmpdir(), "moa-test-tmp-"));
      const { TMPDIR } = process.env;
      const planted = join(temporary, "moa-0");
      mkdirSync(planted);
      try {
        process.env.TMPDIR = temporary;
        chownSync(planted, 65_534, 65_534);
        expect(() => findPostgresHome(locked)).to.throw(LaunchError, /only root can write/);
        chownSync(planted, 0, 0);
        chmodSync(planted, 0o777);
        expect(() => findPostgresHome(locked)).to.throw(LaunchError, /only root can write/);
      } finally {
        if (TMPDIR === undefined) delete process.env.TMPDIR;
        else process.env.TMPDIR = TMPDIR;
        for (const dir of [locked, temporary]) rmSync(dir, { recursive: true });
      }
    });
  });
});

describe("DATABASE_URL", () => {
  it("is refused with one clear line when nothing answers", async () => {
    const { postgres: port } = await choosePorts({});
    const url = `postgres://me:s3cret@127.0.0.1:${port}/moa`;
    const error = await rejectionOf(checkDatabase(url), LaunchError);
    expect(error.message).to.equal(
      `DATABASE_URL: Postgres at 127.0.0.1:${port}/moa does not let us in: connect ECONNREFUSED 127.0.0.1:${port}.`,
    );
    expect(error.hint).to.contain("unset DATABASE_URL");
  });
});
