/** Points: the contract counts in hundredths, so that half a point is exact; people and wires read points. */

/** Units of the contract per point. */
export const UNITS_PER_POINT = 100n;

/**
 * Points of some of the contract's units.
 * @example
 * toPoints(250n) // 2.5
 */
export function toPoints(units: bigint): number {
  return Number(units) / Number(UNITS_PER_POINT);
}

/**
 * The contract's units of some points, which have at most two decimals. Throws a RangeError for others.
 * @example
 * fromPoints(2.5) // 250n
 */
export function fromPoints(points: number): bigint {
  const units = BigInt(Math.round(points * Number(UNITS_PER_POINT)));
  if (toPoints(units) !== points) throw new RangeError(`${points} points have more than two decimals.`);
  return units;
}
