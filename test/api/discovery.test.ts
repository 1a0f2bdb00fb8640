import { HTTPFacilitatorClient } from "@x402/core/server";
import {
  type DiscoveryResource,
  extractDiscoveryInfoFromExtension,
  withBazaar,
} from "@x402/extensions/bazaar";
import { expect } from "chai";
import { curves } from "../../sdk/curves.ts";
import { discoveryResponseSchema } from "../../sdk/wire/x402.ts";
import { expectError } from "./support/api.ts";
import { createOneStep, type OneStep } from "./support/one-step.ts";
import { PRICE } from "./support/paying.ts";
import { useApi } from "./support/use-api.ts";
import { requiredOf } from "./support/x402.ts";

/*
GET /discovery/resources
├── lists what is sold in one step   the newest first, as the stock bazaar client reads it; each can be paid
├── page by page                     every listing once
├── by kind                          http, exact, this network, the extensions that are declared
└── paused                           not listed
*/
describe("api: discovery", () => {
  const shared = useApi();
  let shop: OneStep;
  let listings: bigint[];

  before(async () => {
    shop = await createOneStep(shared.api);
    const { market } = shared.api;
    listings = [];
    for (let i = 0; i < 3; i++) listings.push(await market.list(shop.seller));
    listings.push(await market.list(shop.seller, { curveParams: curves.fixed.encode({ price: 0n }) }));
    await until((urls) => urls[0] === shop.urlOf(listings[3] as bigint));
  });

  const bazaar = () =>
    withBazaar(new HTTPFacilitatorClient({ url: shared.api.run.apiUrl })).extensions.bazaar;

  /** Waits for the index to show it. */
  async function until(isThere: (urls: string[]) => boolean): Promise<void> {
    for (const end = Date.now() + 20_000; ; ) {
      const { items } = await bazaar().listResources({ limit: 10 });
      if (isThere(items.map(({ resource }) => resource))) return;
      if (Date.now() > end) throw new Error("The index does not show it.");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  it("lists what is sold in one step, as the stock bazaar client reads it", async () => {
    const page = await bazaar().listResources({ limit: 4 });
    discoveryResponseSchema.parse(page);
    expect(page.items.map(({ resource }) => resource)).to.deep.equal(
      [...listings].reverse().map((listing) => shop.urlOf(listing)),
    );
    const [free, paid] = page.items;
    expect(free?.accepts[0]?.amount).to.equal("0");
    expect(paid?.accepts[0]).to.include({
      ...{ scheme: "exact", network: "eip155:31337", amount: String(PRICE), asset: shared.api.market.token },
    });
    const info = extractDiscoveryInfoFromExtension(paid?.extensions?.bazaar as never);
    expect(info.input).to.include({ type: "http", method: "POST" });
    const answer = await fetch((paid as DiscoveryResource).resource, { method: "POST" });
    expect(answer.status).to.equal(402);
    expect(requiredOf(answer.headers)?.accepts[0]?.amount).to.equal(paid?.accepts[0]?.amount);
    await answer.body?.cancel();
  });

  it("goes page by page, through every listing once", async () => {
    const { total } = (await bazaar().listResources({ limit: 1 })).pagination;
    const seen: string[] = [];
    for (let offset = 0; offset < total; offset += 3) {
      const { items, pagination } = await bazaar().listResources({ limit: 3, offset });
      expect(pagination).to.deep.equal({ limit: 3, offset, total });
      seen.push(...items.map(({ resource }) => resource));
    }
    expect(seen).to.have.length(total);
    expect(new Set(seen).size).to.equal(total);
    for (const bad of ["limit=0", "limit=101", "offset=-1", "limit=x"]) {
      expectError(await shared.api.ask(`/discovery/resources?${bad}`), "INVALID_REQUEST", 400);
    }
  });

  it("lists by kind", async () => {
    const totalOf = async (query: object) =>
      (await bazaar().listResources({ limit: 1, ...query })).pagination.total;
    const all = await totalOf({});
    for (const [query, total] of [
      [{ type: "http", scheme: "exact", network: "eip155:31337" }, all],
      [{ extensions: "bazaar,sign-in-with-x" }, all],
      [{ type: "mcp" }, 0],
      [{ scheme: "upto" }, 0],
      [{ network: "eip155:1" }, 0],
      [{ extensions: "unheard-of" }, 0],
      [{ payTo: shop.seller.address }, 0],
    ] as const) {
      expect(await totalOf(query), JSON.stringify(query)).to.equal(total);
    }
  });

  it("does not list what was paused", async () => {
    const { market } = shared.api;
    const listing = listings[2] as bigint;
    await market.send(shop.seller, market.contracts.catalog, "setStatus", [listing, 2]);
    await until((urls) => !urls.includes(shop.urlOf(listing)));
    const answer = await shop.ask(shop.pathOf(listing));
    expect(expectError(answer, "LISTING_CONFLICT", 409).details.reason).to.equal("paused");
  });
});
