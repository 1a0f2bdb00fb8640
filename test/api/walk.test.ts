/*
every route that is described, as it is described
├── without a session      401 exactly where the route says that it wants one
├── as another agent       what names the owner's things is refused (403, 404); what is "mine" holds nothing of the owner's
└── as the owner           the same is answered
*/
import { randomUUID } from "node:crypto";
import { expect } from "chai";
import type { PrivateKeyAccount } from "viem";
import { describeApi } from "../../api/description.ts";
import * as ids from "../../sdk/ids.ts";
import type { Issue } from "../../sdk/wire/voices.ts";
import { createIndexReader } from "../support/index-reader.ts";
import { useApi } from "./support/use-api.ts";

type Party = { account: PrivateKeyAccount; agentId: bigint; token: string };
type Route = { path: string; method: string; secured: boolean };

/** Bodies that a route must be given for it to look at whose thing it is. */
const bodies: Record<string, unknown> = {
  "/me/orders/{order_id}/dispute": { category: "data_integrity", evidence: "ipfs://why" },
  "/me/sell/issues/{issue_id}/answer": { text: "It is mended." },
};
/** Things that this walk does not make: there is none of the owner's to ask for. */
const unmade = new Set(["payment_id", "watermark_id"]);

describe("api: every route", () => {
  const shared = useApi();
  const routes: Route[] = Object.entries(describeApi("http://127.0.0.1").document.paths ?? {}).flatMap(
    ([path, methods]) =>
      Object.entries(methods as Record<string, { security?: object[] }>).map(([method, { security }]) => ({
        ...{ path, method: method.toUpperCase(), secured: (security ?? []).length > 0 },
      })),
  );
  const byId = routes.filter(({ path, secured }) => secured && path.includes("{"));
  let owner: Party;
  let other: Party;
  const names: Record<string, string> = {};

  before(async function () {
    this.timeout(60_000);
    const { api } = shared;
    const { market } = api;
    const join = async (): Promise<Party> => {
      const joined = await market.join();
      return { ...joined, token: await api.signIn(joined.account) };
    };
    [owner, other] = [await join(), await join()];
    const reporter = await join();
    const number = await market.list(owner.account, { refundWindow: 3_600, refundTerms: 2 });
    const elsewhere = await market.list(reporter.account, { refundWindow: 3_600, refundTerms: 2 });
    const { keyId } = await market.buy(owner.account, elsewhere);
    const body = { ek_id: api.ekIdOf(number), reason: "outdated" };
    const issue = await api.get<Issue>("/me/issues", { token: reporter.token, body });
    const quote = await api.quote(api.ekIdOf(number), owner.account.address);
    const parts = { chainId: api.chainId, ...ids.splitTokenId(keyId) };
    Object.assign(names, {
      ...{ ek_id: api.ekIdOf(number), issue_id: issue.issue_id, quote_id: quote.quote_id },
      ...{ order_id: ids.orderId.serialize(parts), trade_id: ids.orderId.serialize(parts) },
      ...{ key_id: ids.keyId.serialize(parts), agent_id: `agt_${api.chainId}_${owner.agentId}` },
      ...{ payment_id: randomUUID(), watermark_id: `wm_${"a".repeat(22)}` },
      ...{ id: "a".repeat(43), day: "2026-11-01", leaf: `0x${"ab".repeat(32)}` },
    });
    const index = createIndexReader(api.run);
    await index.caughtUp();
    await index.end();
  });

  /** The route about the owner's things. */
  function ask({ path, method }: Route, token?: string) {
    const place = path.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = names[name];
      if (value === undefined) throw new Error(`The walk has no ${name} for ${path}.`);
      return value;
    });
    const body = bodies[path] ?? (method === "POST" ? {} : undefined);
    return shared.api.ask(place, { method, token, ...(body === undefined ? {} : { body }) });
  }

  it("T44 wants a session exactly where it says so", async function () {
    this.timeout(60_000);
    expect(routes.length).to.be.at.least(60);
    for (const route of routes) {
      const { status } = await ask(route);
      const name = `${route.method} ${route.path}`;
      if (route.secured) expect(status, name).to.equal(401);
      else expect(status, name).not.to.equal(401);
    }
  });

  it("T44 gives no agent another's things", async function () {
    this.timeout(60_000);
    expect(byId.length).to.be.at.least(6);
    for (const route of byId) {
      const { status } = await ask(route, other.token);
      expect(status, `${route.method} ${route.path}`).to.be.oneOf([403, 404]);
    }
    const marks = [owner.account.address.toLowerCase(), `"agt_${shared.api.chainId}_${owner.agentId}"`];
    // A stream has no end that could be looked at; what it tells whom has tests of its own.
    const own = routes.filter(
      ({ secured, method, path }) => secured && method === "GET" && !path.startsWith("/stream/"),
    );
    for (const route of own.filter((one) => !byId.includes(one))) {
      const { status, body } = await ask(route, other.token);
      expect(status, route.path).to.equal(200);
      for (const mark of marks) expect(JSON.stringify(body).toLowerCase(), route.path).not.to.include(mark);
    }
  });

  it("gives the owner the same", async function () {
    this.timeout(60_000);
    for (const route of byId) {
      const [, name = ""] = /\{(\w+)\}/.exec(route.path) ?? [];
      const { status, body } = await ask(route, owner.token);
      expect(status, `${route.path} ${JSON.stringify(body)}`).to.equal(unmade.has(name) ? 404 : 200);
    }
  });
});
