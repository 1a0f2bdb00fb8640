/**
 * How reputation is computed, in whole numbers alone: any language gets the same. docs/REPUTATION.md explains it, and
 * docs/reputation-vectors.json has cases to check an implementation against.
 *
 * A component's value is in basis points (0 to 10,000), its weight in points; what it adds to the score is in hundredths of a point.
 * Amounts must stay below 2^39, as they are multiplied by 10,000 in doubles; one of 2^39 thousandths is 275 million buyers.
 */

/** Changes with every change of a rule, a weight or a constant. */
export const REPUTATION_VERSION = "moa-rep-1";

export const BPS = 10_000;
/** What the first of its kind weighs: facts that are weighed are in thousandths. */
export const UNIT = 1_000;

/** Where a component's facts are from: anybody can read the first off the chain; gateways sign the second. */
export type Source = "chain" | "receipts" | "reviews";

export type Component = {
  name: string;
  source: Source;
  /** In points; negative for a penalty. */
  weight: number;
  /** In basis points. */
  value: number;
  /** In hundredths of a point; of the sign of `weight`. */
  contribution: number;
};

/** A score with what it is made of. `chainScore` is what remains of it when only the chain is believed. */
export type Reputation = { version: string; score: number; chainScore: number; components: Component[] };

/**
 * What `count` things of the same kind weigh together: each half of the one before, and never 2,000 in all.
 * @example
 * repeated(1) // 1000
 * repeated(2) // 1500
 * repeated(1_000) // 2000
 */
export function repeated(count: number): number {
  return 2 * UNIT - Math.floor((2 * UNIT) / 2 ** Math.min(count, 11));
}

/** What the thing number `count` adds to {@link repeated}. */
export function nth(count: number): number {
  return repeated(count) - repeated(count - 1);
}

/** Basis points that grow with `amount` ever more slowly: half of all at `half`. */
export function saturation(amount: number, half: number): number {
  return Math.floor((BPS * amount) / (amount + half));
}

/** Basis points that `part` is of `whole`, at most all; none of nothing. */
export function share(part: number, whole: number): number {
  return whole <= 0 ? 0 : Math.min(BPS, Math.floor((BPS * part) / whole));
}

export function component(name: string, source: Source, weight: number, value: number): Component {
  const contribution = Math.sign(weight) * Math.floor((Math.abs(weight) * value) / 100);
  return { name, source, weight, value, contribution: contribution || 0 };
}

/** Whole points between 0 and 100, rounded down. */
export function total(components: Component[]): Reputation {
  const points = (of: readonly Component[]) =>
    Math.min(
      100,
      Math.floor(
        Math.max(
          0,
          of.reduce((sum, { contribution }) => sum + contribution, 0),
        ) / 100,
      ),
    );
  return {
    version: REPUTATION_VERSION,
    score: points(components),
    chainScore: points(components.filter(({ source }) => source === "chain")),
    components,
  };
}
