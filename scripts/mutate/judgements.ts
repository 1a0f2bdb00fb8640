/** Why a fault that no test notices is none, by its key in the results; or what is to be done about it. */
export const judgements: Record<string, string> = {
  "contracts/Disputes.sol: answer: > to >=: >": "none: what the difference of equal fees is, is 0 either way",
  "contracts/KeyAccess.sol: accessOf: number + 1: 0":
    "none: there is no key with the number 0, and what is read for it further down is empty too",
  "contracts/ValidatorBonds.sol: _slash: < to <=: <": "none: of two equal amounts either is the smaller",
  "contracts/curves/ExponentialPrice.sol: _price: swap arguments: max, FixedPointMathLib.divUp(base * growth, CurveMath.WAD)":
    "none: a minimum does not depend on the order",
};
