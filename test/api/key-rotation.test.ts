import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { serve } from "@hono/node-server";
import { OpenAPIHono } from "@hono/zod-openapi";
import { expect } from "chai";
import type { Deps } from "../../api/deps.ts";
import type { AppEnv } from "../../api/http/context.ts";
import { addServiceRoutes } from "../../api/routes/service.ts";
import { openStore, type Store } from "../../api/store/database.ts";
import { ensureSigningKey, killKey, listKeys, rotateKeys } from "../../api/store/key-rotation.ts";
import { migrate } from "../../api/store/migrate.ts";
import { createSigningKeys, type SigningKeys } from "../../api/store/signing-keys.ts";
import type { Clock } from "../../gateway/clock.ts";
import { createKeys, type Keys } from "../../gateway/keys.ts";
import { createRevocations, type Revocations } from "../../gateway/revocations.ts";
import { signCapability, verifyCapability } from "../../sdk/capability.ts";
import { makeClaims } from "../gateway/support/exchange.ts";
import { temporary, until } from "../gateway/support/gateway.ts";
import { useSystem } from "../support/system.ts";

/*
the exchange's signing keys
├── T42 one signs and one stands by, published; several processes make no more
├── T42 rotation under load: no gateway refuses anything, before, while and after
├── T42 a killed key is refused within 60 s, by the keys alone and behind a cache that keeps them as long as it may
├── T42 a killed key is refused at the next poll of the feed
├── npm run keys lists, rotates and kills
└── T42 a new key does not sign before every gateway knows it
*/

