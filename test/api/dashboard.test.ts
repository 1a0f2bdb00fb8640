/*
an agent's own view
├── overview, keys, listings, history     what the agent did, and nobody else's
├── a listing that buyers can't see       told with its reason, also in detail
├── another seller's listing              403; one that there is not, 404
├── gateways                              healthy, somebody else's, down, in a private network (T45), looked at again
└── the waiting list                      each address once; faults with a pointer
*/
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { checkGateways } from "../../api/actions/gateways.ts";
import { createChain } from "../../api/chain/client.ts";
import type {
  Gateway,
  MeOverview,
  MyKeysResponse,
  SellerListingDetail,
  SellerListings,
  ValidationHistory,
} from "../../sdk/wire/dashboard.ts";
import type { TokenResponse } from "../../sdk/wire/purchase.ts";
import { createIndexReader, type IndexReader } from "../support/index-reader.ts";
import { summaryText } from "../support/market.ts";
import { expectError } from "./support/api.ts";
import { startCopy } from "./support/copy.ts";
import { openTables } from "./support/tables.ts";
import { useApi } from "./support/use-api.ts";

type Party = { agentId: bigint; token: string };

describe("api: dashboard", () => {
  const shared = useApi();
  let index: IndexReader;
  let seller: Party;
  let buyer: Party;
  let validator: Party;
  let sold: bigint;
  let hidden: bigint;

  before(async function () {
    this.timeout(60_000);
    const { api } = shared;
    const { market } = api;
    index = createIndexReader(api.run);
    const [s, b, v] = [await market.join(), await market.join(), await market.join()];
    const access_policy = { gateway: api.run.gatewayUrl, token_scheme: "jwt" };
    sold = await market.list(s.account, {}, summaryText({ access_policy }));
    hidden = await market.list(s.account, {}, "no summary at all");
    await market.buy(b.account, sold);
    await market.send(v.account, market.contracts.labels, "label", [v.agentId, market.labelInput(sold)]);
    const signedIn = async ({ account, agentId }: typeof s) => ({
      agentId,
      token: await api.signIn(account),
    });
    [seller, buyer, validator] = [await signedIn(s), await signedIn(b), await signedIn(v)];
    await index.caughtUp();
  });
  after(() => index?.end());

  const get = <T>(path: string, { token }: Party) => shared.api.get<T>(path, { token });

  it("tells each agent what it did, and of the last days", async () => {
    const overviews = await Promise.all(
      [seller, buyer, validator].map((party) => get<MeOverview>("/me/overview", party)),
    );
    expect(overviews.map(({ activity_summary: done, recent }) => ({ ...done, ...recent }))).to.deep.equal([
      { sold: 1, bought: 0, validated: 0, trades: 1, usage: 0, validations: 0 },
      { sold: 0, bought: 1, validated: 0, trades: 1, usage: 0, validations: 0 },
      { sold: 0, bought: 0, validated: 1, trades: 0, usage: 0, validations: 1 },
    ]);
    const stranger = await shared.api.market.newcomer();
    const nobody = await get<MeOverview>("/me/overview", {
      agentId: 0n,
      token: await shared.api.signIn(stranger),
    });
    expect(nobody.points).to.deep.equal({ balance: 0, lifetime: 0 });
  });

  it("T44 lists the keys that an agent holds, with their tokens, and nobody else's", async () => {
    const [key, ...others] = (await get<MyKeysResponse>("/me/buy/keys", buyer)).items;
    expect(others).to.deep.equal([]);
    expect(key).to.include({ ek_id: shared.api.ekIdOf(sold), listing_id: `lst_31337_${sold}_v1` });
    expect(key?.ek_summary?.title).to.equal("Rain in Seattle");
    expect(key?.ek_token_status).to.deep.equal({ has_token: false });
    const body = { ek_id: shared.api.ekIdOf(sold) };
    const token = await shared.api.get<TokenResponse>("/me/buy/token", { token: buyer.token, body });
    const [again] = (await get<MyKeysResponse>("/me/buy/keys", buyer)).items;
    expect(again?.ek_token_status).to.deep.equal({ has_token: true, expires_at: token.expires_at });
    expect((await get<MyKeysResponse>("/me/buy/keys", seller)).items).to.deep.equal([]);
  });

  it("pages through keys, each once, also of what can't be shown any more", async () => {
    const { api } = shared;
    const { account } = await api.market.join();
    const token = await api.signIn(account);
    for (let n = 0; n < 3; n++) await api.market.buy(account, hidden);
    await index.caughtUp();
    const seen: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await get<MyKeysResponse>(`/me/buy/keys?limit=2${cursor ? `&cursor=${cursor}` : ""}`, {
        agentId: 0n,
        token,
      });
      seen.push(...page.items.map(({ key_id }) => key_id));
      expect(page.items.filter(({ ek_summary }) => ek_summary)).to.deep.equal([]);
      cursor = page.cursor_next;
      if (cursor === undefined) break;
    }
    expect(new Set(seen).size).to.equal(3);
    expect(seen).to.have.length(3);
  });

  it("lists what a seller sells, and why buyers don't see some of it", async () => {
    const { items, hidden: unseen } = await get<SellerListings>("/me/sell/listings", seller);
    expect(items.map(({ ek_id }) => ek_id)).to.deep.equal([shared.api.ekIdOf(sold)]);
    expect(unseen).to.have.length(1);
    expect(unseen[0]).to.include({ ek_id: shared.api.ekIdOf(hidden), reason: "the summary is not JSON" });
    const paused = await get<SellerListings>("/me/sell/listings?status=paused", seller);
    expect([...paused.items, ...paused.hidden]).to.deep.equal([]);
    const wrong = await shared.api.ask("/me/sell/listings?status=gone", { token: seller.token });
    expectError(wrong, "INVALID_REQUEST", 400);
  });

  it("T44 shows a listing's inside to its seller alone", async () => {
    const path = `/me/sell/listings/${shared.api.ekIdOf(sold)}`;
    const detail = await get<SellerListingDetail>(path, seller);
    expect(detail.ek_summary?.metrics.sold_count).to.equal(1);
    expect(detail.validations.map(({ label_id }) => label_id)).to.deep.equal([
      `lbl_31337_${sold}_${validator.agentId}`,
    ]);
    const { details } = expectError(await shared.api.ask(path, { token: buyer.token }), "SCOPE_DENIED", 403);
    expect(details.reason).to.equal("not_seller");
    const none = await shared.api.ask("/me/sell/listings/ek_31337_999999", { token: seller.token });
    expectError(none, "EK_NOT_FOUND", 404);
    const unseen = await get<SellerListingDetail>(`/me/sell/listings/${shared.api.ekIdOf(hidden)}`, seller);
    expect(unseen.ek_summary).to.equal(undefined);
    expect(unseen.hidden?.reason).to.equal("the summary is not JSON");
    expect(unseen.store).to.equal(undefined);
  });

  it("T45 looks at gateways by the safe fetch: the real one, a stranger's, one that is away, one in a private network", async function () {
    this.timeout(60_000);
    const { run } = shared.api;
    let health: unknown = { status: "ok", seller: `agt_31337_${seller.agentId}`, storage_type: "s3" };
    let asked = 0;
    const server = createServer((_request, response) => {
      asked += 1;
      response.end(JSON.stringify(health));
    });
    const port = await listening(server);
    const copy = await startCopy(run, { env: { LOCAL_GATEWAYS: `127.0.0.1:${port},127.0.0.1:9` } });
    const name = (gateway: string) => ({
      ...{ method: "POST", body: JSON.stringify({ gateway }) },
      headers: { authorization: `Bearer ${own}`, "content-type": "application/json" },
    });
    // The copy has a name of its own: sessions are its own too.
    const own = await signInAt(copy.apiUrl);
    const ask = async (gateway: string) => {
      const response = await fetch(`${copy.apiUrl}/me/sell/gateways`, name(gateway));
      return { status: response.status, body: (await response.json()) as Gateway & { code?: string } };
    };
    try {
      const mine = `http://127.0.0.1:${port}`;
      health = { status: "ok", storage_type: "s3" };
      const found = await ask(`${mine}/`);
      expect(found.body).to.include({ gateway: mine, status: "healthy", storage_type: "s3" });
      health = { status: "ok", seller: "agt_31337_999999" };
      expect((await ask(mine)).body.recent_errors[0]).to.include("agt_31337_999999");
      health = "I am well";
      expect((await ask(mine)).body).to.include({ status: "down", storage_type: "s3" });
      expect(asked).to.equal(3);
      expect((await ask("http://127.0.0.1:9")).body.status).to.equal("down");
      for (const inside of [
        "http://127.0.0.1:1",
        "https://10.0.0.1",
        "http://example.com",
        "https://[::1]",
      ]) {
        const refused = await ask(inside);
        expect({ ...refused, body: refused.body.code }, inside).to.deep.equal({
          status: 400,
          body: "INVALID_REQUEST",
        });
      }
      const sql = openTables(run);
      const [due] = await sql`
        update gateways set check_at = now() - interval '1 hour' where url = ${mine} returning checked_at`;
      const chain = createChain({ rpcUrl: run.rpcUrl, deployment: run.deployment });
      await checkGateways({ chain, sql, localGateways: [`127.0.0.1:${port}`] });
      const [checked] = await sql`
        select checked_at, check_at > now() + interval '4 minutes' as later from gateways where url = ${mine}`;
      await sql.end();
      expect(checked?.checked_at.getTime()).to.be.greaterThan(due?.checked_at.getTime());
      expect(checked?.later, "the next look is in five minutes").to.equal(true);
      const headers = { authorization: `Bearer ${own}` };
      const listed = await fetch(`${copy.apiUrl}/me/sell/gateways`, { headers });
      const { items } = (await listed.json()) as { items: Gateway[] };
      expect(items.map(({ gateway }) => gateway)).to.deep.equal([mine, "http://127.0.0.1:9"]);
      const forget = await fetch(`${copy.apiUrl}/me/sell/gateways/forget`, name(mine));
      expect(forget.status).to.equal(200);
      expect((await fetch(`${copy.apiUrl}/me/sell/gateways/forget`, name(mine))).status).to.equal(404);
    } finally {
      await copy.kill("SIGTERM");
      server.close();
    }
  });

  async function signInAt(apiUrl: string): Promise<string> {
    const { account } = await shared.api.market.join();
    const asked = await fetch(`${apiUrl}/auth/nonce?eoa=${account.address}`);
    const { nonce, message } = (await asked.json()) as { nonce: string; message: string };
    const body = JSON.stringify({
      ...{ eoa: account.address, nonce, signature: await account.signMessage({ message }) },
    });
    const headers = { "content-type": "application/json" };
    const verified = await fetch(`${apiUrl}/auth/verify`, { method: "POST", headers, body });
    return ((await verified.json()) as { token: string }).token;
  }

  it("tells a validator what it said, and where it stands", async () => {
    const history = await get<ValidationHistory>("/me/validate/history", validator);
    expect(history.items.map(({ ek_id }) => ek_id)).to.deep.equal([shared.api.ekIdOf(sold)]);
    expect(history.reputation.rank).to.be.at.least(1);
    const none = await get<ValidationHistory>("/me/validate/history", buyer);
    expect(none).to.deep.equal({ items: [], reputation: { score: 0, rank: 0 } });
  });

  it("keeps each address on the waiting list once, and tells nobody who is on it", async () => {
    const join = (body: unknown) => shared.api.ask("/public/waitlist", { body });
    const email = `Someone.${Date.now()}@Example.com`;
    for (const notes of ["first", "second"]) {
      const { status, body } = await join({ email, agent_type: "external", notes });
      expect({ status, body }).to.deep.equal({ status: 200, body: { ok: true } });
    }
    const sql = openTables(shared.api.run);
    const rows = await sql`select notes from waitlist where email = ${email.toLowerCase()}`;
    await sql.end();
    expect(rows.map(({ notes }) => notes)).to.deep.equal(["first"]);
    const { details } = expectError(
      await join({ email: "nobody", agent_type: "cat" }),
      "INVALID_REQUEST",
      400,
    );
    expect((details.faults as { pointer: string }[]).map(({ pointer }) => pointer)).to.deep.equal([
      "/email",
      "/agent_type",
    ]);
  });
});

function listening(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}
