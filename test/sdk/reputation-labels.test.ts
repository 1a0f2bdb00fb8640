/*
sdk/reputation, by labels
├── who is right before the others decide   gains by it
└── T36 who says the same of everything, joins in late, contradicts, or favours a seller   gains nothing
*/
import { expect } from "chai";
import { type LabelName, labels, toBits } from "../../sdk/records.ts";
import { createReputationReplay } from "../../sdk/reputation/replay.ts";
import { repeated } from "../../sdk/reputation/score.ts";
import { NO_VALIDATOR_FACTS, validatorReputation, validatorWeights } from "../../sdk/reputation/validator.ts";

describe("reputation: attacks by labels", () => {
  const SCORES = { authenticity: 50, utility: 50, reproducibility: 50, freshness: 50, safety: 50 };
  const POLICY = { quorum: 2, supportBps: 6_600, disputeBps: 3_300, minBond: 10n, maxWeight: 100n };

  /** A market of bonded validators 101, 102, …; each listing has a seller of its own unless said otherwise. */
  function createMarket() {
    const replay = createReputationReplay();
    const seats = new Map<bigint, number>();
    const at = (eventName: string, args: Record<string, unknown>) => replay.apply({ eventName, args });
    at("PolicySet", { policy: POLICY });
    return {
      list: (ekId: bigint, sellerId = ekId) => at("ListingVersion", { ekId, sellerId }),
      say(ekId: bigint, validatorId: bigint, label: LabelName) {
        at("BondChanged", { validatorId, bonded: 100n });
        const input = { types: toBits(labels, [label]), scores: SCORES };
        at("Labelled", { ekId, validatorId, revision: 1, input });
        const index = seats.get(ekId) ?? 0;
        seats.set(ekId, index + 1);
        at("Seated", { ekId, validatorId, index: BigInt(index) });
      },
      at,
      scoreOf(validatorId: bigint) {
        const facts = replay.validators.get(validatorId) ?? NO_VALIDATOR_FACTS;
        const { score, components } = validatorReputation(facts);
        const value = (name: string) => components.find((part) => part.name === name)?.value ?? 0;
        return { score, facts, accuracy: value("accuracy"), value };
      },
    };
  }
  const [EARLY, SECOND, THIRD, FOURTH] = [101n, 102n, 103n, 104n] as const;
  const truth = (ekId: bigint): LabelName => (ekId % 3n === 0n ? "suspected-fraud" : "verified-real");

  function play(first: (ekId: bigint) => LabelName, listings = 30n, sellerOf = (ekId: bigint) => ekId) {
    const market = createMarket();
    for (let ekId = 1n; ekId <= listings; ekId++) {
      market.list(ekId, sellerOf(ekId) + 10_000n);
      market.say(ekId, EARLY, first(ekId));
      for (const validator of [SECOND, THIRD, FOURTH]) market.say(ekId, validator, truth(ekId));
    }
    return market;
  }

  it("E35 who is right before the others decide gains by it, and who joins in later does not", () => {
    const market = play(truth);
    const [early, late] = [market.scoreOf(EARLY), market.scoreOf(FOURTH)];
    expect(early.facts).to.include({ goodGood: 20_000, badBad: 10_000, goodBad: 0, badGood: 0 });
    expect(early.accuracy).to.equal(8_571);
    expect(early.score).to.equal(77);
    expect(late.facts, "three had decided").to.include({ seated: 30, coverage: 0, stances: 0, leaning: 0 });
    expect(late.score).to.equal(0);
  });

  it("T36 a rubber stamp has no accuracy, whatever it stamps", () => {
    for (const stamp of ["verified-real", "suspected-fraud"] as const) {
      const { accuracy, score, facts } = play(() => stamp).scoreOf(EARLY);
      expect(accuracy, stamp).to.equal(0);
      expect(score, stamp).to.be.at.most(validatorWeights.coverage);
      expect(facts.goodGood + facts.goodBad + facts.badGood + facts.badBad).to.equal(30_000);
    }
    expect(play(() => "needs-context").scoreOf(EARLY).facts.stances).to.equal(0);
  });

  it("T36 who contradicts the others is worse off than who says nothing", () => {
    const liar = play((ekId) => (truth(ekId) === "verified-real" ? "low-quality" : "high-utility"));
    expect(liar.scoreOf(EARLY).value("contradiction")).to.equal(6_857);
    expect(liar.scoreOf(EARLY).score).to.equal(0);
  });

  it("E35 T36 labels on one seller that nobody confirms are a bias, confirmed ones are none", () => {
    const market = createMarket();
    for (let ekId = 1n; ekId <= 20n; ekId++) {
      market.list(ekId, 7n);
      market.say(ekId, EARLY, "verified-real");
    }
    const alone = market.scoreOf(EARLY);
    expect(alone.facts).to.include({ stances: 20, leaning: 17, coverage: repeated(20) });
    expect(alone.score, "two sellers' worth of coverage, less the bias").to.equal(0);
    for (let ekId = 1n; ekId <= 20n; ekId++) {
      market.say(ekId, SECOND, "verified-real");
      market.say(ekId, THIRD, "verified-real");
    }
    expect(market.scoreOf(EARLY).facts.leaning).to.equal(0);
  });

  it("E35 a later change of mind of the others moves the outcome, and its own later revision does not", () => {
    const market = play(truth, 3n);
    const revised = { types: toBits(labels, ["suspected-fraud"]), scores: SCORES };
    market.at("Labelled", { ekId: 1n, validatorId: EARLY, revision: 2, input: revised });
    expect(market.scoreOf(EARLY).facts).to.include({ goodGood: 2_000, badBad: 1_000 });
    for (const validatorId of [SECOND, THIRD, FOURTH]) {
      market.at("Labelled", { ekId: 1n, validatorId, revision: 2, input: revised });
    }
    expect(market.scoreOf(EARLY).facts).to.include({ goodGood: 1_000, goodBad: 1_000, badBad: 1_000 });
  });

  it("T36 a linked validator's voice and a challenged label don't confirm", () => {
    const market = createMarket();
    market.list(1n);
    for (const validatorId of [SECOND, THIRD]) market.at("ValidatorLinked", { validatorId, groupId: 900n });
    market.say(1n, EARLY, "verified-real");
    market.say(1n, SECOND, "verified-real");
    market.say(1n, THIRD, "verified-real");
    expect(market.scoreOf(EARLY).facts.goodGood, "one group is no quorum").to.equal(0);
    market.say(1n, FOURTH, "verified-real");
    expect(market.scoreOf(EARLY).facts.goodGood).to.equal(1_000);
    const other = createMarket();
    other.list(1n);
    other.say(1n, EARLY, "verified-real");
    other.say(1n, SECOND, "verified-real");
    other.at("LabelDisputed", { ekId: 1n, validatorId: SECOND, revision: 1 });
    other.say(1n, THIRD, "verified-real");
    expect(other.scoreOf(EARLY).facts, "it waits for the ruling").to.include({ goodGood: 0, goodBad: 0 });
    other.at("LabelUpheld", { ekId: 1n, validatorId: SECOND, revision: 1 });
    expect(other.scoreOf(EARLY).facts.goodGood).to.equal(1_000);
  });

  it("E35 a struck label costs", () => {
    const market = play(truth);
    const before = market.scoreOf(EARLY).score;
    market.at("LabelStruck", { ekId: 1n, validatorId: EARLY, revision: 1 });
    expect(market.scoreOf(EARLY).score).to.be.below(before - 5);
  });
});
