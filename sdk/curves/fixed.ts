/** Every key costs the same. */
import { checkAtMost, MAX_AMOUNT } from "./bounds.ts";
import { formulaCurve } from "./curve.ts";

export const fixed = formulaCurve({
  title: "Fixed price",
  formula: "price",
  contract: "FixedPrice",
  fields: { price: "amount" },
  check: ({ price }) => checkAtMost("price", price, MAX_AMOUNT),
  bounds: ({ price }) => ({ min: price, max: price }),
  price: (_at, { price }) => price,
});
