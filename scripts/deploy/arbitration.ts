/** What the house's court costs, the rules by which it judges, and what validators risk. */
import { parseEther } from "viem";

/** What a court of the house costs, in the chain's coin, and the most that it may ever cost. */
export const COSTS = {
  max: parseEther("0.05"),
  arbitration: parseEther("0.005"),
  appeal: parseEther("0.015"),
};

/** The rules of a dispute (ERC-1497 MetaEvidence), as the arbitrator's front end shows them. */
const RULES = {
  title: "A disputed MOA order",
  description:
    "A buyer disputes an order of an Experience Key whose money is still held. Compare the listing's manifest and terms with what was delivered, by the evidence of both sides.",
  question: "Who is right?",
  rulingOptions: {
    type: "single-select",
    titles: ["The buyer", "The seller"],
    descriptions: [
      "The buyer gets its money back and loses the key.",
      "The seller gets the money and the buyer keeps the key.",
    ],
  },
};

/** The rules of a dispute over a label, likewise. */
const LABEL_RULES = {
  title: "A challenged MOA label",
  description:
    "Somebody challenges what a validator says of an Experience. By the evidence, could an honest validator have said so of the version that the label names?",
  question: "Is the label wrong?",
  rulingOptions: {
    type: "single-select",
    titles: ["The label is wrong", "The label stands"],
    descriptions: [
      "The label goes and the validator loses its stake, half of it to the challenger.",
      "The label stays and the challenger's stake is the validator's.",
    ],
  },
};

/** Rules as the contracts publish them: links that need no server. */
export const rulesUri = linkTo(RULES);
export const labelRulesUri = linkTo(LABEL_RULES);

function linkTo(rules: object): string {
  return `data:application/json,${encodeURIComponent(JSON.stringify(rules))}`;
}

/** What a challenge to a label costs, and the most that it takes from a validator: 10 of a token with 6 decimals, as USDC has. */
export const CHALLENGE_STAKE = 10_000_000n;

/** How bonded validators' labels make a listing's status, to begin with. */
export const CONSENSUS = {
  quorum: 3,
  supportBps: 6667,
  disputeBps: 3334,
  minBond: 2n * CHALLENGE_STAKE,
  maxWeight: 20n * CHALLENGE_STAKE,
};
