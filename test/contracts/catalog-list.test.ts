/*
 * list(sellerId, terms, content)
 * ├── given a seller that the caller may not act for      reverts NotAuthorized(agentId, caller, LIST)
 * ├── given a token or curve that is not allowed          reverts TokenNotAllowed, CurveNotAllowed
 * ├── given no scope or an unknown one, an unknown flag   reverts InvalidScopes, InvalidFlags
 * ├── given an end that is over, or not after the start   reverts InvalidTimes(startTime, endTime)
 * ├── given parameters that the curve refuses             reverts InvalidCurveParams(reason)
 * │   └── or of more than 16,384 bytes                    reverts CurveParamsTooLong(length, maximum)
 * ├── given refunds or shares that there may not be       see catalog-list-shares.test.ts
 * ├── during a pause                                      reverts Paused(until) (exchange-pause.test.ts)
 * ├── given no manifest hash                              reverts ManifestHashMissing()
 * ├── given a summary
 * │   ├── above 16,384 bytes                              reverts SummaryTooLong(length, maximum)
 * │   └── with another hash than given                    reverts SummaryHashMismatch(expected, given)
 * ├── given neither a summary nor a URI with its hash     reverts SummaryMissing()
 * └── else                                                stores version 1, active; emits ListingVersion
 *     ├── by an operator with LIST                        likewise
 *     └── for agent 0                                     for the caller's own, which becomes one if need be
 */
import { expect } from "chai";
import { keccak256, toHex } from "viem";
import { curves } from "../../sdk/curves.ts";
import { loadFixture, nextBlockAt, now } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, type Moa, type Person, people } from "./support/deploy.ts";
import {
  Actions,
  BUYER,
  type Content,
  contentHashOf,
  contentOf,
  DAY,
  deployMarket,
  NO_HASH,
  rotate,
  SELLER,
  SLOPE,
  Status,
  type Terms,
  termsOf,
} from "./support/market.ts";

const { buyer, newcomer, next, operator, seller, stranger } = people;

