/**
 * e^x in fixed point with 18 decimals, bit for bit as the contracts compute it (`CurveMath.sol`): Solady's `expWad`, a rational
 * approximation by Remco Bloemen (MIT). A quote that is made off chain must not differ from the contract's by even one unit.
 */

export const WAD = 10n ** 18n;
/** e^67 is above 2^96: beyond it every price is at its bound. */
export const MAX_EXPONENT = 67n * WAD;

/** ln 2 × 2^96 */
const LN2 = 54916777467707473351141471128n;
const Q = [
  -2855989394907223263936484059900n,
  50020603652535783019961831881945n,
  -533845033583426703283633433725380n,
  3604857256930695427073651918091429n,
  -14423608567350463180887372962807573n,
  26449188498355588339934803723976023n,
] as const;

/** Horner's scheme in 96-bit fixed point: ((x + c0)·x >> 96 + c1)·x >> 96 + … */
function polynomial(x: bigint, [first, ...rest]: readonly [bigint, ...bigint[]]): bigint {
  return rest.reduce((sum, c) => ((sum * x) >> 96n) + c, x + first);
}

/**
 * e^x for x ≥ 0, both with 18 decimals. Beyond e^67 it says e^67.
 *
 * @example
 * growth(10n ** 18n); // 2718281828459045235n
 */
export function growth(x: bigint): bigint {
  const exponent = x < MAX_EXPONENT ? x : MAX_EXPONENT;
  // To base 2: exponent = k·ln 2 + r with |r| ≤ ln 2 / 2, all times 2^96. BigInt division truncates like Solidity's.
  const binary = (exponent << 78n) / 5n ** 18n;
  const k = ((binary << 96n) / LN2 + 2n ** 95n) >> 96n;
  const r = binary - k * LN2;

  const y = polynomial(r, [1346386616545796478920950773328n, 57155421227552351082224309758442n]);
  const p0 =
    (((y + r - 94201549194550492254356042504812n) * y) >> 96n) + 28719021644029726153956944680412240n;
  const p = p0 * r + (4385272521454847904659076985693276n << 96n);
  const q = polynomial(r, Q);
  return ((p / q) * 3822833074963236453042738258902158003155416615667n) >> (195n - k);
}
