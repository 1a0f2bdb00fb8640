/** What `npm run bench:api` says of one measurement: a line of JSON. */

export type Row = {
  name: string;
  value: number;
  unit: string;
  /** The peer or the limit of the same run that `value` stands against. */
  against: { what: string; value: number };
  /** Of the two: for peers the median of the rounds' ratios, not the ratio of the medians. */
  ratio: number;
  /** What `ratio` has to be; null for a line that only explains another one. */
  goal: Goal | null;
  ok: boolean;
};

export type Goal = { most: number } | { least: number };

export type Comparison = {
  name: string;
  unit: string;
  /** One figure per round. */
  ours: readonly number[];
  peer: readonly number[];
  what: string;
  goal: Goal | null;
};

/** Ours beside a peer's, round by round: what slows the machine down for a while slows both. */
export function compare({ name, unit, ours, peer, what, goal }: Comparison): Row {
  if (ours.length === 0 || ours.length !== peer.length)
    throw new Error(`"${name}" has ${ours.length} rounds and its peer ${peer.length}.`);
  const ratio = median(ours.map((value, i) => value / (peer[i] as number)));
  return {
    ...{ name, value: round(median(ours)), unit, against: { what, value: round(median(peer)) } },
    ...{ ratio: round(ratio), goal, ok: isMet(goal, ratio) },
  };
}

/** A figure beside a fixed limit. */
export function limited(name: string, value: number, unit: string, limit: number): Row {
  const ratio = value / limit;
  const goal = { most: 1 };
  const against = { what: "limit", value: limit };
  return {
    ...{ name, value: round(value), unit, against, ratio: round(ratio), goal },
    ok: isMet(goal, ratio),
  };
}

function isMet(goal: Goal | null, ratio: number): boolean {
  if (goal === null) return true;
  return "most" in goal ? ratio <= goal.most : ratio >= goal.least;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** By linear interpolation between the two nearest; `values` must not be empty. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * part;
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  if (low === undefined || high === undefined) throw new Error("There is no quantile of nothing.");
  return low + (high - low) * (at - Math.floor(at));
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
