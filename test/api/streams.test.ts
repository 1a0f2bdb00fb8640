import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import type { PrivateKeyAccount } from "viem";
import { schemaOf } from "../../api/store/database.ts";
import { createExchange } from "../../sdk/client.ts";
import { curves } from "../../sdk/curves.ts";
import { deploymentTag } from "../../sdk/deployment.ts";
import { activityItemSchema } from "../../sdk/wire/public.ts";
import { ownEventSchema, type StreamTicket } from "../../sdk/wire/streams.ts";
import { expectError } from "./support/api.ts";
import { type Copy, startCopy } from "./support/copy.ts";
import { type Ear, type Heard, listen } from "./support/listen.ts";
import { openTables } from "./support/tables.ts";
import { useApi } from "./support/use-api.ts";

type Party = { account: PrivateKeyAccount; agentId: bigint; token: string; id: string };

/*
streams
├── public     each event once on every process; cut, killed and taken up elsewhere: exactly what was missed
├── own        what concerns the agent and nobody else's; by session or by a ticket, which works once
├── ends       within 15 s of a rotation
└── limits     a reader that is too slow is let go and loses nothing; too many streams of one address
*/
describe("api: streams", function () {
  this.timeout(60_000);
  const shared = useApi();
  const open: Ear[] = [];
  let copy: Copy;
  let seller: Party;
  let number: bigint;

  before(async () => {
    copy = await startCopy(shared.api.run, {
      env: { STREAM_CONNECTIONS_PER_ADDRESS: "12", PUBLIC_URL: shared.api.run.apiUrl },
    });
    const told = await market(copy.apiUrl);
    seller = await shared.api.agent();
    number = await shared.api.market.list(seller.account, {
      curveParams: curves.fixed.encode({ price: 0n }),
      ...{ refundWindow: 3_600, refundTerms: 2 },
    });
    await told.until(hasAll([number]));
  });
  afterEach(() => {
    for (const ear of open.splice(0)) ear.cut();
  });
  after(() => copy?.kill("SIGKILL"));

  const on = async (apiUrl: string, path: string, headers?: Record<string, string>, status = 200) => {
    const ear = await listen(`${apiUrl}${path}`, headers);
    open.push(ear);
    if (status !== 0) expect(ear.status, path).to.equal(status);
    return ear;
  };
  /** Whatever it is answered. */
  const tryOn = (apiUrl: string, path: string) => on(apiUrl, path, {}, 0);
  const market = (apiUrl: string, after?: string) =>
    on(apiUrl, "/stream/public/activity", after === undefined ? {} : { "last-event-id": after });
  const bearer = ({ token }: Party) => ({ authorization: `Bearer ${token}` });
  const list = () => shared.api.market.list(seller.account);
  const eks = (heard: readonly Heard[]) =>
    heard.map(({ data }) => (data.ek_summary as { ek_id: string } | undefined)?.ek_id ?? data.ek_id);
  const hasAll = (numbers: readonly bigint[]) => (heard: readonly Heard[]) =>
    numbers.every((n) => eks(heard).includes(shared.api.ekIdOf(n)));

  it("E43 tells every process's listeners each event once, in one order, as the feed has it", async () => {
    const { apiUrl } = shared.api.run;
    const ears = [await market(apiUrl), await market(copy.apiUrl), await market(apiUrl)];
    const [first] = ears as [Ear];
    expect(first.headers).to.include({
      ...{ "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store" },
      ...{ "x-accel-buffering": "no", "access-control-allow-origin": "*" },
    });
    expect(first.headers["x-request-id"]).to.match(/^req_/);
    const made = [await list(), await list()];
    await shared.api.market.buy((await shared.api.market.join()).account, made[0] as bigint);
    for (const ear of ears)
      await ear.until((heard) => heard.some(({ event }) => event === "ek_trade") && hasAll(made)(heard));
    const told = first.events().map(({ id, data }) => [id, data]);
    for (const ear of ears) expect(ear.events().map(({ id, data }) => [id, data])).to.deep.equal(told);
    const { items } = await shared.api.get<{ items: { tx: string; type: string }[] }>(
      "/public/activity?limit=3",
    );
    expect(first.events().map(({ event, data }) => [event, data.tx])).to.deep.equal(
      items.reverse().map(({ type, tx }) => [type, tx]),
    );
    for (const { data } of first.events()) activityItemSchema.parse(data);
  });

  it("E43 goes on after Last-Event-ID with exactly what was missed, on whichever process", async () => {
    const whole = await market(shared.api.run.apiUrl);
    const ear = await market(copy.apiUrl);
    const seen = await list();
    await ear.until(hasAll([seen]));
    ear.cut();
    const missed = [await list(), await list(), await list()];
    await whole.until(hasAll(missed));
    for (const apiUrl of [shared.api.run.apiUrl, copy.apiUrl]) {
      const again = await market(apiUrl, ear.lastId());
      const next = await list();
      await again.until(hasAll([next]));
      await whole.until(hasAll([next]));
      const ids = whole.events().map(({ id }) => id);
      expect(again.events().map(({ id }) => id)).to.deep.equal(ids.slice(ids.indexOf(ear.lastId()) + 1));
    }
    // The place before any event is one to go on from, too; one of no log of ours is not.
    const begun = whole.heard[0]?.id;
    const all = await on(copy.apiUrl, `/stream/public/activity?last_event_id=${begun}`);
    await all.until((heard) => heard.length === whole.events().length);
    for (const id of ["00000000-1", `${begun?.slice(0, 8)}-999999999`, "x"]) {
      const lost = await market(copy.apiUrl, id);
      await lost.until((heard) => heard.length > 0);
      expect(lost.heard[0]).to.deep.include({ event: "resync", id: whole.lastId() });
      expect(lost.heard[0]?.data.reason).to.equal("lost");
    }
  });

  it("T44 tells an agent what concerns it, and nobody else", async () => {
    const [buyer, stranger] = [await shared.api.agent(), await shared.api.agent()];
    const { apiUrl } = shared.api.run;
    expectError(await shared.api.ask("/stream/me/events"), "INVALID_SIGNATURE", 401);
    const sold = await on(copy.apiUrl, "/stream/me/events", bearer(seller));
    const bought = await on(copy.apiUrl, "/stream/me/events?kinds=payment,order_refunded", bearer(buyer));
    const foreign = await on(apiUrl, "/stream/me/events", bearer(stranger));
    const body = { ek_id: shared.api.ekIdOf(number), payment_method: { type: "free" } };
    const { key_id } = await shared.api.get<{ key_id: string }>("/me/buy/purchase", {
      token: buyer.token,
      body,
    });
    const validator = await shared.api.agent();
    await shared.api.market.send(validator.account, shared.api.market.contracts.labels, "label", [
      validator.agentId,
      shared.api.market.labelInput(number),
    ]);
    await sold.until((heard) => heard.some(({ event }) => event === "label"));
    await bought.until((heard) =>
      heard.some(({ data }) => (data.payment as { state?: string })?.state === "EKIssued"),
    );
    expect(sold.events().map(({ event, data }) => [event, data.agent_id])).to.deep.equal([
      ["sale", buyer.id],
      ["label", validator.id],
    ]);
    const steps = bought.events().map(({ data }) => ownEventSchema.parse(data));
    expect(steps.map(({ payment }) => payment?.state)).to.deep.equal([
      ...["PaymentAuthorized", "PaymentConfirmed", "EKIssued"],
    ]);
    expect(steps.at(-1)).to.deep.include({ ek_id: body.ek_id });
    expect(steps.at(-1)?.payment).to.include({ key_id, rail: "free" });
    for (const { data } of sold.events()) ownEventSchema.parse(data);
    expect(foreign.events()).to.deep.equal([]);
    // Nor does it get at them by a place before them.
    const from = await on(apiUrl, `/stream/me/events?last_event_id=${sold.heard[0]?.id}`, bearer(stranger));
    await list();
    await sold.until((heard) => heard.some(({ event }) => event === "listing_indexed"));
    expect(from.events()).to.deep.equal([]);
  });

  it("opens an own stream by a ticket, once", async () => {
    const ticket = async () =>
      (await shared.api.get<StreamTicket>("/me/stream-ticket", { token: seller.token, method: "POST" }))
        .ticket;
    const given = await ticket();
    const sql = openTables(shared.api.run);
    const rows = await sql`select hash from stream_tickets`;
    await sql.end();
    expect(JSON.stringify(rows)).not.to.include(given);
    const path = `/stream/me/events?ticket=${given}`;
    const statuses = await Promise.all(
      [copy.apiUrl, shared.api.run.apiUrl, copy.apiUrl].map(
        async (apiUrl) => (await tryOn(apiUrl, path)).status,
      ),
    );
    expect(statuses.sort()).to.deep.equal([200, 401, 401]);
    expectError(await shared.api.ask("/stream/me/events?ticket=x"), "SESSION_EXPIRED", 401);
  });

  it("ends an agent's stream within 15 s of its rotation, and lets no ticket of before open one", async () => {
    const { account, agentId } = await shared.api.market.join();
    const token = await shared.api.signIn(account);
    const ear = await on(copy.apiUrl, "/stream/me/events", { authorization: `Bearer ${token}` });
    const { ticket } = await shared.api.get<StreamTicket>("/me/stream-ticket", { token, method: "POST" });
    await shared.api.market.rotate(account, agentId);
    const rotated = Date.now();
    await ear.ended;
    expect(Date.now() - rotated).to.be.below(15_000);
    expect(ear.heard.at(-1)).to.deep.include({ event: "resync" });
    expect(ear.heard.at(-1)?.data.reason).to.equal("session_over");
    expectError(await shared.api.ask(`/stream/me/events?ticket=${ticket}`), "SESSION_EXPIRED", 401);
  });

  it("lets a reader go that is too slow, with what to do, and keeps little for it", async () => {
    const slow = await Promise.all(Array.from({ length: 8 }, () => market(copy.apiUrl)));
    const quick = await market(copy.apiUrl);
    await quick.until((heard) => heard.length > 0);
    const resident = () =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${copy.pid}/status`, "utf8"))?.[1]) / 1024;
    const before = resident();
    for (const ear of slow) ear.pause();
    const sql = openTables(shared.api.run);
    // 24 MB for each: more than the kernel holds for it.
    await sql`
      insert into events (audience, kind, origin, payload)
      select 'public', 'validation', 'test:' || n, jsonb_build_object('n', n, 'text', repeat('x', 16000))
      from generate_series(1, 1500) n`;
    await quick.until((heard) => heard.length > 1_500);
    expect(resident() - before, "MB more").to.be.below(150);
    await sleep(7_500); // what waits must be read within 5 s, and the last words within another 5 s
    for (const ear of slow) ear.resume();
    await Promise.all(slow.map(({ ended }) => ended));
    for (const ear of slow) {
      expect(ear.events().length).to.be.below(1_500);
      const again = await market(copy.apiUrl, ear.lastId());
      const missed = 1_500 - ear.events().length;
      await again.until((heard) => heard.length >= missed);
      expect([...ear.events(), ...again.events()].map(({ data }) => data.n)).to.deep.equal(
        Array.from({ length: 1_500 }, (_, i) => i + 1),
      );
      again.cut();
    }
    expect(slow.map(({ heard }) => heard.at(-1)?.data.reason)).to.deep.equal(slow.map(() => "slow"));
    await sql`delete from events where origin like 'test:%'`;
    await sql.end();
  });

  it("opens so many streams for one address, and more when they have closed", async () => {
    const all = await Promise.all(
      Array.from({ length: 14 }, () => tryOn(copy.apiUrl, "/stream/public/activity")),
    );
    const refused = all.filter(({ status }) => status === 429);
    expect(refused).to.have.length(2);
    expect(refused[0]?.headers["retry-after"]).to.equal("10");
    all.find(({ status }) => status === 200)?.cut();
    await sleep(200);
    expect((await market(copy.apiUrl)).status).to.equal(200);
  });

  it("E43 loses nothing when a process is killed: the SDK goes on with another one", async () => {
    let apiUrl = copy.apiUrl;
    const exchange = createExchange({
      url: "http://exchange.test",
      wallet: seller.account,
      // As a load balancer does.
      fetch: (input, init) => fetch(String(input).replace("http://exchange.test", apiUrl), init),
    });
    const whole = await market(shared.api.run.apiUrl);
    const stop = new AbortController();
    const ids: string[] = [];
    const told = new Set<string>();
    const listening = (async () => {
      for await (const message of exchange.activityStream({ types: ["exp_listed"], signal: stop.signal })) {
        ids.push(message.id);
        if (message.type === "event" && message.event.type === "exp_listed")
          told.add(message.event.ek_summary.ek_id);
      }
    })();
    const until = async (numbers: readonly bigint[]) => {
      for (
        const end = Date.now() + 20_000;
        !numbers.every((n) => told.has(shared.api.ekIdOf(n)));
        await sleep(20)
      )
        if (Date.now() > end) throw new Error(`Not told: ${numbers}, but ${[...told]}`);
    };
    // It begins with what happens next: until it hears something it is not known to listen.
    const first: bigint[] = [];
    for (const end = Date.now() + 20_000; told.size === 0 && Date.now() < end; await sleep(300))
      first.push(await list());
    const before = await list();
    await until([before]);
    await copy.kill("SIGKILL");
    const missed = [await list(), await list()];
    apiUrl = shared.api.run.apiUrl;
    const after = await list();
    await until([...missed, after]);
    await whole.until(hasAll([after]));
    const all = whole.events().filter(({ event }) => event === "exp_listed");
    const expected = all.map(({ id }) => id);
    expect(ids).to.deep.equal(expected.slice(expected.indexOf(ids[0])));
    stop.abort();
    await listening;
  });

  it("knows its own deployment by the tag of its ids", async () => {
    const { deployment } = shared.api.run;
    const ear = await market(shared.api.run.apiUrl);
    await ear.until((heard) => heard.length > 0);
    expect(ear.heard[0]?.id?.split("-")[0]).to.equal(deploymentTag(deployment));
    expect(schemaOf(deploymentTag(deployment))).to.equal(`exchange_${deploymentTag(deployment)}`);
  });
});
