/*
 * revise(validatorId, input)
 * ├── given no live label                                 reverts NoLabel(ekId, validatorId)
 * ├── given a challenged one                              reverts LabelInDispute(ekId, validatorId, revision)
 * ├── by whom label() would refuse, with what it would    reverts alike
 * ├── after 255 revisions                                 reverts TooManyRevisions(ekId, validatorId, 255)
 * └── else                                                replaces it: sums exact, the former one's end noted, emits Labelled
 * withdraw(validatorId, ekId)
 * ├── given no live label, a challenged one               reverts NoLabel, LabelInDispute
 * └── else                                                takes it out of the sums; the validator may label again
 * labelBatch(validatorId, inputs)
 * ├── given more than 32                                  reverts TooManyLabels(count, 32)
 * ├── given one that is refused                           reverts as it does: none is published
 * └── else                                                publishes all, cheaper than one by one
 */
import { expect } from "chai";
import { loadFixture, networkHelpers, nextBlockAt, now, publicClient } from "./support/chain.ts";
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
  LINEAR,
  rotate,
  termsOf,
  VALIDATOR,
} from "./support/market.ts";

const { buyer, next, operator, seller, stranger, validator } = people;
const OTHER = { authenticity: 1, utility: 100, reproducibility: 0, freshness: 50, safety: 77 };
const NONE = { count: 0, authenticity: 0, utility: 0, reproducibility: 0, freshness: 0, safety: 0 };

