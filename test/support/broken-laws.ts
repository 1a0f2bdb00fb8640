/** For every law of the replay, logs that break it: each is a story that the contracts could not have told. */
import { zeroAddress, zeroHash } from "viem";
import type { RawLog } from "../../audit/decode.ts";
import type { LawCode } from "../../audit/laws.ts";
import type { Args, Forger } from "./altered-logs.ts";

const STRANGER = "0x1111111111111111111111111111111111111111";
const REF = `0x${"ab".repeat(32)}` as const;
const DAY = 86_400n;
const paid = ({ sale }: Args) => sale.price > 0n && sale.releaseTime === 0;
const sale = (changes: Args) => (args: Args) => ({ sale: { ...args.sale, ...changes } });
const timeOf = (f: Forger) => f.logs.at(-1)?.time ?? 0n;

/** Each member names the law that is broken, and what is served instead of the truth. */
export const brokenLaws: readonly (readonly [LawCode, string, (f: Forger) => readonly RawLog[]])[] = [
  ["LOG_PLACE", "a log comes twice", (f) => f.logs.flatMap((log, i) => (i === 9 ? [log, log] : [log]))],
  [
    "LOG_SHAPE",
    "a log's data end too early",
    (f) =>
      f.logs.map((log, i) =>
        i === f.logs.findLastIndex(({ data }) => data.length > 200)
          ? { ...log, data: log.data.slice(0, -64) as `0x${string}` }
          : log,
      ),
  ],
  [
    "AGENT_NUMBERS",
    "an agent has another number",
    (f) => f.alter("AgentRegistry:Registered", ({ agentId }) => ({ agentId: agentId + 1000n })),
  ],
  ["AGENT_NUMBERS", "a registration is left out", (f) => f.drop("AgentRegistry:Registered")],
  [
    "EOA_ONE_AGENT",
    "two agents have one EOA",
    (f) => f.alterAll("AgentRegistry:Registered", () => ({ owner: STRANGER })),
  ],
  [
    "ROTATION",
    "an epoch is skipped",
    (f) => f.alter("AgentRegistry:AgentRotated", ({ epoch }) => ({ epoch: epoch + 1 })),
  ],
  [
    "ROTATION",
    "an agent leaves an EOA that it does not have",
    (f) => f.alter("AgentRegistry:AgentRotated", () => ({ from: STRANGER })),
  ],
  [
    "GRANT",
    "an action that there is not is granted",
    (f) =>
      f.alter(
        "AgentRegistry:OperatorGranted",
        () => ({ actions: 2n ** 60n }),
        ({ actions }) => actions !== 0n,
      ),
  ],
  [
    "GRANT",
    "a grant is of another epoch",
    (f) => f.alter("AgentRegistry:OperatorGranted", ({ epoch }) => ({ epoch: epoch + 1 })),
  ],
  [
    "NONCE_ONCE",
    "a nonce is burnt twice",
    (f) =>
      f.append(
        ["AgentRegistry:NonceInvalidated", { owner: STRANGER, nonce: 3n }],
        ["AgentRegistry:NonceInvalidated", { owner: STRANGER, nonce: 3n }],
      ),
  ],
  [
    "NONCE_ONCE",
    "a validator's nonce is burnt twice",
    (f) =>
      f.append(
        ["LabelRegistry:LabelNonceInvalidated", { validatorId: 1n, nonce: 0n }],
        ["LabelRegistry:LabelNonceInvalidated", { validatorId: 1n, nonce: 0n }],
      ),
  ],
  ["RIGHT_TO_ACT", "a stranger lists", (f) => f.alter("Catalog:ListingVersion", () => ({ by: STRANGER }))],
  ["RIGHT_TO_ACT", "a stranger labels", (f) => f.alter("LabelRegistry:Labelled", () => ({ by: STRANGER }))],
  [
    "RIGHT_TO_ACT",
    "a stranger takes a free key",
    (f) =>
      f.alter(
        "Exchange:KeySold",
        sale({ by: STRANGER }),
        ({ sale: s }) => s.price === 0n && s.paymentRef === zeroHash,
      ),
  ],
  [
    "LISTING_NUMBERS",
    "a version is skipped",
    (f) => f.alter("Catalog:ListingVersion", ({ version }) => ({ version: version + 5 })),
  ],
  [
    "LISTING_NUMBERS",
    "a listing changes its seller",
    (f) =>
      f.alter(
        "Catalog:ListingVersion",
        ({ sellerId }) => ({ sellerId: sellerId + 1n }),
        ({ version }) => version === 2,
      ),
  ],
  [
    "LISTING_TERMS",
    "a resale share is too large",
    (f) => f.alter("Catalog:ListingVersion", ({ terms }) => ({ terms: { ...terms, resaleBps: 2000 } })),
  ],
  [
    "LISTING_TERMS",
    "a curve's parameters are out of bounds",
    (f) =>
      f.alter("Catalog:ListingVersion", ({ terms }) => ({
        terms: { ...terms, curveParams: `0x${"ff".repeat(32)}` },
      })),
  ],
  [
    "LISTING_TERMS",
    "a token is not allowed",
    (f) => f.alter("Catalog:ListingVersion", ({ terms }) => ({ terms: { ...terms, token: STRANGER } })),
  ],
  [
    "LISTING_CONTENT",
    "a summary has another hash",
    (f) =>
      f.alter("Catalog:ListingVersion", ({ content }) => ({ content: { ...content, summaryHash: REF } })),
  ],
  [
    "LISTING_STATUS",
    "a status that there is not",
    (f) => f.alter("Catalog:ListingStatus", () => ({ status: 0 })),
  ],
  [
    "LISTING_STATUS",
    "an archived listing comes back",
    (f) =>
      f.append(
        ["Catalog:ListingStatus", { ekId: 1n, status: 3, by: STRANGER }],
        ["Catalog:ListingStatus", { ekId: 1n, status: 1, by: STRANGER }],
      ),
  ],
  [
    "NOT_PAUSED",
    "keys are sold during a pause",
    (f) => f.insertFirst("Exchange:PausedUntil", { until: (f.logs[0]?.time ?? 0n) + 7n * DAY, by: STRANGER }),
  ],
  [
    "PAUSE_BOUNDS",
    "a pause is too long",
    (f) => f.append(["Exchange:PausedUntil", { until: timeOf(f) + 8n * DAY, by: STRANGER }]),
  ],
  [
    "PAUSE_BOUNDS",
    "a pause follows a pause",
    (f) =>
      f.append(
        ["Exchange:PausedUntil", { until: timeOf(f) + DAY, by: STRANGER }],
        ["Exchange:PausedUntil", { until: timeOf(f) + DAY, by: STRANGER }],
      ),
  ],
  ["FEE_CAP", "the fee is above its cap", (f) => f.alter("Exchange:FeeSet", () => ({ feeBps: 501 }))],
  [
    "SOLD_COUNT",
    "a sale's count is another",
    (f) => f.alter("Exchange:KeySold", ({ sale: s }) => ({ sale: { ...s, soldAfter: s.soldAfter + 1 } })),
  ],
  [
    "OPEN_FOR_SALE",
    "a version that is not present is sold",
    (f) => f.alter("Exchange:KeySold", sale({ version: 99 })),
  ],
  [
    "OPEN_FOR_SALE",
    "a paused listing is sold",
    (f) => {
      const { ekId: soldId } = f.read("Exchange:KeySold", f.first("Exchange:KeySold"));
      const paused = ({ ekId, by }: Args) => ({ ekId, status: 2, by });
      return f.insertAfter(
        "Catalog:ListingVersion",
        "Catalog:ListingStatus",
        paused,
        ({ ekId }) => ekId === soldId,
      );
    },
  ],
  [
    "SALE_TERMS",
    "another fee is taken",
    (f) => f.alter("Exchange:KeySold", ({ sale: s }) => ({ sale: { ...s, feeBps: s.feeBps + 1 } })),
  ],
  [
    "SALE_TERMS",
    "another seller is named",
    (f) => f.alter("Exchange:KeySold", ({ sale: s }) => ({ sale: { ...s, sellerId: s.sellerId + 1n } })),
  ],
  [
    "PRICE_IS_CURVE",
    "a price is a unit too high",
    (f) => f.alter("Exchange:KeySold", ({ sale: s }) => ({ sale: { ...s, price: s.price + 1n } }), paid),
  ],
  ["PARTIES", "the payer is no agent", (f) => f.alter("Exchange:KeySold", sale({ payerId: 9999n }))],
  ["PARTIES", "the referrer is no agent", (f) => f.alter("Exchange:KeySold", sale({ referrerId: 9999n }))],
  [
    "PAYMENT_ONCE",
    "one payment buys every key",
    (f) => f.alterAll("Exchange:KeySold", sale({ paymentRef: REF, payer: STRANGER })),
  ],
  ["PAID", "a payment did not come", (f) => f.drop("Token:Transfer", ({ value }) => value > 0n)],
  [
    "PAID",
    "a payment is a unit too small",
    (f) =>
      f.alter(
        "Token:Transfer",
        ({ value }) => ({ value: value - 1n }),
        ({ value }) => value > 1n,
      ),
  ],
  ["KEY_FOR_SALE", "a sale is left out", (f) => f.drop("Exchange:KeySold")],
  [
    "KEY_FOR_SALE",
    "a sale makes no key",
    (f) => f.drop("ExperienceKey:Transfer", ({ from }) => from === zeroAddress),
  ],
  [
    "KEY_ID",
    "a key has another number",
    (f) =>
      f.alter(
        "ExperienceKey:Transfer",
        ({ tokenId }) => ({ tokenId: tokenId + 1n }),
        ({ from }) => from === zeroAddress,
      ),
  ],
  [
    "KEY_OWNER",
    "a key goes to somebody else",
    (f) =>
      f.alter(
        "ExperienceKey:Transfer",
        () => ({ to: STRANGER }),
        ({ from }) => from === zeroAddress,
      ),
  ],
  [
    "KEY_OWNER",
    "a key leaves somebody who does not have it",
    (f) =>
      f.alter(
        "ExperienceKey:Transfer",
        () => ({ from: STRANGER }),
        ({ from }) => from !== zeroAddress,
      ),
  ],
  [
    "KEY_MOVABLE",
    "keys that are locked move",
    (f) => f.alterAll("Catalog:ListingVersion", ({ terms }) => ({ terms: { ...terms, flags: 0 } })),
  ],
  ["KEY_LOCKED", "a key does not say that it is locked", (f) => f.drop("ExperienceKey:Locked")],
  [
    "KEY_TERM",
    "a key ends a second later",
    (f) => f.alter("ExperienceKey:TokenExpiryUpdated", ({ endTime }) => ({ endTime: endTime + 1n })),
  ],
  [
    "KEY_END",
    "a key is burnt without a refund",
    (f) => f.drop("Exchange:OrderStatusChanged", ({ status }) => status === 4),
  ],
  [
    "KEY_END",
    "a refund leaves the key",
    (f) => f.drop("ExperienceKey:Transfer", ({ to }) => to === zeroAddress),
  ],
  [
    "RENTAL",
    "a rental is over before it began",
    (f) =>
      f.alter(
        "ExperienceKey:UpdateUser",
        () => ({ expires: 1n }),
        ({ user }) => user !== zeroAddress,
      ),
  ],
  [
    "RENTAL",
    "a stranger rents",
    (f) =>
      f.alter(
        "ExperienceKey:UpdateUser",
        () => ({ user: STRANGER }),
        ({ user }) => user !== zeroAddress,
      ),
  ],
  ["SPLIT", "a part of a price is left out", (f) => f.drop("Exchange:Credited", ({ share }) => share === 0)],
  [
    "SPLIT",
    "a part is a unit too large",
    (f) =>
      f.alter(
        "Exchange:Credited",
        ({ amount }) => ({ amount: amount + 1n }),
        ({ share }) => share === 0,
      ),
  ],
  [
    "SPLIT",
    "a part goes to somebody else",
    (f) =>
      f.alter(
        "Exchange:Credited",
        ({ agentId }) => ({ agentId: agentId + 1n }),
        ({ share }) => share === 0,
      ),
  ],
  ["SPLIT", "a credit comes without a sale", (f) => f.repeat("Exchange:Credited")],
  [
    "CREDIT",
    "a credit does not add up",
    (f) => f.alter("Exchange:Credited", ({ creditAfter }) => ({ creditAfter: creditAfter + 1n })),
  ],
  [
    "CREDIT",
    "a withdrawal goes to a stranger",
    (f) => f.alter("Exchange:Withdrawn", () => ({ to: STRANGER, by: STRANGER })),
  ],
  [
    "BOUNTY",
    "a pot does not add up",
    (f) => f.alter("Exchange:BountyFunded", ({ bountyAfter }) => ({ bountyAfter: bountyAfter + 1n })),
  ],
  [
    "ORDER_MOVES",
    "a stranger ends an order",
    (f) =>
      f.alter(
        "Exchange:OrderStatusChanged",
        () => ({ by: STRANGER }),
        ({ status }) => status === 4,
      ),
  ],
  [
    "ORDER_MOVES",
    "an order ends twice",
    (f) => f.repeat("Exchange:OrderStatusChanged", ({ status }) => status === 3),
  ],
  ["ORDER_ACCESS", "a first use comes twice", (f) => f.repeat("Exchange:OrderAccessed")],
  [
    "RENEWAL",
    "a renewal is for longer than a term",
    (f) => f.alter("Exchange:KeyRenewed", ({ expiry }) => ({ expiry: expiry + 1 })),
  ],
  ["RENEWAL", "a renewal is left out", (f) => f.drop("Exchange:KeyRenewed")],
  [
    "POINTS_AWARD",
    "an award is a unit too large",
    (f) => f.alter("PointsLedger:PointsAwarded", ({ buyerDelta }) => ({ buyerDelta: buyerDelta + 1n })),
  ],
  ["POINTS_AWARD", "an award is left out", (f) => f.drop("PointsLedger:PointsAwarded")],
  ["POINTS_AWARD", "an award comes without an order", (f) => f.repeat("PointsLedger:PointsAwarded")],
  [
    "POINTS_AWARD",
    "what was withheld has another reason",
    (f) => f.alter("PointsLedger:PointsWithheld", ({ reasons }) => ({ reasons: reasons ^ 8 })),
  ],
  [
    "POINTS_SPENT",
    "more points are spent than the key costs",
    (f) => f.alter("PointsLedger:PointsSpent", ({ amount }) => ({ amount: amount + 1n })),
  ],
  [
    "POINTS_POLICY",
    "the policy awards too much",
    (f) => f.alter("PointsLedger:PolicySet", ({ policy }) => ({ policy: { ...policy, sellerAward: 11 } })),
  ],
  [
    "LABEL_RULES",
    "a score is above 100",
    (f) =>
      f.alter("LabelRegistry:Labelled", ({ input }) => ({
        input: { ...input, scores: { ...input.scores, safety: 101 } },
      })),
  ],
  [
    "LABEL_RULES",
    "a version that there is not is labelled",
    (f) => f.alter("LabelRegistry:Labelled", ({ input }) => ({ input: { ...input, version: 77 } })),
  ],
  [
    "LABEL_REVISION",
    "a revision is skipped",
    (f) => f.alter("LabelRegistry:Labelled", ({ revision }) => ({ revision: revision + 1 })),
  ],
  ["LABEL_FROZEN", "a challenged label is withdrawn", withdrawnInDispute],
  [
    "LABEL_SUMS",
    "a sum counts a label too many",
    (f) =>
      f.alter("LabelRegistry:Labelled", ({ aggregate }) => ({
        aggregate: { ...aggregate, count: aggregate.count + 1 },
      })),
  ],
  [
    "LABEL_ENDORSED",
    "nobody's label endorses",
    (f) => f.append(["LabelRegistry:Endorsed", { ekId: 1n, validatorId: 9999n }]),
  ],
  ["LABEL_CHALLENGED", "a challenge freezes nothing", (f) => f.drop("LabelRegistry:LabelDisputed")],
  ["LABEL_CHALLENGED", "a label falls without a challenge", (f) => f.repeat("LabelRegistry:LabelStruck")],
  [
    "BOND_MOVES",
    "a bond may leave a second later",
    (f) => f.alter("ValidatorBonds:BondChanged", ({ unbondedAt }) => ({ unbondedAt: unbondedAt + 1 })),
  ],
  [
    "BOND_MOVES",
    "a bond changes by no way that there is",
    (f) => f.append(["ValidatorBonds:BondChanged", bondOf(f, 1n)]),
  ],
  [
    "BOND_CREDIT",
    "more fees are withdrawn than there are",
    (f) => f.alter("ValidatorBonds:FeesWithdrawn", ({ amount }) => ({ amount: amount + 1n })),
  ],
  [
    "BOND_CREDIT",
    "a closed challenge's credit does not add up",
    (f) =>
      f.alter("ValidatorBonds:ChallengeClosed", ({ challengerCredit }) => ({
        challengerCredit: challengerCredit + 1n,
      })),
  ],
  [
    "CHALLENGE_NUMBERS",
    "a challenge is skipped",
    (f) => f.alter("ValidatorBonds:Challenged", ({ challengeId }) => ({ challengeId: challengeId + 5n })),
  ],
  [
    "CHALLENGE_MOVES",
    "an answer may come a second later",
    (f) => f.alter("ValidatorBonds:Challenged", ({ deadline }) => ({ deadline: deadline + 1 })),
  ],
  ["CHALLENGE_MOVES", "an answer comes twice", (f) => f.repeat("ValidatorBonds:Answered")],
  [
    "CHALLENGE_PAY",
    "a reward is a unit too large",
    (f) => f.alter("ValidatorBonds:ChallengeClosed", ({ reward }) => ({ reward: reward + 1n })),
  ],
  [
    "CHALLENGE_PAY",
    "less is at stake",
    (f) => f.alter("ValidatorBonds:Challenged", ({ atStake }) => ({ atStake: atStake - 1n })),
  ],
  ["CHALLENGE_PAY", "fees go to a stranger", feesToStranger],
  [
    "SEAT",
    "a validator takes another seat",
    (f) => f.alter("Consensus:Seated", ({ index }) => ({ index: index + 1n })),
  ],
  [
    "SEAT",
    "a validator without a label sits",
    (f) => f.append(["Consensus:Seated", { ekId: 1n, validatorId: 9999n, index: 0n, displacedId: 0n }]),
  ],
  [
    "CONSENSUS_POLICY",
    "a quorum of one",
    (f) => f.alter("Consensus:PolicySet", ({ policy }) => ({ policy: { ...policy, quorum: 1 } })),
  ],
  [
    "BOUNTY_SHARED",
    "a bounty that there is not is shared",
    (f) => f.append(["Consensus:BountyShared", { ekId: 1n, token: STRANGER, agentIds: [9999n], each: 5n }]),
  ],
  [
    "DISPUTE_MOVES",
    "an answer may come a second later",
    (f) => f.alter("Disputes:DisputeOpened", ({ answerBy }) => ({ answerBy: answerBy + 1n })),
  ],
  [
    "DISPUTE_MOVES",
    "a dispute ends by a stranger",
    (f) =>
      f.alter(
        "Disputes:DisputeClosed",
        () => ({ by: STRANGER }),
        ({ outcome }) => outcome === 3 || outcome === 4,
      ),
  ],
  [
    "DISPUTE_PAY",
    "a buyer gets more back",
    (f) => f.alter("Disputes:DisputeClosed", ({ toBuyer }) => ({ toBuyer: toBuyer + 1n })),
  ],
  [
    "DISPUTE_PAY",
    "a credit does not add up",
    (f) => f.alter("Disputes:Credited", ({ creditAfter }) => ({ creditAfter: creditAfter + 1n })),
  ],
  [
    "COURT_NUMBERS",
    "a case is skipped",
    (f) => f.alter("HouseArbitrator:CaseOpened", ({ disputeID }) => ({ disputeID: disputeID + 5n })),
  ],
  [
    "COURT_MOVES",
    "an appeal may come a second later",
    (f) => f.alter("HouseArbitrator:RulingGiven", ({ appealBy }) => ({ appealBy: appealBy + 1n })),
  ],
  [
    "COURT_MOVES",
    "a ruling that was not to choose",
    (f) => f.alter("HouseArbitrator:RulingGiven", () => ({ ruling: 77n })),
  ],
  [
    "COURT_PAY",
    "a court earns more than its fee",
    (f) => f.alter("HouseArbitrator:FeeEarned", ({ amount }) => ({ amount: amount + 1n })),
  ],
  [
    "CARD_ONCE",
    "a charge pays for two keys",
    (f) => f.alterAll("CardIssuer:ChargeIssued", () => ({ chargeId: REF })),
  ],
  ["CARD_ONCE", "a card's sale has no charge", (f) => f.drop("CardIssuer:ChargeIssued")],
  ["CARD_CAP", "card sales pass the cap", (f) => f.alterAll("CardIssuer:DailyCapSet", () => ({ cap: 0n }))],
  [
    "RECEIPT_ONCE",
    "a receipt is used twice",
    (f) =>
      f.append(
        ["Tills:ReceiptUsed", { quoteHash: REF, blockNumber: 1n, txIndex: 0n, logIndex: 0n }],
        ["Tills:ReceiptUsed", { quoteHash: REF, blockNumber: 1n, txIndex: 0n, logIndex: 0n }],
      ),
  ],
  [
    "ANCHOR",
    "a day is anchored before it comes",
    (f) =>
      f.append([
        "ReceiptAnchor:ReceiptsAnchored",
        { agentId: 1n, gatewayId: REF, day: Number(timeOf(f) / DAY) + 1, root: REF, count: 1n, by: STRANGER },
      ]),
  ],
  [
    "ANCHOR",
    "a root without receipts",
    (f) =>
      f.append([
        "ReceiptAnchor:ReceiptsAnchored",
        { agentId: 1n, gatewayId: REF, day: 1, root: REF, count: 0n, by: STRANGER },
      ]),
  ],
  ["SETTING", "cards hold nothing", (f) => f.append(["CardIssuer:HoldSet", { hold: 0 }])],
  [
    "SETTING",
    "a court earns for nobody",
    (f) => f.alter("HouseArbitrator:PayeeSet", () => ({ agentId: 9999n })),
  ],
];

