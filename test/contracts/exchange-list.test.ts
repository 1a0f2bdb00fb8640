/*
 * list(sellerId, terms, content)
 * ├── given a seller that the caller may not act for      reverts NotAuthorized(agentId, caller, LIST)
 * ├── given a token or curve that is not allowed          reverts TokenNotAllowed, CurveNotAllowed
 * ├── given no scope or an unknown one, an unknown flag   reverts InvalidScopes, InvalidFlags
 * ├── given an end that is over, or not after the start   reverts InvalidTimes(startTime, endTime)
 * ├── given parameters that the curve refuses             reverts InvalidCurveParams(reason)
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

describe("Exchange.list", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  const list = (
    { terms = {}, content = {} }: { terms?: Partial<Terms>; content?: Partial<Content> } = {},
    sellerId = SELLER,
    sender: Person = seller,
  ) => moa.exchange.write.list([sellerId, termsOf(moa, terms), contentOf("cars", content)], by(sender));

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
    });
    const content = contentOf("cars");
    const hash = await moa.exchange.write.list([SELLER, terms, content], by(seller));
    expect(await logsOf(moa, hash)).to.deep.equal([
      [
        "Exchange.ListingVersion",
        { ekId: 4n, sellerId: SELLER, version: 1, terms, content, by: seller.address },
      ],
    ]);
    expect(await moa.exchange.read.listingCount()).to.equal(4n);
    expect(await moa.exchange.read.listingOf([4n])).to.deep.equal({
      sellerId: SELLER,
      version: 1,
      sold: 0,
      status: Status.Active,
      terms,
      contentHash: contentHashOf(content),
    });
    expect(await moa.exchange.read.listingHead([4n])).to.deep.equal([SELLER, 1, 3, Status.Active]);
    expect(await moa.exchange.read.quote([4n, 3n, 0n])).to.equal(3_750_000n);
  });

  it("takes a summary that is elsewhere", async () => {
    const content = { summary: "", uri: "ipfs://summary", summaryHash: keccak256("0x01") };
    await list({ content });
    const { contentHash } = await moa.exchange.read.listingOf([4n]);
    expect(contentHash).to.equal(contentHashOf(contentOf("cars", content)));
  });

  it("takes a summary of 16,384 bytes and none longer", async () => {
    const longest = "a".repeat(16_384);
    await list({ content: { summary: longest, summaryHash: keccak256(toHex(longest)) } });
    const longer = list({ content: { summary: `${longest}a` } });
    await reverts(longer, moa.exchange, "SummaryTooLong", [16_385n, 16_384n]);
  });

  it("lists for an agent by its operator", async () => {
    await moa.registry.write.grant([operator.address, Actions.LIST, 2n ** 40n], by(seller));
    const logs = await logsOf(moa, list({}, SELLER, operator));
    expect(logs[0]?.[1]).to.include({ sellerId: SELLER, by: operator.address });
    const other = list({}, BUYER, operator);
    await reverts(other, moa.exchange, "NotAuthorized", [BUYER, operator.address, Actions.LIST]);
  });

  it("lists for the caller's own agent, and makes it one", async () => {
    await list({}, 0n, buyer);
    expect((await moa.exchange.read.listingOf([4n])).sellerId).to.equal(BUYER);
    const logs = await logsOf(moa, list({}, 0n, newcomer));
    expect(logs.map(([name]) => name)).to.deep.equal([
      "AgentRegistry.Transfer",
      "AgentRegistry.Registered",
      "AgentRegistry.MetadataSet",
      "Exchange.ListingVersion",
    ]);
    expect(await moa.registry.read.agentOf([newcomer.address])).to.equal(5n);
    expect((await moa.exchange.read.listingOf([5n])).sellerId).to.equal(5n);
  });

  it("refuses who may not list for the agent", async () => {
    const refused = (who: Person, agentId: bigint) => [agentId, who.address, Actions.LIST];
    await reverts(list({}, SELLER, buyer), moa.exchange, "NotAuthorized", refused(buyer, SELLER));
    await reverts(list({}, SELLER, stranger), moa.exchange, "NotAuthorized", refused(stranger, SELLER));
    await reverts(list({}, 9n, seller), moa.exchange, "NotAuthorized", refused(seller, 9n));
    await moa.registry.write.grant([operator.address, Actions.ALL - Actions.LIST, 2n ** 40n], by(seller));
    await reverts(list({}, SELLER, operator), moa.exchange, "NotAuthorized", refused(operator, SELLER));
    await rotate(moa, SELLER, seller, next);
    await reverts(list({}, SELLER, seller), moa.exchange, "NotAuthorized", refused(seller, SELLER));
    await reverts(list({}, 0n, seller), moa.registry, "AddressRetired", [seller.address, SELLER]);
    expect(await moa.exchange.read.listingCount()).to.equal(3n);
  });

  it("refuses tokens and curves that are not allowed", async () => {
    const token = list({ terms: { token: stranger.address } });
    await reverts(token, moa.exchange, "TokenNotAllowed", [stranger.address]);
    const curve = list({ terms: { curve: stranger.address } });
    await reverts(curve, moa.exchange, "CurveNotAllowed", [stranger.address]);
    await moa.exchange.write.allowToken([moa.usdc.address, false]);
    await reverts(list(), moa.exchange, "TokenNotAllowed", [moa.usdc.address]);
    await moa.exchange.write.allowToken([moa.usdc.address, true]);
    await moa.exchange.write.allowCurve([moa.fixed.address, false]);
    await reverts(list(), moa.exchange, "CurveNotAllowed", [moa.fixed.address]);
  });

  it("refuses scopes and flags that there are not", async () => {
    await reverts(list({ terms: { scopes: 0 } }), moa.exchange, "InvalidScopes", [0]);
    await reverts(list({ terms: { scopes: 32 } }), moa.exchange, "InvalidScopes", [32]);
    await reverts(list({ terms: { scopes: 255 } }), moa.exchange, "InvalidScopes", [255]);
    await reverts(list({ terms: { flags: 4 } }), moa.exchange, "InvalidFlags", [4]);
  });

  it("refuses times in which nothing could be sold", async () => {
    const at = Number(await nextBlockAt((await now()) + 100n));
    const over = list({ terms: { endTime: at } });
    await reverts(over, moa.exchange, "InvalidTimes", [0, at]);
    const never = list({ terms: { startTime: at + 50, endTime: at + 50 } });
    await reverts(never, moa.exchange, "InvalidTimes", [at + 50, at + 50]);
    await list({ terms: { startTime: at + 50, endTime: at + 51 } });
  });

  it("T7 refuses parameters that the curve refuses", async () => {
    const empty = list({ terms: { curveParams: "0x" } });
    await reverts(empty, moa.fixed, "CurveParamsLength", [0n, 32n]);
    const dear = list({ terms: { curveParams: toHex(2n ** 96n, { size: 32 }) } });
    await reverts(dear, moa.fixed, "CurveParamTooLarge", ["price", 2n ** 96n, 2n ** 96n - 1n]);
  });

  it("refuses content that nobody could check", async () => {
    const none = list({ content: { manifestHash: NO_HASH } });
    await reverts(none, moa.exchange, "ManifestHashMissing");
    const { summaryHash } = contentOf("cars");
    const other = list({ content: { summaryHash: NO_HASH } });
    await reverts(other, moa.exchange, "SummaryHashMismatch", [summaryHash, NO_HASH]);
    const nowhere = list({ content: { summary: "" } });
    await reverts(nowhere, moa.exchange, "SummaryMissing");
    const unhashed = list({ content: { summary: "", uri: "ipfs://summary", summaryHash: NO_HASH } });
    await reverts(unhashed, moa.exchange, "SummaryMissing");
  });
});