describe("LabelRegistry.revise, withdraw, labelBatch", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  const label = (fields: Partial<LabelInput> = {}, id = VALIDATOR, sender: Person = validator) =>
    moa.labels.write.label([id, { ...INPUT, ...fields }], by(sender));
  const revise = (fields: Partial<LabelInput> = {}, id = VALIDATOR, sender: Person = validator) =>
    moa.labels.write.revise([id, { ...INPUT, ...fields }], by(sender));
  const withdraw = (id = VALIDATOR, sender: Person = validator, ekId = FIXED) =>
    moa.labels.write.withdraw([id, ekId], by(sender));
  const batch = (inputs: LabelInput[], id = VALIDATOR, sender: Person = validator) =>
    moa.labels.write.labelBatch([id, inputs], by(sender));
  const stored = (id = VALIDATOR, ekId = FIXED) => moa.labels.read.labelOf([ekId, id]);
  const sums = (ekId = FIXED) => moa.labels.read.aggregateOf([ekId]);
  const endOf = (revision: number) => moa.labels.read.endOf([FIXED, VALIDATOR, revision]);

  async function gasOf(hash: Promise<`0x${string}`>) {
    return (await publicClient.waitForTransactionReceipt({ hash: await hash })).gasUsed;
  }

  describe("revise", () => {
    it("replaces the label and its part of the sums, and notes when the former one ended", async () => {
      await label();
      const createdAt = Number(await now());
      await label({ scores: OTHER }, BUYER, buyer);
      const at = await nextBlockAt((await now()) + 100n);
      const input = { ...INPUT, types: 16, scores: OTHER, summary: "Not any more." };
      const aggregate = { ...NONE, count: 2, authenticity: 2, utility: 200, freshness: 100, safety: 154 };
      expect(await logsOf(moa, revise(input))).to.deep.equal([
        [
          "LabelRegistry.Labelled",
          { ekId: FIXED, validatorId: VALIDATOR, revision: 2, input, aggregate, by: validator.address },
        ],
      ]);
      expect(await sums()).to.deep.equal(aggregate);
      expect(await stored()).to.deep.equal({
        ...{ version: 1, types: 16, scores: OTHER, createdAt, revision: 2, disputed: false },
        inputHash: inputHashOf(input),
      });
      expect([await endOf(1), await endOf(2)]).to.deep.equal([at, 0n]);
    });

    it("takes the operator's word, and a new version's", async () => {
      await label();
      await moa.registry.write.grant([operator.address, Actions.LABEL, 2n ** 40n], by(validator));
      await moa.catalog.write.update([FIXED, termsOf(moa), contentOf("v2")], by(seller));
      await revise({ version: 2 }, VALIDATOR, operator);
      expect((await stored()).version).to.equal(2);
      await rotate(moa, VALIDATOR, validator, next);
      await reverts(revise(), moa.labels, "NotAuthorized", [VALIDATOR, validator.address, Actions.LABEL]);
      await revise({}, VALIDATOR, next);
      expect((await stored()).revision).to.equal(3);
    });

    it("refuses what label() refuses, and where there is no label", async () => {
      await reverts(revise(), moa.labels, "NoLabel", [FIXED, VALIDATOR]);
      await label();
      await reverts(revise({}, VALIDATOR, stranger), moa.labels, "NotAuthorized", [
        ...[VALIDATOR, stranger.address, Actions.LABEL],
      ]);
      await reverts(revise({ ekId: 9n }), moa.labels, "UnknownListing", [9n]);
      await reverts(revise({ version: 2 }), moa.labels, "UnknownVersion", [FIXED, 1, 2]);
      await reverts(revise({ types: 0 }), moa.labels, "NoLabelType");
      const scores = { ...SCORES, safety: 101 };
      await reverts(revise({ scores }), moa.labels, "ScoreOutOfRange", [4n, 101n]);
      await reverts(revise({ summary: "s".repeat(1001) }), moa.labels, "SummaryTooLong", [1001n, 1000n]);
      const flags = Flags.RESTRICTED_VALIDATORS;
      await moa.catalog.write.update([FIXED, termsOf(moa, { flags }), contentOf("v2")], by(seller));
      await reverts(revise(), moa.labels, "ValidatorNotAllowed", [FIXED, VALIDATOR]);
      expect(await sums()).to.deep.equal({ count: 1, ...SCORES });
    });

    it("counts revisions to 255, and no further", async function () {
      this.timeout(120_000);
      await label();
      for (let i = 2; i <= 255; i++) await revise();
      expect((await stored()).revision).to.equal(255);
      const refused = [FIXED, VALIDATOR, 255n];
      await reverts(revise(), moa.labels, "TooManyRevisions", refused);
      await withdraw();
      expect(await moa.labels.read.mayLabel([FIXED, VALIDATOR])).to.equal(false);
      await reverts(label(), moa.labels, "TooManyRevisions", refused);
      expect(await sums()).to.deep.equal(NONE);
    });
  });

  describe("withdraw", () => {
    it("takes the label out of the sums, and leaves its number", async () => {
      await label();
      await label({ scores: OTHER }, BUYER, buyer);
      const at = await nextBlockAt((await now()) + 7n);
      const aggregate = { count: 1, ...OTHER };
      expect(await logsOf(moa, withdraw())).to.deep.equal([
        [
          "LabelRegistry.LabelWithdrawn",
          { ekId: FIXED, validatorId: VALIDATOR, revision: 1, aggregate, by: validator.address },
        ],
      ]);
      expect(await sums()).to.deep.equal(aggregate);
      const { createdAt, revision, types, version } = await stored();
      expect({ createdAt, revision, types, version }).to.deep.equal({
        ...{ createdAt: 0, revision: 1, types: 0, version: 0 },
      });
      expect(await endOf(1)).to.equal(at);
    });

    it("lets the validator label again, as another revision", async () => {
      await label();
      await withdraw();
      expect(await moa.labels.read.mayLabel([FIXED, VALIDATOR])).to.equal(true);
      await label({ scores: OTHER });
      const { revision, createdAt } = await stored();
      expect([revision, createdAt]).to.deep.equal([2, Number(await now())]);
      expect(await sums()).to.deep.equal({ count: 1, ...OTHER });
    });

    it("is possible after the validator lost its place on the list", async () => {
      await label();
      const flags = Flags.RESTRICTED_VALIDATORS;
      await moa.catalog.write.update([FIXED, termsOf(moa, { flags }), contentOf("v2")], by(seller));
      await withdraw();
      expect(await sums()).to.deep.equal(NONE);
    });

    it("refuses others, and where there is nothing", async () => {
      await reverts(withdraw(), moa.labels, "NoLabel", [FIXED, VALIDATOR]);
      await label();
      await reverts(withdraw(VALIDATOR, buyer), moa.labels, "NotAuthorized", [
        ...[VALIDATOR, buyer.address, Actions.LABEL],
      ]);
      await withdraw();
      await reverts(withdraw(), moa.labels, "NoLabel", [FIXED, VALIDATOR]);
    });
  });

  describe("labelBatch", () => {
    it("publishes all of them, and for less than one by one", async () => {
      await label({}, BUYER, buyer);
      await label({ ekId: LINEAR }, BUYER, buyer);
      const before = await networkHelpers.takeSnapshot();
      const single = (await gasOf(label())) + (await gasOf(label({ ekId: LINEAR })));
      await before.restore();
      const both = await gasOf(batch([INPUT, { ...INPUT, ekId: LINEAR, scores: OTHER }]));
      expect(Number(single - both)).to.be.greaterThan(20_000);
      expect((await sums()).count).to.equal(2);
      expect((await sums(LINEAR)).utility).to.equal(180);
      expect((await stored(VALIDATOR, LINEAR)).scores).to.deep.equal(OTHER);
    });

    it("publishes all or none, and 32 at most", async () => {
      const twice = batch([INPUT, { ...INPUT, ekId: LINEAR }, INPUT]);
      await reverts(twice, moa.labels, "LabelExists", [FIXED, VALIDATOR]);
      expect(await sums(LINEAR)).to.deep.equal(NONE);
      const many = batch(Array.from({ length: 33 }, () => INPUT));
      await reverts(many, moa.labels, "TooManyLabels", [33n, 32n]);
      const most = batch(Array.from({ length: 32 }, () => INPUT));
      await reverts(most, moa.labels, "LabelExists", [FIXED, VALIDATOR]);
      await reverts(batch([INPUT], VALIDATOR, stranger), moa.labels, "NotAuthorized", [
        ...[VALIDATOR, stranger.address, Actions.LABEL],
      ]);
      await batch([]);
      expect(await sums()).to.deep.equal(NONE);
    });
  });
});
