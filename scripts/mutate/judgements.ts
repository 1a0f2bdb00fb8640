/** Why a fault that no test notices is none, by its key in the results; or what is to be done about it. */
export const judgements: Record<string, string> = {
  "contracts/Disputes.sol: answer: > to >=: >": "none: what the difference of equal fees is, is 0 either way",
  "contracts/KeyAccess.sol: accessOf: number + 1: 0":
    "none: there is no key with the number 0, and what is read for it further down is empty too",
  "contracts/ValidatorBonds.sol: _slash: < to <=: <": "none: of two equal amounts either is the smaller",
  "contracts/curves/ExponentialPrice.sol: _price: swap arguments: max, FixedPointMathLib.divUp(base * growth, CurveMath.WAD)":
    "none: a minimum does not depend on the order",
  "contracts/curves/SeasonalPrice.sol: _price: - to +: -":
    "was a gap: all seasons of the unit tests began at a multiple of the period; one that does not was added since",
  "contracts/curves/TimeDecayPrice.sol: _price: <= to <: <=":
    "none: at that very second the formula gives the same price, since nothing has decayed yet",
  "contracts/libraries/CurveMath.sol: growth: swap arguments: x, MAX_EXPONENT":
    "none: a minimum does not depend on the order",
};
