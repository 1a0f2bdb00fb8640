/*
 * claim(ekId, version, agentId)
 * ├── given a listing that costs something now   reverts NotFree(ekId, cost)
 * ├── given a listing that buy refuses           reverts as buy does
 * ├── given an agent that the caller may not act for  reverts NotAuthorized(agentId, caller, CLAIM)
 * ├── for one's own agent, or agent 0            hands over the key and awards points; moves no money
 * ├── by an operator with CLAIM                  likewise, for the agent
 * └── by a caller that is no agent yet, for 0    makes it one
 */
import { expect } from "chai";
import { curves } from "../../sdk/curves.ts";
import { loadFixture } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, type Moa, type Person, people } from "./support/deploy.ts";
import {
  Actions,
  at,
  BUYER,
  contentOf,
  deployMarket,
  FIXED,
  FREE,
  keyOf,
  PRICE,
  SELLER,
  Status,
  type Terms,
  termsOf,
  ZERO,
} from "./support/market.ts";
import { awarded, saleOf } from "./support/sale.ts";

const { buyer, newcomer, operator, seller, stranger } = people;

describe("Exchange.claim", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  const claim = (agentId: bigint, sender: Person, ekId = FREE, version = 1) =>
    moa.exchange.write.claim([ekId, version, agentId], by(sender));

  async function list(terms: Partial<Terms>): Promise<bigint> {
    await moa.catalog.write.list([SELLER, termsOf(moa, terms), contentOf()], by(seller));
    return moa.catalog.read.listingCount();
  }

  function claimed(sender: Person) {
    const keyId = keyOf(FREE, BUYER);
    const sale = saleOf(moa, { price: 0n, by: sender.address });
    return [
      ["ExperienceKey.Transfer", { from: ZERO, to: buyer.address, tokenId: keyId }],
      ["ExperienceKey.Locked", { tokenId: keyId }],
      ["Exchange.KeySold", { ekId: FREE, buyerId: BUYER, keyId, sale }],
      awarded(FREE),
    ];
  }

  it("hands the agent its key", async () => {
    expect(await logsOf(moa, claim(BUYER, buyer))).to.deep.equal(claimed(buyer));
    expect(await moa.keys.read.ownerOf([keyOf(FREE, BUYER)])).to.equal(buyer.address);
    expect((await moa.catalog.read.listingOf([FREE])).sold).to.equal(1);
    expect(await moa.exchange.read.creditOf([SELLER, moa.usdc.address])).to.equal(0n);
  });

  it("takes 0 for the caller's own agent", async () => {
    expect(await logsOf(moa, claim(0n, buyer))).to.deep.equal(claimed(buyer));
  });

  it("lets an operator claim for the agent", async () => {
    await moa.registry.write.grant([operator.address, Actions.CLAIM, 2n ** 40n], by(buyer));
    expect(await logsOf(moa, claim(BUYER, operator))).to.deep.equal(claimed(operator));
    expect(await moa.registry.read.agentOf([operator.address])).to.equal(0n);
  });

  it("makes an agent of a caller that is none yet", async () => {
    await claim(0n, newcomer);
    expect(await moa.registry.read.agentOf([newcomer.address])).to.equal(5n);
    expect(await moa.keys.read.ownerOf([keyOf(FREE, 5n)])).to.equal(newcomer.address);
  });

  it("refuses who may not claim for the agent", async () => {
    const refused = (who: Person) => [BUYER, who.address, Actions.CLAIM];
    await reverts(claim(BUYER, stranger), moa.exchange, "NotAuthorized", refused(stranger));
    await reverts(claim(BUYER, seller), moa.exchange, "NotAuthorized", refused(seller));
    await moa.registry.write.grant([operator.address, Actions.ALL - Actions.CLAIM, 2n ** 40n], by(buyer));
    await reverts(claim(BUYER, operator), moa.exchange, "NotAuthorized", refused(operator));
    expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(0n);
  });

  it("T7 gives nothing away that costs something now", async () => {
    await reverts(claim(BUYER, buyer, FIXED), moa.exchange, "NotFree", [FIXED, PRICE]);
    const rising = {
      curve: moa.linear.address,
      curveParams: curves.linear.encode({ base: 0n, slope: 1n, max: 5n }),
    };
    const ekId = await list(rising);
    await claim(BUYER, buyer, ekId);
    await reverts(claim(BUYER, buyer, ekId), moa.exchange, "NotFree", [ekId, 1n]);
  });

  it("refuses what buy refuses", async () => {
    await reverts(claim(BUYER, buyer, 9n), moa.exchange, "UnknownListing", [9n]);
    await reverts(claim(BUYER, buyer, FREE, 2), moa.exchange, "VersionMismatch", [FREE, 1, 2]);
    const ekId = await list({ ...at(0n), supplyCap: 1 });
    await claim(BUYER, buyer, ekId);
    await reverts(claim(BUYER, buyer, ekId), moa.exchange, "SoldOut", [ekId, 1n]);
    await moa.catalog.write.setStatus([FREE, Status.Paused], by(seller));
    await reverts(claim(BUYER, buyer), moa.exchange, "ListingNotActive", [FREE, Status.Paused]);
  });
});
