import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { generatePrivateKey } from "viem/accounts";
import { parse } from "yaml";
import { localKey } from "../../scripts/system/chain.ts";
import { repoRoot } from "../../scripts/system/repo.ts";
import { startProcess, temporary } from "../gateway/support/gateway.ts";
import { freePort } from "../support/free-port.ts";
import { type Api, createApi } from "./support/api.ts";
import { type Copy, startCopy } from "./support/copy.ts";
import { createPaying } from "./support/paying.ts";
import { useApi } from "./support/use-api.ts";

/*
running it
├── metrics       on their own port; every name in alerts and dashboard is among them; labels don't grow with what clients send
├── log           agent, operation, request id; T54 nothing of what must not be there
└── SIGTERM       not ready and still serving while it drains, then 0
*/
describe("api: operations", () => {
  const shared = useApi();
  let copy: Copy;
  let api: Api;
  let metricsPort: number;

  before(async function () {
    this.timeout(120_000);
    metricsPort = await freePort();
    const env = {
      METRICS_PORT: String(metricsPort),
      DRAIN_SECONDS: "1",
      GRACE_SECONDS: "5",
      LOG_LEVEL: "debug",
    };
    copy = await startCopy(shared.system.run, { env });
    api = createApi({ ...shared.api.run, apiUrl: copy.apiUrl });
  });
  after(() => copy.kill("SIGKILL"));

  const scrape = async (port: number) => {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    expect(response.status).to.equal(200);
    return response.text();
  };
  const seriesOf = (text: string, series: string) =>
    Number(
      text
        .split("\n")
        .find((line) => line.startsWith(`${series} `))
        ?.split(" ")
        .at(-1),
    );
  const names = (text: string) => new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));

  it("counts what it does, and shows how things stand", async () => {
    const before = await scrape(metricsPort);
    const paying = await createPaying(api);
    const { buyer, quote, payer } = await paying.quoted();
    const { headers } = await payer.prepare(quote.pay_url);
    expect((await paying.post(quote.pay_url, headers)).status).to.equal(200);
    await paying.expectOneKey(buyer.address);
    const text = await scrape(metricsPort);
    const grown = (series: string) => seriesOf(text, series) - (seriesOf(before, series) || 0);
    expect(grown('moa_operations_total{operation="purchase",rail="x402",outcome="ok"}')).to.equal(1);
    expect(grown('moa_payment_moves_total{rail="x402",state="EKIssued"}')).to.equal(1);
    const pay = 'operation="POST /quotes/:quote_id/pay"';
    expect(grown(`moa_http_request_duration_seconds_count{${pay},status="2xx"}`)).to.equal(1);
    expect(grown(`moa_http_request_duration_seconds_count{${pay},status="4xx"}`), "the 402").to.equal(1);
    expect(grown('moa_rpc_duration_seconds_count{method="eth_sendRawTransaction",outcome="ok"}')).to.equal(1);
    for (const check of ["chain", "database"])
      expect(seriesOf(text, `moa_check_ok{check="${check}"}`)).to.equal(1);
    expect(seriesOf(text, "moa_relayer_balance_ether")).to.be.above(1);
    expect(seriesOf(text, "moa_relayer_nonce_gaps")).to.equal(0);
    expect(seriesOf(text, "moa_index_lag_blocks")).to.be.within(0, 20);
    expect(seriesOf(text, "moa_postgres_wait_seconds")).to.be.within(0, 5);
    expect(text).to.match(/^moa_postgres_connections\{application="moa-api",state="\w+"\} [1-9]/m);
    expect(text, "no look has failed").not.to.match(/^moa_metrics_failures_total\{/m);
  });

  it("has one label for each route, whatever clients ask for, and no metrics on the public port", async () => {
    const made = (text: string) => text.split("\n").filter((line) => line.startsWith("moa_http_")).length;
    await Promise.all([api.ask("/nothing"), api.ask("/listings/ek_31337_999999"), api.ask("/livez")]);
    const first = made(await scrape(metricsPort));
    for (let i = 0; i < 40; i++) {
      await api.ask(`/nothing/${i}`);
      await api.ask(`/listings/ek_31337_9999${i}?q=${i}`, { headers: { "x-operation": String(i) } });
    }
    const text = await scrape(metricsPort);
    expect(made(text), "series").to.equal(first);
    expect(text)
      .to.contain('operation="none"')
      .and.not.to.match(/="[^"]*9999/);
    expect((await api.ask("/metrics")).status).to.equal(404);
    expect((await fetch(`http://127.0.0.1:${metricsPort}/health`)).status).to.equal(404);
  });

  it("has every metric that the alerts and the dashboard name", async function () {
    this.timeout(60_000);
    const dir = temporary();
    const port = await freePort();
    const gateway = await startProcess({
      ...{ EXCHANGE_URL: copy.apiUrl, STORE_DIR: dir.path, STATE_DIR: join(dir.path, "state") },
      METRICS_PORT: String(port),
    });
    try {
      expect((await fetch(`${gateway.url}/readyz`)).status).to.equal(200);
      expect((await fetch(`${gateway.url}/livez`)).status).to.equal(200);
      const known = new Set([...names(await scrape(metricsPort)), ...names(await scrape(port)), "up"]);
      type Rules = { groups: { rules: { alert: string; expr: string; labels: { severity: string } }[] }[] };
      const rules = (parse(read("prometheus/alerts.yml")) as Rules).groups.flatMap((group) => group.rules);
      const dashboard = JSON.parse(read("grafana/moa.json")) as {
        panels: { targets?: { expr: string }[] }[];
      };
      const panels = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
      expect(rules.length).to.be.above(15);
      expect(panels.length).to.be.above(30);
      for (const expr of [...rules.map((rule) => rule.expr), ...panels]) {
        const used = metricsIn(expr);
        expect(used, expr).not.to.have.length(0);
        for (const name of used) expect(known.has(name), `${name} in ${expr}`).to.equal(true);
      }
      const handbook = readFileSync(join(repoRoot, "docs/OPERATIONS.md"), "utf8");
      for (const { alert, labels } of rules) {
        expect(handbook, "what to do about it").to.contain(`**${alert}**`);
        expect(labels.severity).to.be.oneOf(["page", "ticket"]);
      }
    } finally {
      await gateway.kill("SIGKILL");
      dir.remove();
    }
  });

  it("T54 logs who asked for what, and nothing that would let its reader do it", async () => {
    const { account, token, id } = await api.agent();
    const signature = await account.signMessage({ message: "planted" });
    const planted = {
      "PAYMENT-SIGNATURE": Buffer.from(JSON.stringify({ payload: { signature } })).toString("base64"),
      "SIGN-IN-WITH-X": Buffer.from(JSON.stringify({ signature })).toString("base64"),
      DPoP: `${token}x`,
      Cookie: "session=planted-cookie",
      "X-Request-Id": "planted-id",
    };
    const privateKey = generatePrivateKey();
    const { headers } = await api.ask("/me?ticket=planted-ticket&signed=planted-signed", {
      token,
      headers: planted,
    });
    for (const path of [
      ...[
        "/auth/verify",
        "/me/validate/submit",
        "/me/buy/purchase",
        "/listings/ek_31337_1/quote",
        "/nothing",
      ],
      ...["/gateway/events", "/webhooks/stripe", "/me/grants", `/x402/${encodeURIComponent(token)}`],
    ]) {
      const body = {
        signature,
        token,
        card: { number: "4242424242424242", cvc: "123" },
        privateKey,
        events: [token],
      };
      await api.ask(path, { token, headers: planted, body });
      await api.ask(`${path}?token=${token}`, { headers: planted, body: `{"broken": "${signature}` });
    }
    const log = copy.output();
    const line = log.split("\n").find((text) => text.includes(String(headers.get("x-request-id"))));
    expect(JSON.parse(String(line))).to.include({
      operation: "GET /me",
      agent: id,
      status: 200,
      level: "info",
    });
    expect(log).to.contain('"operation":"GET /livez"');
    const secrets = [
      token.split(".")[1],
      token.split(".")[2],
      signature.slice(2, 60),
      privateKey.slice(2),
      localKey(1).slice(2),
    ];
    for (const secret of [...secrets, ...Object.values(planted), "planted", "4242424242424242"]) {
      expect(log).not.to.contain(secret);
    }
    for (const text of log.trim().split("\n"))
      expect(JSON.parse(text)).to.include.keys("time", "level", "event");
  });

  it("is not ready and still serves while it drains, and ends with 0", async () => {
    expect((await api.ask("/readyz")).body).to.deep.equal({ ready: true, reasons: [] });
    const ended = copy.kill("SIGTERM");
    while (!copy.output().includes('"event":"draining"'))
      await new Promise((resolve) => setTimeout(resolve, 10));
    const ready = await api.ask("/readyz");
    expect([ready.status, ready.body]).to.deep.equal([
      503,
      { ready: false, reasons: ["it is about to end"] },
    ]);
    const served = await api.ask("/public/points/policy");
    expect([served.status, served.headers.get("connection")]).to.deep.equal([200, "close"]);
    expect((await api.ask("/livez")).status).to.equal(200);
    expect(await ended).to.equal(0);
    expect(copy.output()).to.contain('"event":"ended"');
  });
});

function read(path: string): string {
  return readFileSync(join(repoRoot, "ops", path), "utf8");
}

/** Names of metrics in an expression of PromQL, without what histograms and counters append. */
function metricsIn(expr: string): string[] {
  const bare = expr.replaceAll(/\{[^}]*\}/g, "").replaceAll(/\b(by|ignoring|on|without) *\([^)]*\)/g, "");
  const found = bare.match(/\b(?:moa|nodejs|process)_\w+|\bup\b/g) ?? [];
  return found.map((name) => name.replace(/_(?:bucket|count|sum)$/, ""));
}
