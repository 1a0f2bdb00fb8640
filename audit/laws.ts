/** What the auditor asks of a chain and of whoever speaks for it. Each member is a law by its code: reports name it, tests violate it. */

/** In which part of the audit a law is asked. */
export type Phase = "trust" | "logs" | "replay" | "storage" | "api" | "database";
export type Law = { phase: Phase; title: string };

const phase = <const T extends Record<string, string>>(name: Phase, titles: T): { [code in keyof T]: Law } =>
  Object.fromEntries(Object.entries(titles).map(([code, title]) => [code, { phase: name, title }])) as never;

const trust = phase("trust", {
  CHAIN_ID: "the node is on the deployment's chain",
  START_BLOCK: "the deployment's first block has the hash that the deployment names",
  CODE: "each contract's code is what this version of the repository builds",
});

const logs = phase("logs", {
  LOG_PLACE: "logs come in the order of the chain, each once, within what was asked for",
  LOG_BLOCK: "a log's block is the one that the chain has at that number",
  LOG_SHAPE: "every log of ours is an event that the contract can emit",
  HEADER_HASH: "a block's header hashes to the block's hash, and names its parent's",
  RECEIPTS_ROOT: "a block's receipts are those that its header commits to",
  LOG_MISSING: "every log that the block's receipts hold was served",
  LOG_ALTERED: "a log that was served is what the block's receipts hold",
  LOG_INVENTED: "no log was served that the block's receipts do not hold",
});

const replay = phase("replay", {
  AGENT_NUMBERS: "agents are numbered without a gap",
  EOA_ONE_AGENT: "an EOA belongs to one agent, for ever",
  ROTATION: "a rotation moves an agent from its present EOA, counted without a gap",
  ROTATION_CONSENT: "both EOAs agreed to a rotation",
  GRANT: "a grant names known actions, another account than the agent's own, and an end ahead",
  NONCE_ONCE: "a signing nonce is burnt once",
  RIGHT_TO_ACT: "who acted for an agent was its EOA, or an operator with a live grant for that action",
  LISTING_NUMBERS: "listings and their versions are numbered without a gap, and keep their seller",
  LISTING_TERMS: "a version's terms are within the catalogue's bounds",
  LISTING_CONTENT: "a summary's hash is that of its bytes, and the manifest's hash is there",
  LISTING_STATUS: "a listing's status moves along the allowed ways",
  NOT_PAUSED: "nothing is listed or sold during a pause",
  PAUSE_BOUNDS: "a pause lasts seven days at most, and the next one waits as long",
  FEE_CAP: "the exchange's fee is at most 5 %, and an agent earns it",
  SOLD_COUNT: "a listing's sold keys are counted without a gap, within its cap",
  OPEN_FOR_SALE: "a key is sold on the present version, while the listing is open",
  SALE_TERMS: "seller, token, end, escrow and fee of a sale are those of the version and the moment",
  PRICE_IS_CURVE: "a price is what the version's curve asks at that count and time",
  PARTIES: "buyer, payer and referrer of a sale are agents",
  PAYMENT_ONCE: "one payment buys one key",
  PAID: "the exchange and the bonds were paid what they booked, and paid out no more",
  KEY_FOR_SALE: "every key comes from a sale, and every sale makes its key",
  KEY_ID: "a key's id names its listing, its first buyer and its number, without a gap",
  KEY_OWNER: "the keys' log names the EOAs of the agents that hold them",
  KEY_MOVABLE: "only transferable keys whose money is settled, and that nobody rents, change their holder",
  KEY_LOCKED: "a key says that it is locked when its version does not let it move",
  KEY_TERM: "a key ends when its sale or renewal says",
  KEY_END: "a key is burnt for a refund or a card's charge-back only",
  RENTAL: "only lendable keys are rented out, to other agents, within the key's life",
  SPLIT: "a price is split to the last unit: fee, bounty, royalties, referral, seller",
  CREDIT:
    "a credit after an event is the one before it and the amount; withdrawals take all of it, to its owner",
  BOUNTY: "a bounty pot is what was paid in and not shared out",
  ORDER_MOVES: "an order ends once, by who may end it, at its time",
  ORDER_ACCESS: "a first use is recorded once, while the order is held",
  RENEWAL: "a renewal is of a present, limited key, for one more term, at the present price",
  POINTS_AWARD: "every completed order earns what the policy says, no more and no less",
  POINTS_SPENT: "points are spent on keys that are sold for points, at that price",
  POINTS_POLICY: "the points' policy is within its bounds",
  LABEL_RULES:
    "a label is of a known version, by another agent than the seller, who may label, within its bounds",
  LABEL_REVISION: "a validator's revisions of a label are numbered without a gap",
  LABEL_FROZEN: "a challenged label is not touched",
  LABEL_SUMS: "a listing's sums are those of its live labels, one per validator",
  LABEL_ENDORSED: "an endorsement rests on a live, unchallenged, good label of a bonded validator",
  LABEL_CHALLENGED: "a label is frozen, upheld and struck by challenges alone, within their window",
  BOND_MOVES: "a bond grows by payment, leaves after its delay, and shrinks by a lost challenge",
  BOND_CREDIT: "what validators and challengers can withdraw adds up",
  CHALLENGE_NUMBERS: "challenges are numbered without a gap, one open per label",
  CHALLENGE_MOVES: "a challenge moves along the allowed ways, in its time",
  CHALLENGE_PAY: "a closed challenge pays stakes, rewards and fees to those whom the outcome names",
  SEAT: "a seat goes to a bonded, independent validator with a live label, in the place that the rule gives",
  CONSENSUS_POLICY: "the consensus' policy is within its bounds",
  BOUNTY_SHARED: "a bounty is shared equally among those whose seat has counted long enough",
  DISPUTE_MOVES: "a dispute is of a held order, by its parties, and moves along the allowed ways in its time",
  DISPUTE_PAY: "a dispute's fees and its order's money go to those whom the outcome names",
  COURT_NUMBERS: "the house's cases are numbered without a gap",
  COURT_MOVES: "a case moves along the allowed ways, in its time",
  COURT_PAY: "a court's fee is earned by a ruling or goes back, and what it earned adds up",
  CARD_ONCE: "a card's charge buys one key, at the price of its sale, and is taken back once",
  CARD_CAP: "card sales stay within the day's cap",
  RECEIPT_ONCE: "a transfer's receipt is used once",
  ANCHOR: "a gateway's day is anchored once, not ahead of time, with a root exactly where there are receipts",
  SETTING: "what administrators set is within the bounds of the contracts",
});

const storage = phase("storage", {
  STORED: "the chain's storage at the last block is what its events add up to",
  SOLVENT: "a contract holds at least what it owes, and exactly that but for donations",
});

const api = phase("api", {
  API_ROW: "a row that the API serves is what the chain's events say",
  API_MISSING: "the API serves every row that the chain's events make",
  API_INVENTED: "the API serves no row that no event made",
});

const database = phase("database", {
  DB_ROW: "a row of the index is what the chain's events say",
  DB_MISSING: "the index has every row that the chain's events make",
  DB_INVENTED: "the index has no row that no event made",
});

export const laws = { ...trust, ...logs, ...replay, ...storage, ...api, ...database };
export type LawCode = keyof typeof laws;
export const lawCodes = Object.keys(laws) as LawCode[];
