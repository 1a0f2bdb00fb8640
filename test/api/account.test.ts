/*
a session
├── listed to its own agent; ended alone or with all, for every process at once
├── a refresh token           gives the next one, once; a second time its session ends
└── ended by a rotation       its refresh token gives nothing
a signed request (X-Signature)
├── in place of a session     also a smart account's; with a body; by the SDK
└── sent again, other host, chain, method, path, query, body or agent, old, from the future, with a session   refused
step-up
├── a session alone           grants nothing
└── a signature good for long refused
the audit log
├── what was done, the newest first, page by page; for its agent alone; without secrets
└── stays                     no row is changed or taken away
*/
import { expect } from "chai";
import type { Sql } from "postgres";
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import { createExchange } from "../../sdk/client.ts";
import {
  hashBody,
  serializeSignature,
  signedRequestTypedData,
  signRequest,
} from "../../sdk/signed-request.ts";
import type { AuditLogResponse, SessionsResponse } from "../../sdk/wire/account.ts";
import type { AgentProfile, VerifyResponse } from "../../sdk/wire/agent.ts";
import { rejectionOf } from "../support/expect-rejection.ts";
import { expectError } from "./support/api.ts";
import { openTables } from "./support/tables.ts";
import { useApi } from "./support/use-api.ts";

const fresh = () => privateKeyToAccount(generatePrivateKey());

