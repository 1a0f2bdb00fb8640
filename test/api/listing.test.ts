import { expect } from "chai";
import { keccak256, stringToBytes } from "viem";
import type { z } from "zod";
import { quoteCurve } from "../../sdk/curves.ts";
import { hashManifest } from "../../sdk/manifest.ts";
import { flags, scopes, toBits } from "../../sdk/records.ts";
import { type operatorGrantTypedData, registrationTypedData } from "../../sdk/typed-data.ts";
import { grantNeededSchema } from "../../sdk/wire/agent.ts";
import {
  type CreateListingRequest,
  type createListingResponseSchema,
  type EKSummary,
  ekSummarySchema,
} from "../../sdk/wire/listing.ts";
import { createIndexReader } from "../support/index-reader.ts";
import { type Answer, expectError, listingRequest } from "./support/api.ts";
import { useApi } from "./support/use-api.ts";

type Listed = z.infer<typeof createListingResponseSchema>;
type Fault = { pointer: string; message: string };

/*
POST /me/sell/listings
├── without a session              401
├── without a grant                403, whose details carry the typed data; signed and handed in, it works
├── at any curve                   listed; API, contract and SDK quote the same price
├── with one                       listed: manifest hash, summary, terms as asked for
├── with a refund window, shares, quota   on chain, and shown to buyers
├── faults in the request          LISTING_INVALID with a pointer to each
├── faults in the manifest         MANIFEST_INVALID with a pointer to each
└── with a validator allowlist     from the first block only they may label
*/
describe("api: listing", () => {
  const shared = useApi();
  const list = (token: string, changes: Partial<CreateListingRequest> = {}) =>
    shared.api.ask<Listed>("/me/sell/listings", { token, body: listingRequest(changes) });

  const onChain = (listed: Listed) =>
    shared.api.market.client.readContract({
      ...shared.api.market.contracts.catalog,
      functionName: "listingOf",
      args: [BigInt(listed.ek_id.split("_")[2] ?? 0)],
    });

  /** The listing as it is shown once the index has it. */
  const shownOnce = async (ekId: string): Promise<EKSummary> => {
    const index = createIndexReader(shared.api.run);
    await index.caughtUp();
    await index.end();
    return ekSummarySchema.parse(await shared.api.get(`/listings/${ekId}`));
  };

  it("wants a session, before it looks at the body", async () => {
    expectError(await shared.api.ask("/me/sell/listings", { body: {} }), "INVALID_SIGNATURE", 401);
  });

  it("asks for a grant with the typed data to sign, and lists once it is handed in", async () => {
    const { account } = await shared.api.market.join();
    const token = await shared.api.signIn(account);
    const { details } = expectError(await list(token), "SCOPE_DENIED", 403);
    const { typed_data: data, submit_to } = grantNeededSchema.parse(details);
    const { message } = data as { message: Record<string, string> };
    const signature = await account.signTypedData(data as never);
    const body = { ...message, actions: details.actions, signature };
    await shared.api.get(submit_to, { token, body });
    const { status } = await list(token);
    expect(status).to.equal(200);
  });

  it("makes an EOA that is no agent's yet one, by its grant", async () => {
    const account = await shared.api.market.newcomer();
    const token = await shared.api.signIn(account);
    expectError(await list(token), "SCOPE_DENIED", 403);
    const { agent_id } = await shared.api.grant(account, ["list"], token);
    expect((await list(token)).status).to.equal(200);
    expect((await shared.api.get<{ agent_id: string }>("/me", { token })).agent_id).to.equal(agent_id);
  });

  it("keeps what was granted before in the grant that it proposes", async () => {
    const account = await shared.api.market.newcomer();
    const token = await shared.api.signIn(account);
    await shared.api.grant(account, ["label"], token);
    const { details } = expectError(await list(token), "SCOPE_DENIED", 403);
    expect(details.actions).to.deep.equal(["list", "label"]);
  });

  it("refuses a grant that somebody else signed, that was used, or that is over", async () => {
    const [account, other] = [await shared.api.market.newcomer(), await shared.api.market.newcomer()];
    const token = await shared.api.signIn(account);
    const { details } = expectError(await list(token), "SCOPE_DENIED", 403);
    const data = grantNeededSchema.parse(details).typed_data as ReturnType<typeof operatorGrantTypedData>;
    const hand = (signature: string, changes: Record<string, unknown> = {}) => {
      const { expiry, nonce, deadline } = data.message;
      const body = { actions: ["list"], expiry, nonce, deadline, signature, ...changes };
      return shared.api.ask("/me/grants", { token, body });
    };
    const own = await account.signTypedData(data);
    expectError(await hand(await other.signTypedData(data)), "INVALID_SIGNATURE", 401);
    expectError(await hand(own, { actions: ["list", "label"] }), "INVALID_SIGNATURE", 401);
    expectError(await hand(own, { deadline: "1" }), "INVALID_SIGNATURE", 401);
    expect((await hand(own)).status).to.equal(200);
    expectError(await hand(own), "INVALID_SIGNATURE", 401);
    expectError(await hand(own, { expiry: "soon" }), "INVALID_REQUEST", 400);
  });

  it("puts on chain what was asked for", async () => {
    const { token, agentId } = await shared.api.agent();
    const request = listingRequest({
      pricing_policy: {
        curve_type: "linear",
        base_price: "0.25",
        params: { slope: 0.01, max_price: 1 },
        supply_cap: 100,
        end_time: "2090-01-01T00:00:00Z",
      },
      access_policy: {
        gateway: "https://gateway.example/moa/",
        scopes: ["read", "derive"],
        key_ttl_seconds: 86_400,
        transferable: true,
        gateway_key: "A".repeat(43),
      },
    });
    const answer = await shared.api.ask<Listed>("/me/sell/listings", { token, body: request });
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
    const listed = answer.body;
    const { terms, ...listing } = await onChain(listed);
    expect(listing).to.include({ sellerId: agentId, version: 1, sold: 0, status: 1 });
    expect(listed.listing_id).to.equal(`${listed.ek_id.replace("ek_", "lst_")}_v1`);
    expect(listed.manifest_hash).to.equal(hashManifest(request.content_manifest));
    expect(terms).to.include({
      token: shared.api.market.token,
      curve: shared.api.run.deployment.curves.linear,
      supplyCap: 100,
      startTime: 0,
      endTime: Date.parse("2090-01-01T00:00:00Z") / 1000,
      keyTtl: 86_400,
      scopes: toBits(scopes, ["read", "derive"]),
      flags: toBits(flags, ["transferable"]),
    });
    const { catalog } = shared.api.market.contracts;
    const [log] = await shared.api.market.client.getContractEvents({
      ...catalog,
      eventName: "ListingVersion",
      args: { ekId: BigInt(listed.ek_id.split("_")[2] ?? 0) },
      fromBlock: 0n,
      strict: true,
    });
    const { summary, summaryHash, manifestHash } = log?.args.content ?? { summary: "" };
    expect(manifestHash).to.equal(listed.manifest_hash);
    expect(summaryHash).to.equal(keccak256(stringToBytes(summary)));
    expect(JSON.parse(summary)).to.deep.include({
      title: request.title,
      content_preview: { preview_item_id: "preview.svg", thumbnail_item_id: "thumb.png" },
      access_policy: {
        gateway: "https://gateway.example/moa",
        token_scheme: "jwt",
        gateway_key: "A".repeat(43),
      },
    });
    expect(summary, "no reference to the bytes").not.to.contain("items/");
  });

  it("lists at any curve; quote, contract and SDK agree on the price", async () => {
    const { token } = await shared.api.agent();
    const buyer = await shared.api.market.newcomer();
    const exp = { base_price: 1, max_price: 9, params: { k: "0.05" } } as const;
    const start = "2026-01-01T00:00:00Z";
    const policies: CreateListingRequest["pricing_policy"][] = [
      { curve_type: "exp", ...exp },
      { curve_type: "logistic", min_price: 0.1, max_price: 2, params: { k: 0.2, mid: 30 } },
      { curve_type: "time_decay", base_price: 5, min_price: 0.5, params: { k: 0.01, start } },
      {
        curve_type: "seasonal",
        base_price: 5,
        params: { in_season_price: 4, start, period_seconds: 1_000_000_000, season_seconds: 500_000_000 },
      },
      { curve_type: "quota", base_price: 1, max_price: 50, supply_cap: 20 },
      {
        curve_type: "custom_piecewise",
        breakpoints: [
          { sold_min: 0, sold_max: 1, formula: "fixed", base_price: 0.5 },
          { sold_min: 2, formula: "exp", ...exp },
        ],
      },
    ];
    for (const pricing_policy of policies) {
      const { body: listed } = await list(token, { pricing_policy });
      expect(listed.ek_id, JSON.stringify(listed)).to.be.a("string");
      const ekId = BigInt(listed.ek_id.split("_")[2] ?? 0);
      const { terms } = await onChain(listed);
      const type = pricing_policy.curve_type;
      expect(terms.curve, type).to.equal(shared.api.run.deployment.curves[type]);
      const { client, contracts } = shared.api.market;
      for (const count of [1n, 30n, 256n]) {
        const time = BigInt(Math.floor(Date.now() / 1000));
        const args = [ekId, count, time] as const;
        const cost = await client.readContract({ ...contracts.catalog, functionName: "quote", args });
        expect(quoteCurve(type, terms.curveParams, { sold: 0n, count, time }), type).to.equal(cost);
      }
      const { price, quote } = await shared.api.quote(listed.ek_id, buyer.address);
      const shown = await shownOnce(listed.ek_id);
      const { current_price_units: units } = shown.pricing;
      // It falls by less than a thousandth while the two are asked for.
      expect(Number(units), type).to.be.closeTo(Number(price.amount), Number(price.amount) / 1_000);
      if (type !== "time_decay") expect([price.amount, quote.maxPrice]).to.deep.equal([units, units]);
      expect(shown.pricing_policy).to.include({ curve_type: type });
    }
    const { body: listed } = await list(token, { pricing_policy: { curve_type: "exp", ...exp } });
    const { pricing_policy } = await shownOnce(listed.ek_id);
    expect(pricing_policy).to.deep.include({
      curve_type: "exp",
      base_price: 1,
      min_price: 1,
      max_price: 9,
      params: { base: "1000000", k: "50000000000000000", max: "9000000" },
    });
  });

  it("shows a piecewise price by its breakpoints", async () => {
    const { token } = await shared.api.agent();
    const breakpoints = [
      { sold_min: 0, formula: "fixed", base_price: 0.5 },
      { sold_min: 2, formula: "linear", base_price: 1, max_price: 3, params: { slope: 1 } },
    ] as const;
    const pricing_policy = { curve_type: "custom_piecewise" as const, breakpoints: [...breakpoints] };
    const { body: listed } = await list(token, { pricing_policy });
    expect((await shownOnce(listed.ek_id)).pricing_policy).to.deep.include({
      curve_type: "custom_piecewise",
      base_price: 0.5,
      min_price: 0.5,
      max_price: 3,
      params: { min: "500000", max: "3000000" },
      breakpoints: [
        { sold_min: 0, formula: "fixed", params: { price: "500000" } },
        { sold_min: 2, formula: "linear", params: { base: "1000000", slope: "1000000", max: "3000000" } },
      ],
    });
  });

  it("names each fault of the request by a JSON pointer", async () => {
    const { token } = await shared.api.agent();
    const fixed = { curve_type: "fixed", base_price: 1 } as const;
    const linear = { curve_type: "linear", base_price: 1, params: { slope: 1 }, max_price: 5 } as const;
    const wrong: [string, Partial<CreateListingRequest>][] = [
      ["/title", { title: " " }],
      ["/pricing_policy/curve_type", { pricing_policy: { ...fixed, curve_type: "auction" as "fixed" } }],
      ["/pricing_policy/base_price", { pricing_policy: { ...fixed, base_price: 0.0000001 } }],
      ["/pricing_policy/base_price", { pricing_policy: { ...fixed, base_price: -1 } }],
      ["/pricing_policy/currency", { pricing_policy: { ...fixed, currency: "DOGE" } }],
      ["/pricing_policy/min_price", { pricing_policy: { ...fixed, min_price: 2 } }],
      ["/pricing_policy/max_price", { pricing_policy: { ...fixed, max_price: "0.5" } }],
      ["/pricing_policy/params/slope", { pricing_policy: { ...fixed, params: { slope: 1 } } }],
      ["/pricing_policy/params/slope", { pricing_policy: { ...linear, params: {} } }],
      [
        "/pricing_policy/max_price",
        { pricing_policy: { curve_type: "linear", base_price: 1, params: { slope: 1 } } },
      ],
      [
        "/pricing_policy/params/max_price",
        { pricing_policy: { ...linear, params: { slope: 1, max_price: 4 } } },
      ],
      ["/access_policy/gateway", { access_policy: { gateway: "ftp://gateway.example" } }],
      [
        "/access_policy/gateway_key",
        { access_policy: { gateway: "http://g.example", gateway_key: "short" } },
      ],
      [
        "/access_policy/validator_allowlist/0",
        { access_policy: { gateway: "http://g.example", validator_allowlist: ["agt_31337_999999"] } },
      ],
    ];
    const policy = (more: Partial<CreateListingRequest["pricing_policy"]>) => ({
      pricing_policy: { ...fixed, ...more },
    });
    const source = { ek_id: "ek_31337_1", bps: 2_000 };
    wrong.push(
      ["/pricing_policy/refund_window_seconds", policy({ refund_window_seconds: 2_592_001 })],
      ["/pricing_policy/refund_terms", policy({ refund_terms: "full" })],
      ["/pricing_policy/points_price", policy({ points_price: 0.001 })],
      ["/pricing_policy/points_price", policy({ points_price: "42949672.96" })],
      ["/pricing_policy/resale_bps", policy({ resale_bps: 1_001 })],
      ["/pricing_policy/royalties/1/ek_id", policy({ royalties: [source, source] })],
      ["/pricing_policy/royalties/0/ek_id", policy({ royalties: [{ ...source, ek_id: "ek_1_1" }] })],
      ["/pricing_policy/royalties/0/bps", policy({ royalties: [{ ...source, bps: 0 }] })],
      ["/pricing_policy/royalties", policy({ royalties: [source], bounty_bps: 2_000, referral_bps: 1_001 })],
      ["/access_policy/quota/rpm", { access_policy: { gateway: "http://g.example", quota: { rpm: 0 } } }],
    );
    for (const [pointer, changes] of wrong) {
      const { details } = expectError(await list(token, changes), "LISTING_INVALID", 400);
      expect((details.faults as Fault[]).map((fault) => fault.pointer)).to.deep.equal([pointer]);
    }
    const newer = policy({ royalties: [{ ek_id: "ek_31337_999999999", bps: 1 }] });
    const refused = expectError(await list(token, newer), "LISTING_INVALID", 400);
    expect(refused.details.error).to.equal("InvalidRoyalty");
    const late = { pricing_policy: { ...fixed, end_time: "2020-01-01T00:00:00Z" } };
    expectError(await list(token, late), "LISTING_INVALID", 400);
    const long = {
      output_artifacts: Array.from({ length: 64 }, () => "비".repeat(64)),
      summary: "비".repeat(2000),
    };
    const { details } = expectError(await list(token, long), "LISTING_INVALID", 400);
    expect(details.error).to.equal("SummaryTooLong");
  });

  it("names each fault of the manifest by a JSON pointer", async () => {
    const { token } = await shared.api.agent();
    const { content_manifest: good } = listingRequest();
    const [first, ...rest] = good.items;
    if (!first) throw new Error("The manifest has no items.");
    const wrong: [string, object][] = [
      ["/content_manifest/manifest_version", { ...good, manifest_version: "2.0" }],
      ["/content_manifest/items", { ...good, items: [] }],
      ["/content_manifest/items/0/id", { ...good, items: [{ ...first, id: "../etc/passwd" }, ...rest] }],
      ["/content_manifest/items/1/id", { ...good, items: [first, first] }],
      [
        "/content_manifest/items/0/hash/value",
        { ...good, items: [{ ...first, hash: { alg: "sha256", value: "AB" } }, ...rest] },
      ],
      ["/content_manifest/items/0/sha256", { ...good, items: [{ ...first, sha256: "x" }, ...rest] }],
      ["/content_manifest/a~1b", { ...good, "a/b": 1 }],
      ["/content_manifest/default_entrypoint", { ...good, default_entrypoint: "missing.csv" }],
    ];
    for (const [pointer, manifest] of wrong) {
      const answer = await list(token, { content_manifest: manifest as typeof good });
      const { details } = expectError(answer, "MANIFEST_INVALID", 400);
      expect((details.faults as Fault[]).map((fault) => fault.pointer)).to.contain(pointer);
    }
  });

  it("E18 E21 puts refund window, shares, points price and quota on chain, and shows them to buyers", async () => {
    const { account, token } = await shared.api.agent();
    const older = [await shared.api.market.list(account), await shared.api.market.list(account)];
    const [first, second] = older.map(shared.api.ekIdOf) as [string, string];
    const pricing = {
      ...{ refund_window_seconds: 604_800, refund_terms: "until_access" as const },
      ...{ bounty_bps: 100, referral_bps: 500, resale_bps: 1_000 },
    };
    const { body: listed, status } = await list(token, {
      pricing_policy: {
        ...{ curve_type: "fixed", base_price: 1, ...pricing, points_price: "2.5" },
        royalties: [
          { ek_id: second, bps: 20 },
          { ek_id: first, bps: 10 },
        ],
      },
      access_policy: { gateway: "http://g.example", quota: { rpm: 60 } },
    });
    expect(status, JSON.stringify(listed)).to.equal(200);
    const { terms } = await onChain(listed);
    expect(terms).to.deep.include({
      ...{ refundWindow: 604_800, refundTerms: 1, bountyBps: 100, referralBps: 500, resaleBps: 1_000 },
      ...{ pointsPrice: 250, requestsPerMinute: 60, requestsPerDay: 0 },
      royalties: [
        { ekId: older[0], bps: 10 },
        { ekId: older[1], bps: 20 },
      ],
    });
    const shown = await shownOnce(listed.ek_id);
    expect(shown.pricing_policy).to.deep.include({
      ...{ ...pricing, points_price: 2.5 },
      royalties: [
        { ek_id: first, bps: 10 },
        { ek_id: second, bps: 20 },
      ],
    });
    expect(shown.access_policy.quota).to.deep.equal({ rpm: 60 });
  });

  it("lets only the validators on its list label, from the first block on", async () => {
    const [seller, chosen, other] = [
      await shared.api.agent(),
      await shared.api.agent(),
      await shared.api.agent(),
    ];
    const { body: listed } = (await list(seller.token, {
      access_policy: { gateway: "http://g.example", validator_allowlist: [chosen.id] },
    })) as Answer<Listed>;
    const { terms } = await onChain(listed);
    expect(terms.flags).to.equal(toBits(flags, ["restricted-validators"]));
    const ask = (token: string) =>
      shared.api.ask("/me/validate/token", { token, body: { ek_id: listed.ek_id } });
    expect((await ask(chosen.token)).status).to.equal(200);
    const { details } = expectError(await ask(other.token), "SCOPE_DENIED", 403);
    expect(details.reason).to.equal("validator_not_allowed");
  });

  it("registers an agent by its signature, once", async () => {
    const account = await shared.api.market.newcomer();
    const token = await shared.api.signIn(account);
    const { registry } = shared.api.market.contracts;
    const deadline = 4_000_000_000n;
    const sign = async (agentURI: string) =>
      account.signTypedData(
        registrationTypedData(
          { chainId: shared.api.chainId, registry: registry.address },
          { agent: account.address, agentURI, nonce: 0n, deadline },
        ),
      );
    const join = (agent_uri: string, signature: string) =>
      shared.api.ask<{ agent_id: string }>("/me/register", {
        token,
        body: { agent_uri, deadline: String(deadline), signature },
      });
    const signature = await sign("https://agent.example/file.json");
    expectError(await join("https://other.example/", signature), "INVALID_SIGNATURE", 401);
    const { status, body } = await join("https://agent.example/file.json", signature);
    expect(status).to.equal(200);
    const agentId = await shared.api.market.client.readContract({
      ...registry,
      functionName: "agentOf",
      args: [account.address],
    });
    expect(body.agent_id).to.equal(`agt_31337_${agentId}`);
    expectError(await join("https://agent.example/file.json", signature), "INVALID_SIGNATURE", 401);
  });
});
