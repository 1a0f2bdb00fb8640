import { readFileSync } from "node:fs";
import { expect } from "chai";
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
import { leaning, validatorReputation, validatorWeights } from "../../sdk/reputation/validator.ts";

/*
sdk/reputation
├── the published vectors                    scores and rules, figure by figure
├── T31 rings, one buyer, one reviewer       saturate; what is related counts nothing
└── complaints                               cost, and one buyer can't repeat them to any effect
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
