/*
 * label(validatorId, input)
 * ├── given a validator that the caller may not act for   reverts NotAuthorized(agentId, caller, LABEL)
 * ├── given no such listing                               reverts UnknownListing(ekId)
 * ├── given a version that there is not                   reverts UnknownVersion(ekId, current, given)
 * ├── by the seller                                       reverts SelfLabel(ekId, agentId)
 * ├── on a restricted listing, by one not on its list     reverts ValidatorNotAllowed(ekId, validatorId)
 * ├── a second time                                       reverts LabelExists(ekId, validatorId)
 * ├── given no type                                       reverts NoLabelType()
 * ├── given a score above 100                             reverts ScoreOutOfRange(index, score)
 * ├── given too long a summary, evidence or tag, too many tags  reverts SummaryTooLong, EvidenceTooLong, TagTooLong, TooManyTags
 * ├── given a hash of evidence that is no link            reverts EvidenceHashWithoutLink(evidenceKind)
 * └── else                                                stores it and adds it up; emits Labelled
 *     ├── by an operator with LABEL                       likewise; the event names it
 *     └── of a former version                             likewise
 */
import { expect } from "chai";
import { toHex } from "viem";
import { loadFixture, now } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, type Moa, type Person, people } from "./support/deploy.ts";
import { INPUT, inputHashOf, type LabelInput, SCORES } from "./support/label.ts";
import {
  Actions,
  BUYER,
  contentOf,
  deployMarket,
  FIXED,
  Flags,
  rotate,
  SELLER,
  Status,
  termsOf,
  UNIT,
  VALIDATOR,
} from "./support/market.ts";

const { buyer, next, operator, seller, stranger, unit, validator } = people;

