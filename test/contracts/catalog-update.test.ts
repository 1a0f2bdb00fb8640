/*
 * update(ekId, terms, content)
 * ├── given no such listing                reverts UnknownListing(ekId)
 * ├── by anyone but seller or operator     reverts NotAuthorized(sellerId, caller, LIST)
 * ├── given an archived listing            reverts ListingNotActive(ekId, Archived)
 * ├── given a cap below what was sold      reverts SupplyCapBelowSold(supplyCap, sold)
 * ├── given what list refuses              reverts as list does
 * └── else                                 replaces terms and content, keeps sold, status and seller; emits ListingVersion
 *     └── keys sold before                 keep the version, scopes and end that they were sold with
 *
 * setStatus(ekId, status)
 * ├── given no such listing, or a stranger reverts UnknownListing, NotAuthorized
 * ├── to None, to what it is, or from Archived  reverts InvalidStatus(ekId, current, given)
 * └── else                                 sets it; emits ListingStatus
 */
import { expect } from "chai";
import { loadFixture, now } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, type Moa, type Person, people } from "./support/deploy.ts";
import {
  Actions,
  at,
  BUYER,
  contentHashOf,
  contentOf,
  deployMarket,
  FIXED,
  keyOf,
  list as listOf,
  PRICE,
  purchaseOf,
  REFUNDABLE,
  rotate,
  SELLER,
  Status,
  type Terms,
  termsOf,
  ZERO,
} from "./support/market.ts";

const { buyer, next, operator, seller, stranger } = people;