/** A withdrawal right after the challenge that froze the label. */
function withdrawnInDispute(f: Forger): readonly RawLog[] {
  const aggregate = { count: 0, authenticity: 0, utility: 0, reproducibility: 0, freshness: 0, safety: 0 };
  return f.insertAfter(
    "LabelRegistry:LabelDisputed",
    "LabelRegistry:LabelWithdrawn",
    (args) => ({ ...args, aggregate, by: STRANGER }),
    isLiveRevision(f),
  );
}

/** Whether the revision that is challenged is the last one of its label before that. */
function isLiveRevision(f: Forger) {
  return ({ ekId, validatorId, revision }: Args) => {
    const disputed = f.first(
      "LabelRegistry:LabelDisputed",
      (d) => d.ekId === ekId && d.validatorId === validatorId && d.revision === revision,
    );
    const before = f.logs.slice(0, f.logs.indexOf(disputed));
    const said = before.flatMap((log) => {
      const isLabel = ["LabelRegistry:Labelled", "LabelRegistry:LabelWithdrawn"].find((event) =>
        f.isA(event)(log),
      );
      return isLabel ? [{ event: isLabel, args: f.read(isLabel, log) }] : [];
    });
    const last = said.findLast(({ args }) => args.ekId === ekId && args.validatorId === validatorId);
    return last?.event === "LabelRegistry:Labelled" && last.args.revision === revision;
  };
}

/** Fees of a closed challenge, credited to somebody else: all of its transaction's. */
function feesToStranger(f: Forger): readonly RawLog[] {
  const withFees = f.logs.find(
    (log) =>
      f.isA("ValidatorBonds:ChallengeClosed")(log) &&
      f.logs.some((other) => other.tx === log.tx && f.isA("ValidatorBonds:FeesCredited")(other)),
  );
  const fee = f.logs.find((log) => log.tx === withFees?.tx && f.isA("ValidatorBonds:FeesCredited")(log));
  if (!fee) throw new Error("The story has no challenge that was closed with a fee.");
  const account = f.read("ValidatorBonds:FeesCredited", fee);
  return f.alter(
    "ValidatorBonds:FeesCredited",
    () => ({ account: STRANGER }),
    (args) => args.account === account.account && args.credit === account.credit,
  );
}

/** A first bond, grown and on its way out at once. */
function bondOf(f: Forger, less: bigint): Args {
  const args = f.read("ValidatorBonds:BondChanged", f.first("ValidatorBonds:BondChanged"));
  return { ...args, bonded: args.bonded + 7n, unbonding: args.unbonding + less };
}