describe("Catalog.list", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  const list = (
    { terms = {}, content = {} }: { terms?: Partial<Terms>; content?: Partial<Content> } = {},
    sellerId = SELLER,
    sender: Person = seller,
  ) => moa.catalog.write.list([sellerId, termsOf(moa, terms), contentOf("cars", content)], by(sender));

  it("stores what is sold and for how much", async () => {
    const startTime = Number(await now()) + 100;
    const terms = termsOf(moa, {
      curve: moa.linear.address,
      curveParams: curves.linear.encode(SLOPE),
      supplyCap: 7,
      startTime,
      endTime: startTime + 500,
      keyTtl: 3600,
      scopes: 31,
      flags: 3,
      refundWindow: 30 * DAY,
      refundTerms: 1,
      bountyBps: 1001,
      referralBps: 1002,
      resaleBps: 1000,
      pointsPrice: 4_000_000_001,
      requestsPerMinute: 4_000_000_002,
      requestsPerDay: 4_000_000_003,
      royalties: [
        { ekId: 1n, bps: 1 },
        { ekId: 3n, bps: 2995 },
      ],
    });
    const content = contentOf("cars");
    const hash = await moa.catalog.write.list([SELLER, terms, content], by(seller));
    const pointer = await moa.exchange.read.termsPointer([4n, 1]);
    expect(await logsOf(moa, hash)).to.deep.equal([
      [
        "Catalog.ListingVersion",
        { ekId: 4n, sellerId: SELLER, version: 1, terms, content, pointer, by: seller.address },
      ],
    ]);
    expect(await moa.catalog.read.listingCount()).to.equal(4n);
    expect(await moa.catalog.read.listingOf([4n])).to.deep.equal({
      sellerId: SELLER,
      version: 1,
      sold: 0,
      status: Status.Active,
      terms,
      contentHash: contentHashOf(content),
    });
    expect(await moa.catalog.read.listingHead([4n])).to.deep.equal([SELLER, 1, 3, Status.Active]);
    expect(await moa.catalog.read.quote([4n, 3n, 0n])).to.equal(3_750_000n);
  });

  it("keeps the largest terms that there are, in every field", async () => {
    for (let n = 0; n < 6; n++) await list();
    const royalties = [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n].map((ekId) => ({ ekId, bps: 625 }));
    const [max32, max40] = [2 ** 32 - 1, 2 ** 40 - 1];
    const terms = termsOf(moa, {
      curveParams: curves.fixed.encode({ price: 2n ** 96n - 1n }),
      supplyCap: max32,
      startTime: max40 - 1,
      endTime: max40,
      keyTtl: max32,
      refundWindow: 30 * DAY,
      refundTerms: 2,
      pointsPrice: max32,
      requestsPerMinute: max32,
      requestsPerDay: max32,
      royalties,
    });
    await moa.catalog.write.list([SELLER, terms, contentOf("cars")], by(seller));
    expect((await moa.catalog.read.listingOf([10n])).terms).to.deep.equal(terms);
    expect(await moa.catalog.read.termsOf([10n, 1])).to.deep.equal(terms);
  });

  it("takes a summary that is elsewhere", async () => {
    const content = { summary: "", uri: "ipfs://summary", summaryHash: keccak256("0x01") };
    await list({ content });
    const { contentHash } = await moa.catalog.read.listingOf([4n]);
    expect(contentHash).to.equal(contentHashOf(contentOf("cars", content)));
  });

  it("takes a summary of 16,384 bytes and none longer", async () => {
    const longest = "a".repeat(16_384);
    await list({ content: { summary: longest, summaryHash: keccak256(toHex(longest)) } });
    const longer = list({ content: { summary: `${longest}a` } });
    await reverts(longer, moa.catalog, "SummaryTooLong", [16_385n, 16_384n]);
  });

  it("lists for an agent by its operator", async () => {
    await moa.registry.write.grant([operator.address, Actions.LIST, 2n ** 40n], by(seller));
    const logs = await logsOf(moa, list({}, SELLER, operator));
    expect(logs[0]?.[1]).to.include({ sellerId: SELLER, by: operator.address });
    const other = list({}, BUYER, operator);
    await reverts(other, moa.catalog, "NotAuthorized", [BUYER, operator.address, Actions.LIST]);
  });

  it("lists for the caller's own agent, and makes it one", async () => {
    await list({}, 0n, buyer);
    expect((await moa.catalog.read.listingOf([4n])).sellerId).to.equal(BUYER);
    const logs = await logsOf(moa, list({}, 0n, newcomer));
    expect(logs.map(([name]) => name)).to.deep.equal([
      "AgentRegistry.Transfer",
      "AgentRegistry.Registered",
      "AgentRegistry.MetadataSet",
      "Catalog.ListingVersion",
    ]);
    expect(await moa.registry.read.agentOf([newcomer.address])).to.equal(5n);
    expect((await moa.catalog.read.listingOf([5n])).sellerId).to.equal(5n);
  });

  it("refuses who may not list for the agent", async () => {
    const refused = (who: Person, agentId: bigint) => [agentId, who.address, Actions.LIST];
    await reverts(list({}, SELLER, buyer), moa.catalog, "NotAuthorized", refused(buyer, SELLER));
    await reverts(list({}, SELLER, stranger), moa.catalog, "NotAuthorized", refused(stranger, SELLER));
    await reverts(list({}, 9n, seller), moa.catalog, "NotAuthorized", refused(seller, 9n));
    await moa.registry.write.grant([operator.address, Actions.ALL - Actions.LIST, 2n ** 40n], by(seller));
    await reverts(list({}, SELLER, operator), moa.catalog, "NotAuthorized", refused(operator, SELLER));
    await rotate(moa, SELLER, seller, next);
    await reverts(list({}, SELLER, seller), moa.catalog, "NotAuthorized", refused(seller, SELLER));
    await reverts(list({}, 0n, seller), moa.registry, "AddressRetired", [seller.address, SELLER]);
    expect(await moa.catalog.read.listingCount()).to.equal(3n);
  });

  it("refuses tokens and curves that are not allowed", async () => {
    const token = list({ terms: { token: stranger.address } });
    await reverts(token, moa.catalog, "TokenNotAllowed", [stranger.address]);
    const curve = list({ terms: { curve: stranger.address } });
    await reverts(curve, moa.catalog, "CurveNotAllowed", [stranger.address]);
    await moa.catalog.write.allowToken([moa.usdc.address, false]);
    await reverts(list(), moa.catalog, "TokenNotAllowed", [moa.usdc.address]);
    await moa.catalog.write.allowToken([moa.usdc.address, true]);
    await moa.catalog.write.allowCurve([moa.fixed.address, false]);
    await reverts(list(), moa.catalog, "CurveNotAllowed", [moa.fixed.address]);
  });

  it("refuses scopes and flags that there are not", async () => {
    await reverts(list({ terms: { scopes: 0 } }), moa.catalog, "InvalidScopes", [0]);
    await reverts(list({ terms: { scopes: 32 } }), moa.catalog, "InvalidScopes", [32]);
    await reverts(list({ terms: { scopes: 255 } }), moa.catalog, "InvalidScopes", [255]);
    await reverts(list({ terms: { flags: 8 } }), moa.catalog, "InvalidFlags", [8]);
  });

  it("refuses times in which nothing could be sold", async () => {
    const at = Number(await nextBlockAt((await now()) + 100n));
    const over = list({ terms: { endTime: at } });
    await reverts(over, moa.catalog, "InvalidTimes", [0, at]);
    const never = list({ terms: { startTime: at + 50, endTime: at + 50 } });
    await reverts(never, moa.catalog, "InvalidTimes", [at + 50, at + 50]);
    await list({ terms: { startTime: at + 50, endTime: at + 51 } });
  });

  it("T7 refuses parameters that the curve refuses", async () => {
    const empty = list({ terms: { curveParams: "0x" } });
    await reverts(empty, moa.fixed, "CurveParamsLength", [0n, 32n]);
    const dear = list({ terms: { curveParams: toHex(2n ** 96n, { size: 32 }) } });
    await reverts(dear, moa.fixed, "CurveParamTooLarge", ["price", 2n ** 96n, 2n ** 96n - 1n]);
  });

  it("refuses more curve parameters than a sale should read", async () => {
    // The length is checked before the curve is asked.
    const curveParams = toHex(0n, { size: 16_385 });
    await reverts(list({ terms: { curveParams } }), moa.catalog, "CurveParamsTooLong", [16_385n, 16_384n]);
    const longest = list({ terms: { curveParams: toHex(0n, { size: 16_384 }) } });
    await reverts(longest, moa.fixed, "CurveParamsLength", [16_384n, 32n]);
  });

  it("refuses content that nobody could check", async () => {
    const none = list({ content: { manifestHash: NO_HASH } });
    await reverts(none, moa.catalog, "ManifestHashMissing");
    const { summaryHash } = contentOf("cars");
    const other = list({ content: { summaryHash: NO_HASH } });
    await reverts(other, moa.catalog, "SummaryHashMismatch", [summaryHash, NO_HASH]);
    const nowhere = list({ content: { summary: "" } });
    await reverts(nowhere, moa.catalog, "SummaryMissing");
    const unhashed = list({ content: { summary: "", uri: "ipfs://summary", summaryHash: NO_HASH } });
    await reverts(unhashed, moa.catalog, "SummaryMissing");
  });
});
