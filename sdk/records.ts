/** Whatever we expect many of is a record: API and web render it without knowing its members. */

/** One bit of an on-chain set, with the words that people and wires use for it. */
export type Bit = { bit: number; title: string; meaning: string };

/** Label types, by the bit that `LabelRegistry` stores. */
export const labels = {
  "verified-real": { bit: 0, title: "Verified-Real", meaning: "authentic data or work" },
  reproducible: { bit: 1, title: "Reproducible", meaning: "the result can be had again" },
  "high-utility": { bit: 2, title: "High-Utility", meaning: "it saves real work" },
  "needs-context": { bit: 3, title: "Needs-Context", meaning: "usable only with more explanation" },
  "low-quality": { bit: 4, title: "Low-Quality", meaning: "below what its summary promises" },
  "suspected-fraud": { bit: 5, title: "Suspected-Fraud", meaning: "probably not what it says it is" },
  outdated: { bit: 6, title: "Outdated", meaning: "past its time" },
  "policy-risk": { bit: 7, title: "Policy-Risk", meaning: "licence, personal data or rules at risk" },
} as const satisfies Record<string, Bit>;

/** What a key lets its holder do, by the bit in `Scopes`. */
export const scopes = {
  read: { bit: 0, title: "Read", meaning: "fetch the items" },
  download: { bit: 1, title: "Download", meaning: "keep a copy" },
  execute: { bit: 2, title: "Execute", meaning: "run it at the seller's gateway" },
  quote: { bit: 3, title: "Quote", meaning: "cite it in own work" },
  derive: { bit: 4, title: "Derive", meaning: "build on it and sell the result" },
} as const satisfies Record<string, Bit>;

/** What an operator may be granted, by the bit in `Actions`. None of them moves an agent's money. */
export const actions = {
  list: { bit: 0, title: "List", meaning: "create, re-version, pause and resume listings" },
  label: { bit: 1, title: "Label", meaning: "publish labels" },
  claim: { bit: 2, title: "Claim", meaning: "take keys of free listings" },
  "spend-points": { bit: 3, title: "Spend points", meaning: "spend points" },
  anchor: { bit: 4, title: "Anchor", meaning: "anchor the receipts of gateways" },
} as const satisfies Record<string, Bit>;

/** Switches of a listing's version, by the bit in `Flags`. */
export const flags = {
  transferable: { bit: 0, title: "Transferable", meaning: "keys may move between agents" },
  "restricted-validators": {
    bit: 1,
    title: "Restricted validators",
    meaning: "only listed validators may label",
  },
  lendable: { bit: 2, title: "Lendable", meaning: "keys may be lent to other agents for a time" },
} as const satisfies Record<string, Bit>;

/** Why an order earned fewer points than the policy's award, by the bit in `PointsReasons`. */
export const pointsReasons = {
  "self-trade": { bit: 0, title: "Self-trade", meaning: "seller and buyer are one agent" },
  "paid-by-seller": { bit: 1, title: "Paid by seller", meaning: "the seller's agent paid" },
  linked: { bit: 2, title: "Linked", meaning: "one is or was the other's operator" },
  "pair-cap": { bit: 3, title: "Pair's cap", meaning: "the two have traded enough today" },
  "seller-cap": { bit: 4, title: "Seller's cap", meaning: "the seller has earned enough today" },
  "buyer-cap": { bit: 5, title: "Buyer's cap", meaning: "the buyer has earned enough today" },
  unendorsed: { bit: 6, title: "Unendorsed", meaning: "sold often, but no validator vouches for it" },
} as const satisfies Record<string, Bit>;
/** Until when a buyer may take its money back by itself, by the number in `ICatalog.RefundTerms`. */
export const refundTerms = ["none", "until_access", "full"] as const;
export type RefundTerms = (typeof refundTerms)[number];

/** The five scores of a label, in the order of the contract. */
export const scoreNames = ["authenticity", "utility", "reproducibility", "freshness", "safety"] as const;

export type LabelName = keyof typeof labels;
export type ScopeName = keyof typeof scopes;
export type ActionName = keyof typeof actions;
export type FlagName = keyof typeof flags;
export type ScoreName = (typeof scoreNames)[number];

/** The bit set of some members of a record. */
export function toBits<R extends Record<string, Bit>>(record: R, names: readonly (keyof R)[]): number {
  let bits = 0;
  for (const name of names) bits |= 1 << (record[name] as Bit).bit;
  return bits;
}

/** The members of a record that a bit set holds, in the record's order. */
export function fromBits<R extends Record<string, Bit>>(
  record: R,
  bits: number | bigint,
): (keyof R & string)[] {
  const set = Number(bits);
  return Object.entries(record)
    .filter(([, { bit }]) => (set & (1 << bit)) !== 0)
    .map(([name]) => name);
}
