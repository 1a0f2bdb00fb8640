/*
 * statusOf, verdictOf(ekId): at read, of the seats' live labels and bonds
 * ├── given no seat that counts                              Unverified
 * ├── given a third of the weight against or challenged      Disputed
 * ├── given 3 groups for it, with two thirds of the weight   Verified
 * └── else                                                   Pending
 */
import { expect } from "chai";
import { type Consensus, consensusOf } from "../../sdk/consensus.ts";
import { loadFixture } from "./support/chain.ts";
import { challenge, dispute, Ruling } from "./support/challenge.ts";
import { by, type Moa, POLICY, people, STAKE } from "./support/deploy.ts";
import { deployValidators, fundBond, INPUT, joinValidator, Types, type Validator } from "./support/label.ts";
import { FIXED } from "./support/market.ts";

const { admin, buyer, stranger } = people;
const BOND = POLICY.minBond;
const GOOD = Types.VerifiedReal;
const BAD = Types.SuspectedFraud;
const statuses = ["unverified", "pending", "verified", "disputed"] as const;

async function deployNine() {
  const { moa, validators } = await deployValidators(9);
  await fundBond(moa, buyer);
  return { moa, validators };
}

describe("Consensus: status", () => {
  let moa: Moa;
  let validators: Validator[];
  beforeEach(async () => {
    ({ moa, validators } = await loadFixture(deployNine));
  });

  const nth = (i: number) => validators[i] as Validator;
  const say = async (i: number, types: number, scores = INPUT.scores) => {
    await moa.labels.write.label([nth(i).agentId, { ...INPUT, types, scores }], by(nth(i)));
    await moa.consensus.write.seat([FIXED, nth(i).agentId], by(stranger));
  };
  const more = (i: number, amount: bigint) => moa.bonds.write.bond([nth(i).agentId, amount], by(nth(i)));

  /** The verdict; the SDK's must be the same. */
  async function verdict(): Promise<Consensus> {
    const { status, ...rest } = await moa.consensus.read.verdictOf([FIXED]);
    const seats = await moa.consensus.read.seatsOf([FIXED]);
    const voices = await Promise.all(
      seats.map(async ({ validatorId }) => {
        const { createdAt, ...label } = await moa.labels.read.labelOf([FIXED, validatorId]);
        return {
          groupId: await moa.consensus.read.groupOf([validatorId]),
          bonded: await moa.bonds.read.bondedOf([validatorId]),
          label: createdAt === 0 ? null : label,
        };
      }),
    );
    const own = consensusOf(voices, POLICY);
    expect(own).to.deep.equal({ status: statuses[status], ...rest, scores: [...rest.scores] });
    expect(await moa.consensus.read.statusOf([FIXED])).to.equal(status);
    return own;
  }
  const status = async () => (await verdict()).status;

  it("is unverified, pending, verified as bonded validators speak", async () => {
    expect(await status()).to.equal("unverified");
    await say(0, GOOD);
    expect(await status()).to.equal("pending");
    await say(1, Types.Reproducible);
    expect(await status()).to.equal("pending");
    await say(2, Types.HighUtility + Types.NeedsContext);
    expect(await verdict()).to.deep.equal({
      ...{ status: "verified", groups: 3, positiveGroups: 3, weight: 3n * BOND, positive: 3n * BOND },
      ...{ negative: 0n, challenged: 0n, scores: Object.values(INPUT.scores) },
    });
  });

  it("weighs by bond, up to the policy's maximum", async () => {
    for (const i of [0, 1, 2]) await say(i, GOOD);
    await more(3, BOND);
    await say(3, BAD);
    expect(await verdict()).to.include({ status: "disputed", negative: 2n * BOND });
    await more(0, 2n * BOND);
    expect(await status()).to.equal("verified");
    await more(3, 100n * BOND);
    expect(await verdict()).to.include({ status: "disputed", negative: POLICY.maxWeight });
  });

  it("says the weighted mean of the scores", async () => {
    const low = { authenticity: 0, utility: 10, reproducibility: 20, freshness: 100, safety: 1 };
    await say(0, GOOD, low);
    await more(1, 2n * BOND);
    await say(1, GOOD);
    expect((await verdict()).scores).to.deep.equal([71, 62, 80, 25, 58]);
  });

  it("neither good nor bad counts as weight that does not agree", async () => {
    for (const i of [0, 1, 2]) await say(i, GOOD);
    await say(3, Types.NeedsContext);
    expect(await status()).to.equal("verified");
    await say(4, Types.NeedsContext);
    expect(await verdict()).to.include({ status: "pending", groups: 5, positiveGroups: 3 });
  });

  it("invariant 20: a slash, an unbonding, a withdrawal count at once", async () => {
    for (const i of [0, 1, 2]) await say(i, GOOD);
    await moa.bonds.write.unbond([nth(0).agentId, 1n], by(nth(0)));
    expect(await verdict()).to.include({ status: "pending", weight: 2n * BOND });
    await more(0, 1n);
    expect(await status()).to.equal("verified");
    const other = { ...INPUT, ekId: 2n };
    await moa.labels.write.label([nth(1).agentId, other], by(nth(1)));
    await challenge(moa, nth(1).agentId, { ekId: 2n });
    expect(await status(), "at stake is not lost").to.equal("verified");
    await moa.bonds.write.answer([1n], { ...by(stranger), value: 10n ** 16n });
    await moa.bonds.write.refer([1n], by(stranger));
    await moa.arbitrator.write.giveRuling([0n, Ruling.Strike]);
    expect(await verdict(), "slashed below the minimum").to.include({ status: "pending", weight: 2n * BOND });
    await more(1, STAKE);
    await moa.labels.write.withdraw([nth(2).agentId, FIXED], by(nth(2)));
    expect(await verdict()).to.include({ status: "pending", groups: 2 });
    await moa.labels.write.label([nth(2).agentId, INPUT], by(nth(2)));
    expect(await status(), "it kept its seat").to.equal("verified");
  });

  it("T36 linked validators have one voice: the weightiest's", async () => {
    for (const i of [0, 1, 2, 3]) await say(i, GOOD);
    await more(1, 5n);
    await moa.consensus.write.link([[0, 1, 2].map((i) => nth(i).agentId), nth(0).agentId], by(admin));
    expect(await verdict()).to.include({ status: "pending", groups: 2, weight: 2n * BOND + 5n });
    await moa.consensus.write.link([[nth(2).agentId], 0n], by(admin));
    expect(await verdict()).to.include({ status: "verified", groups: 3 });
  });

  it("T38 one challenge among many takes a label out of the count, and disputes nothing", async () => {
    for (const i of [0, 1, 2, 3]) await say(i, GOOD);
    await challenge(moa, nth(0).agentId);
    expect(await verdict()).to.include({
      ...{ status: "verified", groups: 3, weight: 3n * BOND, challenged: BOND },
    });
    await challenge(moa, nth(1).agentId);
    expect(await status()).to.equal("disputed");
  });

  it("T36 a third of the weight colludes on a bad label: it falls by arbitration, and each loses one stake", async () => {
    for (let i = 0; i < 6; i++) await say(i, GOOD);
    for (let i = 6; i < 9; i++) await say(i, BAD, { ...INPUT.scores, authenticity: 0 });
    expect(await verdict()).to.include({ status: "pending", negative: 3n * BOND, weight: 9n * BOND });
    await more(6, BOND);
    expect(await status(), "more than a third").to.equal("disputed");
    for (let i = 6; i < 9; i++) await dispute(moa, nth(i).agentId, Ruling.Strike);
    expect(await verdict()).to.deep.include({
      ...{ status: "verified", groups: 6, positiveGroups: 6, weight: 6n * BOND, negative: 0n },
      scores: Object.values(INPUT.scores),
    });
    for (let i = 6; i < 9; i++) {
      expect(await moa.bonds.read.bondedOf([nth(i).agentId])).to.equal(BOND - STAKE + (i === 6 ? BOND : 0n));
    }
    expect(await moa.bonds.read.burnt()).to.equal((3n * STAKE) / 2n);
  });

  /*
   * 300 here stand for 10,000, and for any number: `label` writes to `_labels`, `_tallies` and the log alone; `verdictOf` reads `_seats`,
   * and of `_labels` only the sitters'. Who has no bond gets no seat. So the number of labels is no input of the status.
   */
  it("T37 300 junk labels of unbonded validators change neither status nor weighted scores, nor what reading costs", async function () {
    this.timeout(120_000);
    for (const i of [0, 1, 2]) await say(i, GOOD);
    const before = await verdict();
    const worst = { authenticity: 0, utility: 0, reproducibility: 0, freshness: 0, safety: 0 };
    for (let i = 0; i < 300; i++) {
      const junk = await joinValidator(moa, 1000 + i, 0n);
      await moa.labels.write.label([junk.agentId, { ...INPUT, types: BAD, scores: worst }], by(junk));
      if (i % 50 === 0) {
        const seat = moa.consensus.write.seat([FIXED, junk.agentId], by(stranger));
        await seat.then(
          () => expect.fail("An unbonded validator got a seat."),
          (error: Error) => expect(error.message).to.include("BondTooSmall"),
        );
      }
    }
    expect((await moa.labels.read.aggregateOf([FIXED])).count).to.equal(303);
    expect(await verdict()).to.deep.equal(before);
    expect(await moa.labels.read.isEndorsed([FIXED])).to.equal(true);
  });
});
