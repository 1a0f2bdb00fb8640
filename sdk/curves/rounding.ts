/** What the curves do to a number at last. */

/** Division rounded up, for what is not negative. */
export function divUp(a: bigint, b: bigint): bigint {
  return (a + b - 1n) / b;
}

/** The number nearest to `value` from `min` to `max`. */
export function clamp(value: bigint, min: bigint, max: bigint): bigint {
  if (value < min) return min;
  if (value > max) return max;
  return value;
}