/** Time that passes when the test says so; work that a tick begins has set its next timer before the tick is over. */
function virtualClock() {
  let now = Date.now();
  const timers = new Set<{ at: number; work: () => void }>();
  const clock: Clock = {
    now: () => now,
    after(ms, work) {
      const timer = { at: now + ms, work };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  };
  const advance = async (ms: number) => {
    now += ms;
    const { size } = timers;
    for (const timer of [...timers].filter(({ at }) => at <= now)) {
      timers.delete(timer);
      timer.work();
    }
    await until(() => timers.size >= size, "what the tick began");
  };
  return { clock, advance, waiting: () => timers.size };
}

/** A cache between gateways and the exchange that keeps an answer for as long as its Cache-Control allows. */
async function startCache(origin: string, clock: Clock) {
  const kept = new Map<string, { until: number; body: string }>();
  let feed = true;
  const server = createServer((req: IncomingMessage, res: ServerResponse) => {
    const path = req.url ?? "/";
    if (path.startsWith("/gateway/") && !feed) return void res.writeHead(503).end();
    const hit = kept.get(path);
    if (hit && clock.now() < hit.until) return void res.writeHead(200).end(hit.body);
    void fetch(`${origin}${path}`).then(async (answer) => {
      const body = await answer.text();
      const age = /max-age=(\d+)/.exec(answer.headers.get("cache-control") ?? "")?.[1];
      if (age !== undefined) kept.set(path, { until: clock.now() + Number(age) * 1000, body });
      res.writeHead(answer.status).end(body);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    withholdFeed() {
      feed = false;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

describe("api: signing keys", () => {
  const shared = useSystem();
  const issuer = "http://exchange.test";
  const dir = temporary();
  const closers: (() => unknown)[] = [];
  let store: Store;
  let signing: SigningKeys;
  let origin: string;
  let made = 0;

  before(async () => {
    // Keys of its own: killing those of the shared system would end other tests' sessions.
    const tag = `keys${process.pid}`;
    store = openStore({ databaseUrl: shared.system.run.databaseUrl, tag });
    await migrate(store, tag);
    signing = createSigningKeys(store);
    const app = new OpenAPIHono<AppEnv>();
    addServiceRoutes(app, { keys: signing, sql: store.sql, chain: { id: 31337 } } as Deps); // what these routes need of it
    const { fetch } = app;
    const server = serve({ fetch, hostname: "127.0.0.1", port: 0 });
    await once(server, "listening");
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    closers.push(() => server.close());
  });
  after(async () => {
    for (const close of closers) close();
    await store.close();
    dir.remove();
  });

  /** A gateway's keys and revocations behind a cache, on virtual time, that have everything at hand. */
  async function startVerifier() {
    const time = virtualClock();
    const cache = await startCache(origin, time.clock);
    const log = () => undefined;
    const revocations: Revocations = createRevocations({
      url: new URL(`${cache.url}/gateway/revocations`),
      log,
      clock: time.clock,
    });
    const keys: Keys = createKeys({
      url: new URL(`${cache.url}/.well-known/jwks.json`),
      file: `${dir.path}/keys-${made++}.json`,
      log,
      clock: time.clock,
      withdrawn: revocations.isWithdrawn,
    });
    closers.push(keys.stop, revocations.stop, cache.close);
    await until(() => time.waiting() === 2, "the first fetches");
    const verify = (token: string) =>
      verifyCapability(token, { keys: keys.find, issuer, audience: "agt_31337_1" });
    const honours = (token: string) =>
      verify(token).then(
        () => true,
        () => false,
      );
    return { ...time, cache, verify, honours };
  }

  const issue = async (scheme: "jwt" | "paseto" = "jwt") =>
    signCapability(makeClaims(issuer), await signing.current(), scheme);
  /** Lets all keys be older than they are. */
  const age = () => store.sql`update signing_keys set created_at = created_at - interval '1 hour'`;
  const states = async () => (await listKeys(store.sql)).map(({ state }) => state).sort();
  const settled = (kid: string) =>
    until(async () => (await signing.current()).kid === kid, "the processes' view of the keys");

  it("T42 one key signs and one stands by, however many processes start", async () => {
    await Promise.all(Array.from({ length: 6 }, () => ensureSigningKey(store)));
    expect(await states()).to.deep.equal(["signing", "standby"]);
    const { keys } = (await (await fetch(`${origin}/.well-known/jwks.json`)).json()) as { keys: object[] };
    expect(keys).to.have.length(2);
    for (const key of keys) expect(key).to.not.have.property("d");
  });

  it("T42 rotations under load refuse nobody", async () => {
    const verifier = await startVerifier();
    const old = await Promise.all([issue(), issue("paseto")]);
    const kids = new Set<string>();
    let verified = 0;
    let rotating = true;
    const load = async (scheme: "jwt" | "paseto") => {
      while (rotating) {
        kids.add((await signing.current()).kid);
        await verifier.verify(await issue(scheme)); // a refusal fails the test
        verified += 1;
      }
    };
    const workers = [load("jwt"), load("paseto"), load("jwt"), load("paseto")];
    const rotations = (async () => {
      for (let i = 0; i < 3; i++) {
        await age();
        const { kid } = await rotateKeys(store);
        await settled(kid);
        for (let second = 0; second < 30; second++) await verifier.advance(1_000);
      }
      rotating = false;
    })();
    await Promise.all([...workers, rotations]);
    expect(kids.size).to.equal(4);
    expect(verified).to.be.above(100);
    for (const token of old) await verifier.verify(token);
    expect(await states()).to.deep.equal(["retiring", "retiring", "retiring", "signing", "standby"]);
  });

  it("T42 a key that was made a moment ago does not sign before everybody knows it", async () => {
    const before = (await signing.current()).kid;
    const { signsFrom } = await rotateKeys(store);
    expect(signsFrom.getTime() - Date.now()).to.be.within(30_000, 61_000);
    expect(await states()).to.include.members(["next", "signing", "standby"]);
    expect((await signing.current()).kid).to.equal(before);
    await store.sql`update signing_keys set signs_from = now() where signs_from > now()`;
    await until(async () => (await signing.current()).kid !== before, "its time to come");
  });

  for (const [how, withheld, limit] of [
    ["by the keys alone, behind a cache", true, 58],
    ["by the feed at its next poll", false, 6],
  ] as const) {
    it(`T42 a killed key is refused within a minute ${how}, and its successor honoured at once`, async () => {
      await age();
      const verifier = await startVerifier();
      if (withheld) verifier.cache.withholdFeed();
      // The cache has just taken the keys: the worst moment.
      await verifier.advance(20_000);
      const { kid, privateKey } = await signing.current();
      const stolen = () => signCapability(makeClaims(issuer), { kid, privateKey });
      expect(await verifier.honours(await stolen())).to.equal(true);
      await killKey(store, kid);
      await until(async () => (await signing.current()).kid !== kid, "the processes' view of the keys");
      const { keys } = (await (await fetch(`${origin}/.well-known/jwks.json`)).json()) as {
        keys: { kid: string }[];
      };
      expect(keys.map((key) => key.kid)).to.not.include(kid);
      await verifier.verify(await issue());
      let seconds = 0;
      for (; seconds < 120 && (await verifier.honours(await stolen())); seconds++)
        await verifier.advance(1_000);
      expect(seconds, "seconds that the killed key was honoured").to.be.at.most(limit);
      await verifier.verify(await issue("paseto"));
    });
  }

  it("T42 npm run keys lists, rotates and kills, and says what it did not understand", async () => {
    const { databaseUrl, deployment } = shared.system.run;
    const tag = `keys${process.pid}`;
    // The tables are named by the deployment's tag: a deployment of this test's.
    const startBlockHash = `0x${Buffer.from(tag).toString("hex").padEnd(64, "0")}`;
    const file = `${dir.path}/deployment.json`;
    writeFileSync(file, JSON.stringify({ ...deployment, startBlockHash }));
    const scripted = openStore({ databaseUrl, tag: startBlockHash.slice(2, 10) });
    await migrate(scripted, startBlockHash.slice(2, 10));
    await ensureSigningKey(scripted);
    const run = async (...args: string[]) => {
      const script = fileURLToPath(new URL("../../scripts/keys.ts", import.meta.url));
      const env = { PATH: process.env.PATH, DATABASE_URL: databaseUrl, DEPLOYMENT_FILE: file };
      const child = spawn(process.execPath, [script, ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
      let output = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (output += text));
      const [code] = await once(child, "close");
      return { code, output };
    };
    const [first] = (await listKeys(scripted.sql)).filter(({ state }) => state === "signing");
    const listed = await run("list");
    expect(listed.code).to.equal(0);
    expect(listed.output)
      .to.match(/ signing /)
      .and.to.match(/ standby /);
    expect((await run("rotate")).output).to.match(/ signs from 20.* next /s);
    expect((await run("kill", String(first?.kid))).output).to.include(`${first?.kid} is dead`);
    expect((await listKeys(scripted.sql)).find(({ kid }) => kid === first?.kid)?.state).to.equal("killed");
    const wrong = await run("kill", "nobody's");
    expect([wrong.code, wrong.output.trim()]).to.deep.equal([1, "There is no signing key nobody's."]);
    await scripted.close();
  });

  it("T42 killing tells an unknown key, and may be repeated", async () => {
    const error = await killKey(store, "nobody's").catch((thrown: Error) => thrown.message);
    expect(error).to.equal("There is no signing key nobody's.");
    const killed = (await listKeys(store.sql)).find(({ state }) => state === "killed");
    await killKey(store, String(killed?.kid));
    expect((await listKeys(store.sql)).find(({ kid }) => kid === killed?.kid)).to.deep.equal(killed);
  });
});
