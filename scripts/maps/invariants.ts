/** The laws of the protocol. Tests are named after their numbers (`invariant_1_…`, or "invariant 1" in a title). */
export const invariants: Record<string, string> = {
  "1": "Per token, the exchange holds at least what it owes: all credits; exactly that unless someone donated.",
  "2": "Per order: paid = the seller's part + the fee.",
  "3": "What was paid out never exceeds what was paid in.",
  "4": "A key exists if and only if exactly one order stands behind it.",
  "5": "One payment reference (quote, authorization) creates at most one key.",
  "8": "The fee is never above its compiled maximum.",
  "12": "A curve's price is within its bounds, monotone where its kind says so, equal to an independent model, and 0 only where free.",
  "13": "n keys bought at once cost no more than n bought singly.",
  "14": "The executed price is at most the signed maximum, and the time at most the deadline.",
  "15": "Points minted = the sum of balances; none for a trade with oneself.",
  "22": "A rotation changes no agent's keys, points, credits or listings; afterwards the old key authorises nothing.",
  "23": "Every nonce is used at most once; agent id and EOA are one to one.",
  "26": "The events alone rebuild the state: the indexer's tables equal the contracts' storage.",
};
