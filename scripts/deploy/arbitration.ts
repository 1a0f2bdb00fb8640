/** What the house's court costs, and the rules by which it judges. */
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

/** The rules as `Disputes` publishes them: a link that needs no server. */
export const rulesUri = `data:application/json,${encodeURIComponent(JSON.stringify(RULES))}`;
