import { expect } from "chai";
import { curves } from "../../sdk/curves.ts";
import { expectError } from "./support/api.ts";
import { createPaying, type Paying, structOf } from "./support/paying.ts";
import { useApi } from "./support/use-api.ts";

/*
POST /listings/{ek_id}/quote
├── on sale                                    the chain's price, for a minute, with the till that pays for it
└── unknown, free, paused, not started, sold out, no address   404, 409, 400 with the reason
*/
describe("api: quotes", () => {
  const shared = useApi();
  let paying: Paying;

  before(async () => {
    paying = await createPaying(shared.api);
  });

  it("quotes what the chain asks, for a minute", async () => {
    const { buyer, quote } = await paying.quoted();
    const { market, run } = shared.api;
    expect(quote).to.deep.include({
      ek_id: paying.ekId,
      listing_id: `lst_31337_${paying.number}_v1`,
      buyer: buyer.address,
      price: { amount: "250000", display: "0.25 tUSDC", currency: "tUSDC", token: market.token },
      pay_url: `${run.apiUrl}/quotes/${quote.quote_id}/pay`,
    });
    const read = (functionName: "quoteHashOf" | "tillOf") =>
      market.client.readContract({ ...market.contracts.tills, functionName, args: [structOf(quote)] });
    expect(await read("quoteHashOf")).to.equal(quote.quote_id);
    expect(await read("tillOf")).to.equal(quote.till);
    expect((Date.parse(quote.expires_at) - Date.now()) / 1000).to.be.within(45, 61);
  });

  it("refuses what is no listing, and who is no buyer", async () => {
    const { ask } = shared.api;
    const buyer = paying.seller.address;
    expectError(await ask("/listings/ek_31337_999999/quote", { body: { buyer } }), "EK_NOT_FOUND", 404);
    expectError(await ask("/listings/ek_1_1/quote", { body: { buyer } }), "EK_NOT_FOUND", 404);
    expectError(await ask("/listings/nonsense/quote", { body: { buyer } }), "INVALID_REQUEST", 400);
    for (const wrong of ["0x1", "", `0x${"00".repeat(20)}`]) {
      expectError(
        await ask(`/listings/${paying.ekId}/quote`, { body: { buyer: wrong } }),
        "INVALID_EOA",
        400,
      );
    }
  });

  it("refuses to quote what can't be bought now, with the reason", async () => {
    const { market, ekIdOf, ask } = shared.api;
    const { seller } = paying;
    const free = await market.list(seller, { curveParams: curves.fixed.encode({ price: 0n }) });
    const paused = await market.list(seller);
    await market.send(seller, market.contracts.catalog, "setStatus", [paused, 2]);
    const archived = await market.list(seller);
    await market.send(seller, market.contracts.catalog, "setStatus", [archived, 3]);
    const early = await market.list(seller, { startTime: 4_000_000_000 });
    const soldOut = await market.list(seller, { supplyCap: 1 });
    await market.buy(await market.newcomer(), soldOut);
    for (const [number, reason] of [
      [free, "free"],
      [paused, "paused"],
      [archived, "archived"],
      [early, "not_started"],
      [soldOut, "sold_out"],
    ] as const) {
      const answer = await ask(`/listings/${ekIdOf(number)}/quote`, { body: { buyer: seller.address } });
      expect(expectError(answer, "LISTING_CONFLICT", 409).details.reason).to.equal(reason);
    }
  });
});
