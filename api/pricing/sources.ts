/** Where each parameter of each formula comes from in a pricing policy. */
import type { z } from "zod";
import type { FormulaType, formulas } from "../../sdk/curves.ts";
import type { breakpointSchema, pricingPolicySchema } from "../../sdk/wire/pricing.ts";

export type Pricing = z.output<typeof pricingPolicySchema>;
export type Breakpoint = z.output<typeof breakpointSchema>;
/** The fields that a whole policy and a breakpoint have in common. */
export type Fields = Pick<Breakpoint, "base_price" | "min_price" | "max_price" | "params">;
/** Parameters by their name in the contract. */
export type Params = Record<string, bigint>;

export const prices = ["base_price", "min_price", "max_price"] as const;
export type Price = (typeof prices)[number];

/** Where a parameter comes from. */
export type Source = {
  at: Price | `params/${string}`;
  /** What it is when it was left out. */
  otherwise?: (params: Params, pricing: Pricing) => bigint | undefined;
  /** What to do about it when there is no such thing. */
  advice?: string;
};

const base: Source = { at: "base_price" };
const max: Source = { at: "max_price" };
const none = () => 0n;
const supplyCap = (_: Params, { supply_cap }: Pricing) =>
  supply_cap === undefined ? undefined : BigInt(supply_cap);

/** By the parameter's name in the contract. */
const sources: { [T in FormulaType]: Record<keyof (typeof formulas)[T]["fields"], Source> } = {
  fixed: { price: base },
  linear: {
    base,
    slope: { at: "params/slope", advice: "how much each sale adds" },
    max: { at: "max_price", otherwise: lastStep, advice: "give it, or a supply_cap" },
  },
  exp: { base, k: { at: "params/k", advice: "each sale multiplies the price by e^k" }, max },
  logistic: {
    min: { at: "min_price", otherwise: none },
    max,
    k: { at: "params/k", advice: "how steep the price rises around mid" },
    mid: { at: "params/mid", advice: "the number of sales at which the price is half way" },
  },
  time_decay: {
    base,
    k: { at: "params/k", advice: "each day divides the price by e^k" },
    min: { at: "min_price", otherwise: none },
    start: { at: "params/start", otherwise: salesStart },
  },
  seasonal: {
    base,
    inSeason: { at: "params/in_season_price", advice: "the price in the season" },
    start: { at: "params/start", advice: "when the first season starts" },
    period: { at: "params/period_seconds", advice: "from one season's start to the next" },
    length: { at: "params/season_seconds", advice: "how long a season lasts" },
  },
  quota: {
    base,
    quota: { at: "params/quota", otherwise: supplyCap, advice: "give it, or a supply_cap" },
    max,
  },
};

/** With a cap on the sales a rising price has a last step, and with it a maximum. */
function lastStep({ base, slope }: Params, { supply_cap }: Pricing): bigint | undefined {
  if (base === undefined || slope === undefined || supply_cap === undefined) return undefined;
  return base + slope * BigInt(supply_cap - 1);
}

function salesStart(_: Params, { start_time }: Pricing): bigint {
  return BigInt(Math.floor((start_time === undefined ? Date.now() : Date.parse(start_time)) / 1000));
}

/** A formula's parameters by name, in the contract's order. */
export function sourcesOf(type: FormulaType): [name: string, source: Source][] {
  return Object.entries(sources[type]);
}