describe("LabelRegistry.label", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  const label = (fields: Partial<LabelInput> = {}, validatorId = VALIDATOR, sender: Person = validator) =>
    moa.labels.write.label([validatorId, { ...INPUT, ...fields }], by(sender));

  function sums(count: number, scores: typeof SCORES) {
    return { count, ...scores };
  }

  function labelled(validatorId: bigint, aggregate: ReturnType<typeof sums>, sender: Person) {
    const args = { ekId: FIXED, validatorId, revision: 1, input: INPUT, aggregate, by: sender.address };
    return [["LabelRegistry.Labelled", args]];
  }

  it("stores the label in short, and logs all of it", async () => {
    expect(await logsOf(moa, label())).to.deep.equal(labelled(VALIDATOR, sums(1, SCORES), validator));
    expect(await moa.labels.read.labelOf([FIXED, VALIDATOR])).to.deep.equal({
      version: 1,
      types: 3,
      scores: SCORES,
      createdAt: Number(await now()),
      revision: 1,
      disputed: false,
      inputHash: inputHashOf(INPUT),
    });
  });

  it("adds up the labels of a listing, and of no other", async () => {
    await label();
    const other = { authenticity: 5, utility: 0, reproducibility: 100, freshness: 100, safety: 3 };
    const sum = { authenticity: 100, utility: 80, reproducibility: 200, freshness: 100, safety: 80 };
    const logs = await logsOf(moa, label({ scores: other }, BUYER, buyer));
    expect(logs[0]?.[1].aggregate).to.deep.equal(sums(2, sum));
    expect(await moa.labels.read.aggregateOf([FIXED])).to.deep.equal(sums(2, sum));
    const none = { authenticity: 0, utility: 0, reproducibility: 0, freshness: 0, safety: 0 };
    expect(await moa.labels.read.aggregateOf([2n])).to.deep.equal(sums(0, none));
    await label({ ekId: 2n });
    expect(await moa.labels.read.aggregateOf([2n])).to.deep.equal(sums(1, SCORES));
  });

  it("takes an operator's word, and names it", async () => {
    await moa.registry.write.grant([operator.address, Actions.LABEL, 2n ** 40n], by(validator));
    const hash = label({}, VALIDATOR, operator);
    expect(await logsOf(moa, hash)).to.deep.equal(labelled(VALIDATOR, sums(1, SCORES), operator));
  });

  it("takes a former version, one that is not for sale, and the extremes", async () => {
    await moa.catalog.write.update([FIXED, termsOf(moa), contentOf("v2")], by(seller));
    await moa.catalog.write.setStatus([FIXED, Status.Archived], by(seller));
    const most = { authenticity: 100, utility: 100, reproducibility: 100, freshness: 100, safety: 100 };
    await label({
      scores: most,
      types: 255,
      tags: Array.from({ length: 16 }, () => "t".repeat(32)),
      summary: "s".repeat(1000),
      evidence: `0x${"ee".repeat(2048)}`,
      evidenceKind: 3,
    });
    await label({ version: 2, tags: [], summary: "", evidence: "0x", evidenceKind: 0 }, BUYER, buyer);
    expect((await moa.labels.read.labelOf([FIXED, VALIDATOR])).scores).to.deep.equal(most);
    expect((await moa.labels.read.labelOf([FIXED, BUYER])).version).to.equal(2);
    expect((await moa.labels.read.aggregateOf([FIXED])).count).to.equal(2);
  });

  it("refuses who may not label for the validator", async () => {
    const refused = (agentId: bigint, who: Person) => [agentId, who.address, Actions.LABEL];
    await reverts(label({}, VALIDATOR, buyer), moa.labels, "NotAuthorized", refused(VALIDATOR, buyer));
    await reverts(label({}, 0n, stranger), moa.labels, "NotAuthorized", refused(0n, stranger));
    await reverts(label({}, 9n, validator), moa.labels, "NotAuthorized", refused(9n, validator));
    await moa.registry.write.grant([operator.address, Actions.ALL - Actions.LABEL, 2n ** 40n], by(validator));
    await reverts(label({}, VALIDATOR, operator), moa.labels, "NotAuthorized", refused(VALIDATOR, operator));
    await rotate(moa, VALIDATOR, validator, next);
    await reverts(label(), moa.labels, "NotAuthorized", refused(VALIDATOR, validator));
    await label({}, VALIDATOR, next);
  });

  it("refuses listings and versions that there are not", async () => {
    await reverts(label({ ekId: 9n }), moa.labels, "UnknownListing", [9n]);
    await reverts(label({ version: 0 }), moa.labels, "UnknownVersion", [FIXED, 1, 0]);
    await reverts(label({ version: 2 }), moa.labels, "UnknownVersion", [FIXED, 1, 2]);
  });

  it("refuses the seller's own label, whatever EOA it has", async () => {
    await reverts(label({}, SELLER, seller), moa.labels, "SelfLabel", [FIXED, SELLER]);
    await rotate(moa, SELLER, seller, next);
    await reverts(label({}, SELLER, next), moa.labels, "SelfLabel", [FIXED, SELLER]);
  });

  it("T37 refuses a second label by the same validator, whatever EOA or version", async () => {
    await label();
    await reverts(label(), moa.labels, "LabelExists", [FIXED, VALIDATOR]);
    await moa.catalog.write.update([FIXED, termsOf(moa), contentOf("v2")], by(seller));
    await rotate(moa, VALIDATOR, validator, next);
    const again = label({ version: 2 }, VALIDATOR, next);
    await reverts(again, moa.labels, "LabelExists", [FIXED, VALIDATOR]);
    expect((await moa.labels.read.aggregateOf([FIXED])).count).to.equal(1);
  });

  it("refuses a label without a type, and scores above 100", async () => {
    await reverts(label({ types: 0 }), moa.labels, "NoLabelType");
    for (const [index, name] of Object.keys(SCORES).entries()) {
      for (const score of [101, 255]) {
        const call = label({ scores: { ...SCORES, [name]: score } });
        await reverts(call, moa.labels, "ScoreOutOfRange", [BigInt(index), BigInt(score)]);
      }
    }
  });

  it("takes a hash with a link, and with nothing else", async () => {
    const evidenceHash = `0x${"e1".repeat(32)}` as const;
    const link = { evidenceKind: 1, evidence: toHex("https://e.example/report.pdf"), evidenceHash };
    await label(link);
    expect((await moa.labels.read.labelOf([FIXED, VALIDATOR])).inputHash).to.equal(
      inputHashOf({ ...INPUT, ...link }),
    );
    for (const evidenceKind of [0, 2, 3]) {
      const call = label({ evidenceKind, evidenceHash }, BUYER, buyer);
      await reverts(call, moa.labels, "EvidenceHashWithoutLink", [evidenceKind]);
    }
  });

  it("refuses what is too long", async () => {
    const summary = label({ summary: "s".repeat(1001) });
    await reverts(summary, moa.labels, "SummaryTooLong", [1001n, 1000n]);
    const evidence = label({ evidence: `0x${"ee".repeat(2049)}` });
    await reverts(evidence, moa.labels, "EvidenceTooLong", [2049n, 2048n]);
    const many = label({ tags: Array.from({ length: 17 }, () => "t") });
    await reverts(many, moa.labels, "TooManyTags", [17n, 16n]);
    const long = label({ tags: ["t", "t".repeat(33)] });
    await reverts(long, moa.labels, "TagTooLong", [1n, 33n, 32n]);
    const bytes = label({ tags: ["ü".repeat(17)] });
    await reverts(bytes, moa.labels, "TagTooLong", [0n, 34n, 32n]);
    expect((await moa.labels.read.aggregateOf([FIXED])).count).to.equal(0);
  });

  it("says who may label now", async () => {
    const may = (validatorId: bigint, ekId = FIXED) => moa.labels.read.mayLabel([ekId, validatorId]);
    expect(await may(VALIDATOR)).to.equal(true);
    expect(await may(SELLER)).to.equal(false);
    expect(await may(0n)).to.equal(false);
    expect(await may(UNIT)).to.equal(true);
    expect(await may(UNIT + 1n), "an agent that there is not").to.equal(false);
    expect(await may(VALIDATOR, 9n)).to.equal(false);
    await label();
    expect(await may(VALIDATOR)).to.equal(false);
    expect(await may(BUYER)).to.equal(true);
  });

  describe("allowValidators", () => {
    const allow = (ids: bigint[], allowed: boolean, sender: Person = seller, ekId = FIXED) =>
      moa.labels.write.allowValidators([ekId, ids, allowed], by(sender));
    const restrict = (flags: number) =>
      moa.catalog.write.update([FIXED, termsOf(moa, { flags }), contentOf("v2")], by(seller));

    it("lets those on the list label a restricted listing, and nobody else", async () => {
      await restrict(Flags.RESTRICTED_VALIDATORS);
      const refused = [FIXED, VALIDATOR];
      await reverts(label(), moa.labels, "ValidatorNotAllowed", refused);
      expect(await moa.labels.read.mayLabel([FIXED, VALIDATOR])).to.equal(false);
      const log = (validatorId: bigint, allowed: boolean) => [
        "LabelRegistry.ValidatorAllowed",
        { ekId: FIXED, validatorId, allowed, by: seller.address },
      ];
      expect(await logsOf(moa, allow([VALIDATOR, UNIT], true))).to.deep.equal([
        log(VALIDATOR, true),
        log(UNIT, true),
      ]);
      expect(await moa.labels.read.mayLabel([FIXED, VALIDATOR])).to.equal(true);
      expect(await logsOf(moa, allow([VALIDATOR], false))).to.deep.equal([log(VALIDATOR, false)]);
      await reverts(label(), moa.labels, "ValidatorNotAllowed", refused);
      await label({}, UNIT, unit);
    });

    it("binds restricted listings alone", async () => {
      await allow([UNIT], true);
      await label();
      await restrict(0);
      await label({}, BUYER, buyer);
    });

    it("puts the seller on no list of its own", async () => {
      await restrict(Flags.RESTRICTED_VALIDATORS);
      await allow([SELLER], true);
      await reverts(label({}, SELLER, seller), moa.labels, "SelfLabel", [FIXED, SELLER]);
      expect(await moa.labels.read.mayLabel([FIXED, SELLER])).to.equal(false);
    });

    it("is the seller's, or its operator's with LIST", async () => {
      const refused = (who: Person) => [SELLER, who.address, Actions.LIST];
      for (const who of [validator, operator, stranger]) {
        await reverts(allow([VALIDATOR], true, who), moa.labels, "NotAuthorized", refused(who));
      }
      await moa.registry.write.grant([operator.address, Actions.LIST, 2n ** 40n], by(seller));
      await allow([VALIDATOR], true, operator);
    });

    it("refuses listings and agents that are not there", async () => {
      await reverts(allow([VALIDATOR], true, seller, 9n), moa.labels, "UnknownListing", [9n]);
      await reverts(allow([VALIDATOR, 9n], true), moa.registry, "UnknownAgent", [9n]);
    });
  });
});
