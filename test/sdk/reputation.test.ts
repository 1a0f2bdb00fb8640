import { readFileSync } from "node:fs";
import { expect } from "chai";
import { type LabelName, labels, toBits } from "../../sdk/records.ts";
import { createReputationReplay } from "../../sdk/reputation/replay.ts";
import { REPUTATION_VERSION, repeated } from "../../sdk/reputation/score.ts";
import {
  complaintWeight,
  disputeWeight,
  foldReviews,
  NO_SELLER_FACTS,
  NO_SELLER_USE,
  sellerReputation,
  sellerWeights,
  tradeWeight,
  useWeight,
} from "../../sdk/reputation/seller.ts";
import {
  leaning,
  NO_VALIDATOR_FACTS,
  validatorReputation,
  validatorWeights,
} from "../../sdk/reputation/validator.ts";

/*
sdk/reputation
├── the published vectors                    scores and rules, figure by figure
├── T31 rings, one buyer, one reviewer       saturate; what is related counts nothing
├── complaints                               cost, and one buyer can't repeat them to any effect
└── T36 validators that say the same of everything, join in late, contradict, or favour a seller   gain nothing
*/
const vectors = JSON.parse(
  readFileSync(new URL("../../docs/reputation-vectors.json", import.meta.url), "utf8"),
);

describe("reputation", () => {
  it("is what docs/reputation-vectors.json says", () => {
    expect(vectors.version).to.equal(REPUTATION_VERSION);
    for (const { name, facts, use, expected } of vectors.seller) {
      const { version: _, ...score } = sellerReputation(facts, use);
      expect(score, name).to.deep.equal(expected);
    }
    for (const { name, facts, expected } of vectors.validator) {
      const { version: _, ...score } = validatorReputation(facts);
      expect(score, name).to.deep.equal(expected);
    }
    const { rules } = vectors;
    for (const { count, expected } of rules.repeated) expect(repeated(count)).to.equal(expected);
    for (const { trade, expected } of rules.tradeWeight) expect(tradeWeight(trade)).to.equal(expected);
    for (const { weight, count, expected } of rules.complaintWeight) {
      expect(complaintWeight(weight, count)).to.equal(expected);
    }
    for (const { toBuyer, amount, expected } of rules.disputeWeight) {
      expect(disputeWeight(BigInt(toBuyer), BigInt(amount))).to.equal(expected);
    }
    for (const { good, bad, expected } of rules.leaning) expect(leaning(good, bad)).to.equal(expected);
    expect(vectors.seller.length + vectors.validator.length).to.be.at.least(20);
  });

  it("adds its weights up to 100, 70 of a seller's on chain", () => {
    const sum = (weights: Record<string, number>) =>
      Object.values(weights).reduce((all, weight) => all + Math.max(0, weight), 0);
    expect(sum(sellerWeights)).to.equal(100);
    expect(sum(validatorWeights)).to.equal(100);
    const { usage, reviews, ...chain } = sellerWeights;
    expect(sum(chain)).to.equal(70);
  });
});

describe("reputation: attacks by trades", () => {
  /** A listing of each of `agents` agents, of one owner; each trades `times` with each other one. */
  function ring(agents: number, times: number, reasons = 0) {
    const replay = createReputationReplay();
    for (let seller = 1; seller <= agents; seller++) {
      replay.apply({ eventName: "ListingVersion", args: { ekId: BigInt(seller), sellerId: BigInt(seller) } });
    }
    for (let time = 0; time < times; time++) {
      for (let seller = 1; seller <= agents; seller++) {
        for (let buyer = 1; buyer <= agents; buyer++) {
          if (seller === buyer) continue;
          const parties = { ekId: BigInt(seller), sellerId: BigInt(seller), buyerId: BigInt(buyer) };
          replay.apply({ eventName: "PointsAwarded", args: { ...parties, reasons } });
        }
      }
    }
    return [...replay.sellers.values()].map((facts) => sellerReputation(facts).score);
  }

  it("T31 a ring that trades in circles for ever earns each of its members a bounded score, far below honest sellers'", () => {
    for (const [agents, most] of [
      [2, 3],
      [3, 6],
      [5, 11],
      [10, 16],
      [20, 22],
      [50, 31],
    ] as const) {
      const scores = ring(agents, 12);
      expect(Math.max(...scores), `${agents} agents`).to.equal(most);
      // As many buyers that come back once, for listings that bonded validators verified.
      const honest = sellerReputation({
        ...{ ...NO_SELLER_FACTS, tradeWeight: 1_500 * (agents - 1), judged: 5, verified: 5 },
        ...{ buyers: agents - 1, returning: agents - 1 },
      });
      expect(most, `${agents} agents`).to.be.below(0.6 * honest.score);
    }
    expect(Math.max(...ring(2, 1_000)), "a thousand trades are no more than twelve").to.equal(3);
  });

  it("T31 trades of one agent, of the seller's money and between operators count nothing", () => {
    for (const reasons of [0b1, 0b10, 0b100, 0b100_0100]) {
      expect(Math.max(...ring(10, 3, reasons)), `reasons ${reasons}`).to.equal(0);
    }
    expect(Math.max(...ring(10, 3, 0b1000)), "the pair's cap is no relation").to.be.greaterThan(0);
  });

  it("T31 one buyer's thousand trades, uses and reviews weigh less than two buyers'", () => {
    expect(repeated(1_000)).to.equal(2 * repeated(1));
    expect(useWeight(1_000)).to.equal(2 * useWeight(1));
    const one = foldReviews(Array.from({ length: 1_000 }, () => ({ buyerId: "agt_1_1", rating: 10_000 })));
    expect(one).to.deep.equal({ reviewers: 1, ratings: 10_000 });
    const facts = { ...NO_SELLER_FACTS, tradeWeight: 2_000, buyers: 2, returning: 1 };
    const score = sellerReputation(facts, { ...NO_SELLER_USE, ...one });
    expect(score.components.find(({ name }) => name === "reviews")?.value).to.equal(1_666);
    const two = foldReviews([
      { buyerId: "agt_1_1", rating: 0 },
      { buyerId: "agt_1_1", rating: 5_001 },
      { buyerId: "agt_1_2", rating: 10_000 },
    ]);
    expect(two, "a voice each").to.deep.equal({ reviewers: 2, ratings: 12_500 });
  });

  it("a gateway's own word adds nothing beyond what was bought", () => {
    const facts = { ...NO_SELLER_FACTS, tradeWeight: 3_000, buyers: 3 };
    const at = (weight: number) => sellerReputation(facts, { ...NO_SELLER_USE, useWeight: weight });
    expect(at(10 ** 11)).to.deep.equal(at(6_000));
    expect(at(10 ** 11).chainScore).to.equal(at(0).score);
  });

  it("E40 complaints cost, and one buyer's repeated ones little more than its first", () => {
    const facts = { ...NO_SELLER_FACTS, tradeWeight: 90_000, buyers: 90, judged: 8, verified: 8 };
    const score = (complaints: number) => sellerReputation({ ...facts, complaintWeight: complaints }).score;
    expect(score(0)).to.equal(48);
    expect(score(complaintWeight(1_000, 1))).to.equal(46);
    const many = Array.from({ length: 1_000 }, (_, i) => complaintWeight(1_000, i + 1));
    expect(many.reduce((a, b) => a + b)).to.be.at.most(2_000);
    expect(score(30_000)).to.equal(0);
  });
});

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
