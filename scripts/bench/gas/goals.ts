/**
 * What each work may cost. The floors are the least that any contract could spend on it with the same token: transaction, storage, events
 * and calldata, nothing else; measured and itemised before the exchange was written.
 */
export type Row = {
  name: string;
  /** What was measured; `gas` repeats it where it is gas. */
  value: number;
  unit: "gas";
  gas: number;
  /** The least possible, where it is known. */
  floor: number | null;
  /** What `value` is divided by: floor, peer or plain limit. */
  against: { what: string; value: number };
  ratio: number;
  /** The most that `ratio` may be. */
  goal: number;
  ok: boolean;
};

type Goal = { floor?: number; against?: { what: string; value: number }; goal: number };

/** By the names of the works. `floor` is what is compared with unless `against` says otherwise. */
export const goals: Record<string, Goal> = {
  "buy repeat": { floor: 90_443, goal: 1.25 },
  "buy new": { floor: 107_543, goal: 1.25 },
  "buy escrow repeat": { floor: 90_443, goal: 1.5 },
  "claim repeat": { floor: 57_944, goal: 1.6 },
  till: { against: { what: "limit", value: 190_000 }, goal: 1 },
  "authorization repeat": { floor: 125_545, goal: 1.25 },
  label: { floor: 56_620, goal: 1.35 },
  /** The bytes of the summary come on top of the floor's 1.5-fold. */
  list: { floor: 68_213, goal: 1.5 },
  "batch, same listing, per key": { floor: 27_150, goal: 1.25 },
  "batch, distinct listings, per key": { floor: 32_242, goal: 1.25 },
  /** A purchase along the curve less one at a fixed price. */
  "custom_piecewise of 100 steps above fixed": { against: { what: "limit", value: 5_000 }, goal: 1 },
  /** Inside the curve's contract, less what the linear one uses there: reading three parameters and answering. */
  "exp above linear": { against: { what: "limit", value: 450 }, goal: 1 },
  "logistic above linear": { against: { what: "limit", value: 500 }, goal: 1 },
};

/** Our work against a peer's, in the same run. */
export const peerGoals: readonly { name: string; peer: string; goal: number }[] = [
  { name: "buy escrow repeat", peer: "Unlock purchase repeat", goal: 0.41 },
  { name: "label", peer: "EAS attest", goal: 0.35 },
];

/** The measured figure beside its goal. */
export function rowOf(name: string, gas: number, more: { allowance?: number } = {}): Row {
  const goal = goals[name];
  if (!goal) throw new Error(`No goal is set for "${name}".`);
  const against = goal.against ?? { what: "floor", value: goal.floor as number };
  const allowed = goal.goal + (more.allowance ?? 0) / against.value;
  return finish({ name, gas, floor: goal.floor ?? null, against, goal: round(allowed) });
}

/** The row of a comparison that is in no table. */
export function finish(row: Pick<Row, "name" | "gas" | "floor" | "against" | "goal">): Row {
  const ratio = row.gas / row.against.value;
  return { ...row, value: row.gas, unit: "gas", ratio: round(ratio), ok: ratio <= row.goal };
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
