/** A pricing policy as the parameters that its curve's contract takes. */
import type { Hex } from "viem";
import { curves } from "../../sdk/curves.ts";
import type { Fault } from "../http/validation.ts";
import { formulaOf, readFormula } from "./formula.ts";
import { readPiecewise } from "./piecewise.ts";
import type { Pricing } from "./sources.ts";
import type { Reader, Token } from "./values.ts";

/** Encodes the curve's parameters, or adds what is wrong with them to `faults`. */
export function encodeCurve(pricing: Pricing, token: Token, faults: Fault[]): Hex | undefined {
  const at = "/pricing_policy";
  const reader: Reader = { pricing, token, faults };
  const { curve_type: type, breakpoints } = pricing;
  if (type === "custom_piecewise") {
    const params = readPiecewise(reader, at);
    return params && curves.custom_piecewise.encode(params);
  }
  if (breakpoints !== undefined) {
    faults.push({ pointer: `${at}/breakpoints`, message: "belongs to custom_piecewise" });
  }
  const params = readFormula(reader, at, type, pricing);
  return params && faults.length === 0 ? formulaOf(type).encode(params) : undefined;
}