describe("Catalog.update", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  const update = (terms: Partial<Terms> = {}, sender: Person = seller, ekId = FIXED) =>
    moa.catalog.write.update([ekId, termsOf(moa, terms), contentOf("v2")], by(sender));
  const setStatus = (status: number, sender: Person = seller, ekId = FIXED) =>
    moa.catalog.write.setStatus([ekId, status], by(sender));
  const buy = async (version: number) =>
    moa.exchange.write.buy([await purchaseOf(buyer, { version })], by(buyer));

  it("replaces terms and content by a new version", async () => {
    await buy(1);
    const terms = termsOf(moa, { ...at(PRICE * 2n), supplyCap: 3, scopes: 31, flags: 1, keyTtl: 60 });
    const hash = await moa.catalog.write.update([FIXED, terms, contentOf("v2")], by(seller));
    const content = contentOf("v2");
    const pointer = await moa.exchange.read.termsPointer([FIXED, 2]);
    const args = { ekId: FIXED, sellerId: SELLER, version: 2, terms, content, pointer, by: seller.address };
    expect(await logsOf(moa, hash)).to.deep.equal([["Catalog.ListingVersion", args]]);
    expect(await moa.catalog.read.listingOf([FIXED])).to.deep.equal({
      sellerId: SELLER,
      version: 2,
      sold: 1,
      status: Status.Active,
      terms,
      contentHash: contentHashOf(content),
    });
    expect(await moa.catalog.read.listingCount()).to.equal(3n);
  });

  it("T8 keeps the terms of every version", async () => {
    const first = await moa.catalog.read.termsOf([FIXED, 1]);
    const second = termsOf(moa, { ...at(1n), resaleBps: 70, bountyBps: 5 });
    const third = termsOf(moa, { ...at(2n), resaleBps: 80, royalties: [] });
    for (const [i, terms] of [second, third].entries()) {
      await moa.catalog.write.update([FIXED, terms, contentOf(`v${i}`)], by(seller));
    }
    for (const [i, terms] of [first, second, third].entries()) {
      expect(await moa.catalog.read.termsOf([FIXED, i + 1])).to.deep.equal(terms);
    }
    const [receiver, bps] = await moa.catalog.read.resaleTermsOf([FIXED, 2]);
    expect([receiver, bps]).to.deep.equal([seller.address, 70]);
    await rotate(moa, SELLER, seller, next);
    expect(await moa.catalog.read.resaleTermsOf([FIXED, 3])).to.deep.equal([next.address, 80]);
    for (const version of [0, 4, 2 ** 32 - 1]) {
      const unknown = [FIXED, 3, version];
      await reverts(moa.catalog.read.termsOf([FIXED, version]), moa.catalog, "UnknownVersion", unknown);
      await reverts(moa.catalog.read.resaleTermsOf([FIXED, version]), moa.catalog, "UnknownVersion", unknown);
      expect(await moa.exchange.read.termsPointer([FIXED, version])).to.equal(ZERO);
    }
  });

  it("quotes at most 256 keys at once", async () => {
    expect(await moa.catalog.read.quote([FIXED, 256n, 0n])).to.equal(256n * PRICE);
    const many = moa.catalog.read.quote([FIXED, 257n, 0n]);
    await reverts(many, moa.catalog, "CountTooLarge", [257n, 256n]);
  });

  it("T8 leaves sold keys what they were sold with", async () => {
    await buy(1);
    const before = await moa.keys.read.keyInfo([keyOf(FIXED, BUYER)]);
    await update({ scopes: 16, flags: 1, keyTtl: 1 });
    expect(await moa.keys.read.keyInfo([keyOf(FIXED, BUYER)])).to.deep.equal(before);
    expect(before).to.include({ version: 1, scopes: 3, flags: 0, expiry: 0 });
  });

  it("keeps a paused listing paused, and an archived one as it is", async () => {
    await setStatus(Status.Paused);
    await update();
    expect((await moa.catalog.read.listingOf([FIXED])).status).to.equal(Status.Paused);
    await setStatus(Status.Archived);
    await reverts(update(), moa.catalog, "ListingNotActive", [FIXED, Status.Archived]);
  });

  it("is the seller's, or its operator's with LIST", async () => {
    const refused = (who: Person) => [SELLER, who.address, Actions.LIST];
    for (const who of [buyer, stranger, operator]) {
      await reverts(update({}, who), moa.catalog, "NotAuthorized", refused(who));
      const status = setStatus(Status.Paused, who);
      await reverts(status, moa.catalog, "NotAuthorized", refused(who));
    }
    await moa.registry.write.grant([operator.address, Actions.LIST, 2n ** 40n], by(seller));
    await update({}, operator);
    await setStatus(Status.Paused, operator);
    await rotate(moa, SELLER, seller, next);
    await reverts(update({}, seller), moa.catalog, "NotAuthorized", refused(seller));
    await reverts(update({}, operator), moa.catalog, "NotAuthorized", refused(operator));
    await update({}, next);
    expect((await moa.catalog.read.listingOf([FIXED])).version).to.equal(3);
  });

  it("refuses a listing that is not there", async () => {
    await reverts(update({}, seller, 9n), moa.catalog, "UnknownListing", [9n]);
    await reverts(setStatus(Status.Paused, seller, 0n), moa.catalog, "UnknownListing", [0n]);
    await reverts(moa.catalog.read.listingOf([9n]), moa.catalog, "UnknownListing", [9n]);
    await reverts(moa.catalog.read.quote([9n, 1n, 0n]), moa.catalog, "UnknownListing", [9n]);
    await reverts(moa.catalog.read.termsOf([9n, 1]), moa.catalog, "UnknownListing", [9n]);
    expect(await moa.exchange.read.headOf([9n])).to.deep.equal([ZERO, 0, 0, Status.None]);
    expect(await moa.catalog.read.listingHead([9n])).to.deep.equal([0n, 0, 0, Status.None]);
  });

  it("takes a cap of what was sold and not refunded", async () => {
    const ekId = await listOf(moa, REFUNDABLE);
    const order = async () => moa.exchange.write.buy([await purchaseOf(buyer, { ekId })], by(buyer));
    await order();
    await order();
    await reverts(update({ supplyCap: 1 }, seller, ekId), moa.catalog, "SupplyCapBelowSold", [1, 2]);
    await moa.exchange.write.refund([keyOf(ekId, BUYER)], by(buyer));
    await update({ supplyCap: 1 }, seller, ekId);
  });

  it("refuses a cap below what was sold", async () => {
    await buy(1);
    await buy(1);
    await reverts(update({ supplyCap: 1 }), moa.catalog, "SupplyCapBelowSold", [1, 2]);
    await update({ supplyCap: 2 });
    await reverts(buy(2), moa.exchange, "SoldOut", [FIXED, 2n]);
    await update({ supplyCap: 0 });
    await buy(3);
  });

  it("refuses what list refuses", async () => {
    await reverts(update({ scopes: 0 }), moa.catalog, "InvalidScopes", [0]);
    await reverts(update({ token: seller.address }), moa.catalog, "TokenNotAllowed", [seller.address]);
    const endTime = Number(await now());
    await reverts(update({ endTime }), moa.catalog, "InvalidTimes", [0, endTime]);
    const content = contentOf("v2", { summaryHash: contentOf("v1").summaryHash });
    const call = moa.catalog.write.update([FIXED, termsOf(moa), content], by(seller));
    const hashes = [contentOf("v2").summaryHash, contentOf("v1").summaryHash];
    await reverts(call, moa.catalog, "SummaryHashMismatch", hashes);
    expect((await moa.catalog.read.listingOf([FIXED])).version).to.equal(1);
  });

  describe("setStatus", () => {
    it("pauses, resumes and archives", async () => {
      for (const status of [Status.Paused, Status.Active, Status.Archived]) {
        expect(await logsOf(moa, setStatus(status))).to.deep.equal([
          ["Catalog.ListingStatus", { ekId: FIXED, status, by: seller.address }],
        ]);
        expect((await moa.catalog.read.listingHead([FIXED]))[3]).to.equal(status);
      }
    });

    it("goes along the allowed ways alone", async () => {
      const { None, Active, Paused, Archived } = Status;
      await reverts(setStatus(None), moa.catalog, "InvalidStatus", [FIXED, Active, None]);
      await reverts(setStatus(Active), moa.catalog, "InvalidStatus", [FIXED, Active, Active]);
      await setStatus(Archived);
      for (const status of [None, Active, Paused, Archived]) {
        const call = setStatus(status);
        await reverts(call, moa.catalog, "InvalidStatus", [FIXED, Archived, status]);
      }
    });
  });
});