describe("api: an account", () => {
  const shared = useApi();
  let sql: Sql;

  before(() => {
    sql = openTables(shared.api.run);
  });
  after(() => sql?.end());

  async function signIn(account: PrivateKeyAccount): Promise<VerifyResponse> {
    const { nonce, message } = await shared.api.nonceFor(account.address);
    const answer = await shared.api.verify(account.address, nonce, await account.signMessage({ message }));
    expect(answer.status).to.equal(200);
    return answer.body;
  }
  const refresh = (refresh_token: string) =>
    shared.api.ask<VerifyResponse>("/auth/refresh", { body: { refresh_token } });
  const remove = (path: string, token: string) => shared.api.ask(path, { method: "DELETE", token });

  it("T43 lists sessions to their own agent, page by page, and ends one or all of them", async () => {
    const { ask, get } = shared.api;
    const [account, stranger] = [fresh(), fresh()];
    const mine = [await signIn(account), await signIn(account), await signIn(account)];
    const other = await signIn(stranger);
    const [first, second, third] = mine as [VerifyResponse, VerifyResponse, VerifyResponse];
    const page = await get<SessionsResponse>("/me/sessions?limit=2", { token: first.token });
    const rest = await get<SessionsResponse>(`/me/sessions?limit=2&cursor=${page.cursor_next}`, {
      token: first.token,
    });
    const listed = [...page.items, ...rest.items];
    expect(listed.map((one) => one.session_id)).to.deep.equal(mine.map((one) => one.session_id).reverse());
    expect(listed.map(({ current }) => current)).to.deep.equal([false, false, true]);
    expect(listed[0]?.network).to.equal("127.0.0.0/24");

    expectError(await remove(`/me/sessions/${first.session_id}`, other.token), "NOT_FOUND", 404);
    expect((await remove(`/me/sessions/${second.session_id}`, first.token)).body).to.deep.equal({ ended: 1 });
    expectError(await ask("/me", { token: second.token }), "SESSION_EXPIRED", 401);
    expectError(await refresh(second.refresh_token), "SESSION_EXPIRED", 401);
    expect((await remove("/me/sessions", first.token)).body).to.deep.equal({ ended: 2 });
    for (const { token } of [first, third]) expectError(await ask("/me", { token }), "SESSION_EXPIRED", 401);
    expect((await ask("/me", { token: other.token })).status).to.equal(200);
  });

  it("T43 refreshes a session once, and ends it when a refresh token comes again", async () => {
    const { ask, get } = shared.api;
    const started = await signIn(fresh());
    const next = await refresh(started.refresh_token);
    expect(next.status).to.equal(200);
    expect(next.body).to.include({ session_id: started.session_id });
    await get("/me", { token: next.body.token });
    const { details } = expectError(await refresh(started.refresh_token), "SESSION_EXPIRED", 401);
    expect(details.reason).to.equal("refresh_reused");
    for (const token of [started.token, next.body.token])
      expectError(await ask("/me", { token }), "SESSION_EXPIRED", 401);
    expectError(await refresh(next.body.refresh_token), "SESSION_EXPIRED", 401);
    expectError(await refresh("rt_made_up"), "SESSION_EXPIRED", 401);
    // Of many at once one is first, and all the others say that it was copied.
    const again = await signIn(fresh());
    const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(again.refresh_token)));
    expect(answers.filter(({ status }) => status === 200)).to.have.length(1);
    expectError(await ask("/me", { token: again.token }), "SESSION_EXPIRED", 401);
  });

  it("T43 ends a session that nobody used for long, or that is old, whatever its token says", async () => {
    for (const set of [sql`last_used_at = now() - interval '8 days'`, sql`expires_at = now()`]) {
      const { token, session_id, refresh_token } = await signIn(fresh());
      await sql`update sessions set ${set} where id = ${session_id}`;
      expectError(await shared.api.ask("/me", { token }), "SESSION_EXPIRED", 401);
      expectError(await refresh(refresh_token), "SESSION_EXPIRED", 401);
    }
  });

  it("T23 refreshes no session whose EOA was rotated away", async () => {
    const { account, agentId } = await shared.api.market.join();
    const { refresh_token, session_id } = await signIn(account);
    await shared.api.market.rotate(account, agentId);
    const { details } = expectError(await refresh(refresh_token), "SESSION_EXPIRED", 401);
    expect(details.reason).to.equal("eoa_rotated");
    const [row] = await sql`select end_reason from sessions where id = ${session_id}`;
    expect(row?.end_reason).to.equal("eoa_rotated");
  });

  it("E03 takes a request that its agent signed, in place of a session, with a body and by the SDK", async () => {
    const { account, agentId } = await shared.api.market.join();
    const { apiUrl } = shared.api.run;
    const { chainId } = shared.api;
    const url = `${apiUrl}/me/points/ledger?limit=3`;
    const header = await signRequest(account, { chainId, method: "GET", url });
    expect(
      (await shared.api.ask("/me/points/ledger?limit=3", { headers: { "x-signature": header } })).status,
    ).to.equal(200);
    const body = JSON.stringify({ ids: ["ntf_sale:x"] });
    const signed = await signRequest(account, {
      chainId,
      method: "POST",
      url: `${apiUrl}/me/notifications/read`,
      body,
    });
    const read = await shared.api.ask("/me/notifications/read", { body, headers: { "x-signature": signed } });
    expect(read.status, JSON.stringify(read.body)).to.equal(200);
    const exchange = createExchange({ url: apiUrl, wallet: account, auth: "signature" });
    expect(await exchange.me()).to.include({ agent_id: `agt_${chainId}_${agentId}` });
    const kept = await sql`select 1 from sessions where eoa = ${account.address.toLowerCase()}`;
    expect(kept, "no session was made").to.have.length(0);
  });

  it("T43 refuses a signed request that is sent again, old, or of anything else than was signed", async () => {
    const { ask, chainId } = shared.api;
    const { apiUrl } = shared.api.run;
    const account = fresh();
    const body = JSON.stringify({ ids: ["ntf_sale:x"] });
    const place = { chainId, method: "POST", url: `${apiUrl}/me/notifications/read`, body };
    const send = (header: string, path = "/me/notifications/read", sent: string | undefined = body) =>
      ask(path, { headers: { "x-signature": header }, ...(sent === undefined ? {} : { body: sent }) });

    const good = await signRequest(account, place);
    const answers = await Promise.all(Array.from({ length: 10 }, () => send(good)));
    expect(answers.filter(({ status }) => status === 200)).to.have.length(1);
    for (const answer of answers.filter(({ status }) => status !== 200))
      expectError(answer, "NONCE_EXPIRED", 401);

    const now = Date.now();
    for (const at of [now - 302_000, now + 40_000]) {
      expectError(
        await send(await signRequest(account, { ...place, now: new Date(at) })),
        "NONCE_EXPIRED",
        401,
      );
    }
    const foreign = [
      { ...place, url: place.url.replace("127.0.0.1", "localhost") },
      { ...place, url: `https://evil.example/me/notifications/read` },
      { ...place, chainId: 1 },
      { ...place, method: "DELETE" },
      { ...place, url: `${apiUrl}/me/notifications` },
      { ...place, url: `${place.url}?all=1` },
      { ...place, body: JSON.stringify({ ids: ["ntf_sale:y"] }) },
      { ...place, body: "" },
    ];
    for (const what of foreign) {
      expectError(await send(await signRequest(account, what)), "INVALID_SIGNATURE", 401);
    }
    const once = await signRequest(account, place);
    expectError(await send(once, "/me/notifications/read?all=1"), "INVALID_SIGNATURE", 401);
    expectError(await send(once, undefined, '{"ids": ["ntf_sale:x"]}'), "INVALID_SIGNATURE", 401);
    expectError(await send(once.replace(account.address, fresh().address)), "INVALID_SIGNATURE", 401);
    expectError(
      await send(once.replace(/nonce=0x.{32}/, `nonce=0x${"0".repeat(32)}`)),
      "INVALID_SIGNATURE",
      401,
    );
    for (const header of ["", "v1", once.replace("v1", "v2"), `${once};x=1`]) {
      expectError(await send(header), "INVALID_SIGNATURE", 401);
    }
    const { token } = await signIn(account);
    expectError(
      await ask("/me/notifications/read", { token, body, headers: { "x-signature": once } }),
      "INVALID_SIGNATURE",
      401,
    );
    expect((await send(once)).status, "what was refused used no nonce up").to.equal(200);
  });

  it("T43 takes no sign-in message, and no other contract's domain, for a signed request", async () => {
    const account = fresh();
    const at = Math.floor(Date.now() / 1000);
    const nonce = `0x${"ab".repeat(16)}` as const;
    const url = `${shared.api.run.apiUrl}/me`;
    const data = signedRequestTypedData(
      { chainId: shared.api.chainId },
      { ...{ agent: account.address, method: "GET", url, bodyHash: hashBody("") }, at: BigInt(at), nonce },
    );
    const { message } = await shared.api.nonceFor(account.address);
    for (const signature of [
      await account.signMessage({ message }),
      await account.signTypedData({ ...data, domain: { ...data.domain, name: "ERC8004IdentityRegistry" } }),
    ]) {
      const header = serializeSignature({ eoa: account.address, at, nonce, signature });
      expectError(
        await shared.api.ask("/me", { headers: { "x-signature": header } }),
        "INVALID_SIGNATURE",
        401,
      );
    }
  });

  it("T43 grants nothing for a session alone, and takes no grant's signature that is good for long", async () => {
    const { account, token, agentId } = await shared.api.agent();
    const thief = fresh();
    const { contracts, client } = shared.api.market;
    const before = await client.readContract({
      ...contracts.registry,
      functionName: "nonces",
      args: [account.address],
    });
    const { timestamp } = await client.getBlock();
    const signature = await thief.signMessage({ message: "grant" });
    const wanted = {
      actions: ["list", "spend-points"],
      expiry: String(timestamp + 3_600n),
      nonce: String(before),
      signature,
    };
    for (const deadline of [timestamp + 200n, timestamp + 3_600n]) {
      const answer = await shared.api.ask("/me/grants", {
        token,
        body: { ...wanted, deadline: String(deadline) },
      });
      if (deadline > timestamp + 300n) expectError(answer, "INVALID_REQUEST", 400);
      else expectError(answer, "INVALID_SIGNATURE", 401);
    }
    expect(
      await client.readContract({ ...contracts.registry, functionName: "nonces", args: [account.address] }),
    ).to.equal(before);
    const log = await shared.api.get<AuditLogResponse>("/me/audit-log", { token });
    expect(log.items.slice(0, 2).map(({ action, outcome }) => `${action} ${outcome}`)).to.deep.equal([
      "grant_given refused",
      "grant_given refused",
    ]);
    expect(log.items[0]?.agent_id).to.equal(`agt_${shared.api.chainId}_${agentId}`);
  });

  it("E42 logs what was done in an agent's name, for it alone, without secrets", async () => {
    const { account, token } = await shared.api.agent();
    const { nonce, message } = await shared.api.nonceFor(account.address);
    const bad = await fresh().signMessage({ message });
    expectError(await shared.api.verify(account.address, nonce, bad), "INVALID_SIGNATURE", 401);
    const ended = await signIn(account);
    await remove(`/me/sessions/${ended.session_id}`, token);
    const items: AuditLogResponse["items"] = [];
    for (let cursor = ""; ; ) {
      const page = await shared.api.get<AuditLogResponse>(`/me/audit-log?limit=2${cursor}`, { token });
      items.push(...page.items);
      if (page.cursor_next === undefined) break;
      cursor = `&cursor=${page.cursor_next}`;
    }
    expect(items.map(({ action, outcome }) => `${action} ${outcome}`)).to.deep.equal([
      "session_ended done",
      "signed_in done",
      "signed_in refused",
      "grant_given done",
      "signed_in done",
    ]);
    expect(items[0]?.details).to.include({ session_id: ended.session_id });
    expect(items[3]?.details.actions).to.deep.equal(["list", "label", "claim"]);
    for (const { request_id, network } of items) {
      expect(request_id).to.match(/^req_/);
      expect(network).to.equal("127.0.0.0/24");
    }
    const text = JSON.stringify(items);
    for (const secret of [token, bad, ended.token, ended.refresh_token, nonce])
      expect(text).not.to.contain(secret);
    const stranger = await shared.api.signIn(fresh());
    const others = await shared.api.get<AuditLogResponse>("/me/audit-log", { token: stranger });
    expect(others.items.map(({ action }) => action)).to.deep.equal(["signed_in"]);
    const rotated = (await shared.api.get<AgentProfile>("/me", { token })).agent_id;
    expect(items[0]?.agent_id).to.equal(rotated);
  });

  it("keeps every row of the audit log", async () => {
    for (const change of [
      () => sql`update audit_log set outcome = 'done'`,
      () => sql`delete from audit_log`,
      () => sql`truncate audit_log`,
    ]) {
      const error = await rejectionOf(Promise.resolve().then(change), Error);
      expect(String(error)).to.contain("append-only");
    }
  });
});
