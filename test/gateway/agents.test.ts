import { mkdirSync, writeFileSync } from "node:fs";
import { type RequestOptions, request } from "node:https";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { createPublicClient, http } from "viem";
import type { PrivateKeyAccount } from "viem/accounts";
import { type AgentsOptions, createAgents } from "../../gateway/agents.ts";
import { knownSeller } from "../../gateway/seller.ts";
import { bindCertificate, readIdentity } from "../../sdk/agent-identity.ts";
import { ExchangeError } from "../../sdk/errors.ts";
import { type ClientCertificate, makeCertificate, spkiOf } from "../../sdk/node/certificate.ts";
import { verifyReceipt } from "../../sdk/receipts.ts";
import { contentOf, summaryText } from "../support/market.ts";
import { useMarket } from "../support/use-market.ts";
import { startExchange, type TestExchange } from "./support/exchange.ts";
import {
  type Answer,
  errorOf,
  type GatewayProcess,
  startProcess,
  temporary,
  until,
} from "./support/gateway.ts";
import { publish } from "./support/store.ts";

/*
an agent with a certificate that its wallet has bound
├── holds a key                     has what the key opens, a receipt, and the key's own quota
├── less than the key               the identity's scopes and audience narrow it (T41)
├── somebody else                   no certificate, another one, another signer: INVALID_SIGNATURE (T40)
├── holds none, or elsewhere        EK_NOT_OWNED
├── is over                         certificate, identity, or its agent's EOA: TOKEN_EXPIRED (T23)
├── could be taken back             held money, shallow purchase: PAYMENT_PENDING (T22); watermarked: SCOPE_DENIED
└── the chain is away               SERVICE_UNAVAILABLE, also for who came in before (T55)
*/
describe("gateway: agents by certificate", function () {
  this.timeout(120_000);
  const shared = useMarket();
  const dir = temporary();
  const DAY_MS = 86_400_000;
  const TEXT = "rain, mostly";
  let exchange: TestExchange;
  let gateway: GatewayProcess;
  let own: ClientCertificate;
  let seller: { account: PrivateKeyAccount; agentId: bigint };
  let manifestHash: `0x${string}`;
  let listing: bigint;

  before(async () => {
    const { market, run } = shared;
    exchange = await startExchange();
    own = makeCertificate({ days: 30, commonName: "gateway.test" });
    const at = (name: string) => join(dir.path, name);
    mkdirSync(at("state"));
    writeFileSync(at("cert.pem"), own.certificate);
    writeFileSync(at("key.pem"), own.privateKey);
    ({ hash: manifestHash } = publish(at("store"), { "a.txt": TEXT }));
    seller = await market.join();
    listing = await list(seller.account, { scopes: 0b11, requestsPerDay: 3 });
    gateway = await startProcess({
      ...{ EXCHANGE_URL: exchange.url, STORE_DIR: at("store"), STATE_DIR: at("state") },
      ...{ SELLER: `agt_31337_${seller.agentId}`, RPC_URL: run.rpcUrl, DEPLOYMENT_FILE: run.deploymentFile },
      ...{ TLS_CERT_FILE: at("cert.pem"), TLS_KEY_FILE: at("key.pem"), AGENT_CERTIFICATES: "on" },
    });
    exchange.gatewayKey = gateway.gatewayKey;
  });
  after(async () => {
    await gateway?.kill("SIGTERM");
    await exchange?.goDown();
    dir.remove();
  });

  type Changes = Parameters<typeof shared.market.terms>[0];

  async function list(account: PrivateKeyAccount, changes: Changes = {}, summary = summaryText()) {
    const { market } = shared;
    const content = { ...contentOf(summary), manifestHash };
    const { catalog } = market.contracts;
    return (await market.send(account, catalog, "list", [0n, market.terms(changes), content])).result;
  }

  /** A new agent with a key of the listing. */
  async function buyer(number = listing) {
    const joined = await shared.market.join();
    await shared.market.buy(joined.account, number);
    return joined;
  }

  type Binding = Parameters<typeof bindCertificate>[1];

  const bind = (account: PrivateKeyAccount, { spki }: { spki: Uint8Array }, over: Partial<Binding> = {}) =>
    bindCertificate(account, {
      ...{ chainId: 31337, registry: shared.run.deployment.contracts.AgentRegistry, epoch: 0, spki },
      ...{
        audience: `agt_31337_${seller.agentId}`,
        scopes: ["read"],
        expires: new Date(Date.now() + DAY_MS),
      },
      ...over,
    });

  /** A request with this certificate, on a connection of its own. The gateway's certificate is the only one that is trusted. */
  function ask(path: string, authorization?: string, certificate?: ClientCertificate): Promise<Answer> {
    const options: RequestOptions = {
      ...{ host: "127.0.0.1", port: gateway.port, path, agent: false, ca: own.certificate },
      ...{
        checkServerIdentity: () => undefined,
        headers: authorization === undefined ? {} : { authorization },
      },
      ...(certificate && { cert: certificate.certificate, key: certificate.privateKey }),
    };
    return new Promise((resolve, reject) => {
      const sent = request(options, (res) => {
        const chunks: Buffer[] = [];
        res.on("data", (chunk: Buffer) => chunks.push(chunk));
        res.once("error", reject);
        res.once("end", () =>
          resolve({
            status: res.statusCode ?? 0,
            headers: res.headers,
            body: Buffer.concat(chunks),
            broken: !res.complete,
          }),
        );
      });
      sent.once("error", reject);
      sent.end();
    });
  }

  const item = (number = listing) => `/exp/ek_31337_${number}/items/a.txt`;

  async function expectRefusal(answer: Answer, code: string, status: number, reason?: string | RegExp) {
    expect(answer.status, answer.body.toString()).to.equal(status);
    const error = errorOf(answer);
    expect(error.code).to.equal(code);
    if (reason instanceof RegExp) expect(error.message).to.match(reason);
    else if (reason !== undefined) expect(error.details.reason).to.equal(reason);
  }

  it("lets the holder of a key in, with a receipt and the key's own quota, as a token would", async () => {
    const { account, agentId } = await buyer();
    const certificate = makeCertificate({ days: 30 });
    const authorization = await bind(account, certificate);
    const metadata = await ask(`/exp/ek_31337_${listing}/metadata`, authorization, certificate);
    expect([metadata.status, metadata.headers.etag]).to.deep.equal([200, `"${manifestHash}"`]);
    const key = `key_31337_${listing}_${agentId}_0`;
    const got = await ask(item(), authorization, certificate);
    expect([got.status, got.body.toString()]).to.deep.equal([200, TEXT]);
    expect(got.headers.ratelimit).to.match(/"day";r=2/);
    const id = String(got.headers["receipt-id"]);
    const shown = await ask(`/receipts/${id}`, authorization, certificate);
    expect(shown.status, shown.body.toString()).to.equal(200);
    const event = await verifyReceipt(JSON.parse(shown.body.toString()).receipt, gateway.gatewayKey);
    expect(event).to.include({ buyer_agent_id: `agt_31337_${agentId}`, action: "fetch", result: "ok" });
    expect(event.receipt).to.include({ key_id: key, number: 1, listing_id: `lst_31337_${listing}_v1` });
    await until(() => exchange.received.some(({ event_id }) => event_id === id), "the event at the exchange");
    const token = await exchange.token({
      ...{ sub: `agt_31337_${agentId}`, aud: `agt_31337_${seller.agentId}`, ek_id: `ek_31337_${listing}` },
      ...{ manifest_hash: manifestHash, key_id: key, rate_limit_key: key, quota: { daily_quota: 3 } },
    });
    const byToken = await ask(item(), `Bearer ${token}`);
    expect(byToken.headers.ratelimit, "one quota for both ways").to.match(/"day";r=1/);
    const other = await bind((await buyer()).account, certificate);
    await expectRefusal(await ask(`/receipts/${id}`, other, certificate), "EK_NOT_FOUND", 404);
  });

  it("T41 opens no more than the identity says: fewer scopes, and one seller's gateway", async () => {
    const { account } = await buyer();
    const certificate = makeCertificate({ days: 30 });
    const narrow = await bind(account, certificate);
    const wide = await bind(account, certificate, { scopes: ["read", "download"] });
    const download = `${item()}?purpose=download`;
    await expectRefusal(await ask(download, narrow, certificate), "SCOPE_DENIED", 403);
    expect((await ask(download, wide, certificate)).status).to.equal(200);
    const more = await bind(account, certificate, { scopes: ["execute"] });
    await expectRefusal(await ask(item(), more, certificate), "SCOPE_DENIED", 403);
    const elsewhere = await bind(account, certificate, { audience: "agt_31337_999999" });
    await expectRefusal(
      await ask(item(), elsewhere, certificate),
      "EK_NOT_OWNED",
      403,
      /is for the gateway of/,
    );
  });

  it("T40 an identity is worth nothing without the certificate's private key", async () => {
    const { account } = await buyer();
    const certificate = makeCertificate({ days: 30 });
    const authorization = await bind(account, certificate);
    const thief = makeCertificate({ days: 30 });
    await expectRefusal(await ask(item(), authorization), "INVALID_SIGNATURE", 401, /no client certificate/);
    await expectRefusal(
      await ask(item(), authorization, thief),
      "INVALID_SIGNATURE",
      401,
      /another certificate/,
    );
    const copied = { ...certificate, privateKey: thief.privateKey };
    const broken = await ask(item(), authorization, copied).catch((error: NodeJS.ErrnoException) => error);
    expect(broken, "TLS itself refuses a certificate with another key").to.be.instanceOf(Error);
    expect((await ask(item(), authorization, certificate)).status).to.equal(200);
  });

  it("T40 nobody binds a certificate to another agent, and no other agent's key counts", async () => {
    const { account } = await buyer();
    const stranger = await shared.market.join();
    const certificate = makeCertificate({ days: 30 });
    const forged = { ...stranger.account, address: account.address } as PrivateKeyAccount;
    const asVictim = await bind(forged, certificate);
    await expectRefusal(
      await ask(item(), asVictim, certificate),
      "INVALID_SIGNATURE",
      401,
      /is not signed by/,
    );
    const asItself = await bind(stranger.account, certificate);
    await expectRefusal(await ask(item(), asItself, certificate), "EK_NOT_OWNED", 403, "no_key");
    const nobody = await bind(await shared.market.newcomer(), certificate);
    await expectRefusal(await ask(item(), nobody, certificate), "EK_NOT_OWNED", 403, "no_agent");
    const good = await bind(account, certificate);
    const changed = readIdentity(good.slice("Agent ".length));
    const widened = Buffer.from(JSON.stringify({ ...changed, scopes: ["read", "download"] })).toString(
      "base64url",
    );
    await expectRefusal(await ask(item(), `Agent ${widened}`, certificate), "INVALID_SIGNATURE", 401);
    const foreign = await list((await shared.market.join()).account);
    const holder = await buyer(foreign);
    const there = await bind(holder.account, certificate);
    await expectRefusal(await ask(item(foreign), there, certificate), "EK_NOT_OWNED", 403, /is sold by/);
  });

  it("T23 ends with a rotation, and begins anew with the new EOA's signature", async () => {
    const { market } = shared;
    const { account, agentId } = await buyer();
    const certificate = makeCertificate({ days: 30 });
    const before = await bind(account, certificate);
    expect((await ask(item(), before, certificate)).status).to.equal(200);
    const { account: next } = await market.rotate(account, agentId);
    await expectRefusal(await ask(item(), before, certificate), "TOKEN_EXPIRED", 401, "revoked");
    const anew = await bind(next, certificate, { epoch: 1 });
    expect((await ask(item(), anew, certificate)).status).to.equal(200);
    const stale = await bind(next, certificate, { epoch: 0 });
    await expectRefusal(await ask(item(), stale, certificate), "TOKEN_EXPIRED", 401, "revoked");
  });

  it("is over with its certificate and with its own end, which is never far", async () => {
    const { account } = await buyer();
    const past = makeCertificate({ days: 1, from: new Date(Date.now() - 2 * DAY_MS) });
    await expectRefusal(await ask(item(), await bind(account, past), past), "TOKEN_EXPIRED", 401);
    const future = makeCertificate({ days: 1, from: new Date(Date.now() + DAY_MS) });
    await expectRefusal(await ask(item(), await bind(account, future), future), "INVALID_SIGNATURE", 401);
    const certificate = makeCertificate({ days: 400 });
    const over = await bind(account, certificate, { expires: new Date(Date.now() - 2_000) });
    await expectRefusal(await ask(item(), over, certificate), "TOKEN_EXPIRED", 401);
    const endless = await bind(account, certificate, { expires: new Date(Date.now() + 100 * DAY_MS) });
    await expectRefusal(
      await ask(item(), endless, certificate),
      "INVALID_SIGNATURE",
      401,
      /more than 90 days/,
    );
  });

  it("T22 opens nothing that can still be taken back, and nothing that the exchange has to mark", async () => {
    const certificate = makeCertificate({ days: 30 });
    const refundable = await list(seller.account, { refundWindow: 3_600, refundTerms: 1 });
    const held = await bind((await buyer(refundable)).account, certificate);
    await expectRefusal(await ask(item(refundable), held, certificate), "PAYMENT_PENDING", 409, "held");
    const policy = { gateway: "https://gateway.test", token_scheme: "jwt", watermark: true };
    const summary = summaryText({ access_policy: policy });
    const marked = await list(seller.account, {}, summary);
    const buyerOfMarked = await bind((await buyer(marked)).account, certificate);
    await expectRefusal(
      await ask(item(marked), buyerOfMarked, certificate),
      "SCOPE_DENIED",
      403,
      "watermark",
    );
    const unreadable = await list(seller.account, {}, "nothing that says whether to mark");
    const unsure = await bind((await buyer(unreadable)).account, certificate);
    await expectRefusal(await ask(item(unreadable), unsure, certificate), "LISTING_CONFLICT", 409);
  });

  /** The same in this process, on a chain that can be away and with other settings. */
  function agents(over: Partial<AgentsOptions> = {}) {
    const { client, deployment } = shared.market;
    return createAgents({
      ...{ client: client as AgentsOptions["client"], deployment, confirmations: 0, issuer: exchange.url },
      seller: knownSeller(`agt_31337_${seller.agentId}`),
      ...over,
    });
  }
  const refusal = (claims: Promise<unknown>) =>
    claims.then(
      () => undefined,
      (error: unknown) => (error instanceof ExchangeError ? error.code : error),
    );

  it("T22 waits until the purchase is as deep as was asked for", async () => {
    const { X509Certificate } = await import("node:crypto");
    const made = makeCertificate({ days: 30 });
    const certificate = new X509Certificate(made.certificate);
    expect(spkiOf(made.certificate)).to.deep.equal(made.spki);
    const { account } = await buyer();
    const text = (await bind(account, made)).slice("Agent ".length);
    const patient = agents({ confirmations: 3 });
    const claims = () => patient.claims(text, certificate, `ek_31337_${listing}`);
    expect(await refusal(claims())).to.equal("PAYMENT_PENDING");
    await shared.market.client.request({ method: "hardhat_mine", params: ["0x3"] } as never);
    expect((await claims()).scopes).to.deep.equal(["read"]);
  });

  it("T55 lets nobody in while the chain is away or another one, whoever came before", async () => {
    const { X509Certificate } = await import("node:crypto");
    const made = makeCertificate({ days: 30 });
    const certificate = new X509Certificate(made.certificate);
    const text = (await bind((await buyer()).account, made)).slice("Agent ".length);
    const ask = (by: ReturnType<typeof agents>) =>
      refusal(by.claims(text, certificate, `ek_31337_${listing}`));
    let away = false;
    const transport = http(shared.run.rpcUrl, {
      retryCount: 0,
      fetchFn: (...request) => (away ? Promise.reject(new Error("away")) : fetch(...request)),
    });
    const sometimes = agents({ client: createPublicClient({ transport, cacheTime: 0 }) });
    expect(await ask(sometimes)).to.equal(undefined);
    away = true;
    expect(await ask(sometimes)).to.equal("SERVICE_UNAVAILABLE");
    const { deployment } = shared.run;
    const startBlockHash = `0x${"11".repeat(32)}` as const;
    expect(await ask(agents({ deployment: { ...deployment, startBlockHash } }))).to.equal(
      "SERVICE_UNAVAILABLE",
    );
  });

  it("reads any text, and takes none for an identity", () => {
    const isRefused = (text: string) => {
      try {
        readIdentity(text);
        return false;
      } catch (error) {
        return error instanceof ExchangeError && error.code === "INVALID_SIGNATURE";
      }
    };
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json().map((json) => Buffer.from(json).toString("base64url")),
        ),
        isRefused,
      ),
    );
    expect(isRefused("A".repeat(10_000))).to.equal(true);
  });
});
