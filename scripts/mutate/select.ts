/** Which of all possible faults are seeded: the same for the same sources and the same seed. */
import type { Mutation } from "./mutations.ts";

export type Mutant = Mutation & {
  /** Place in the selection; what `--from` counts. */
  index: number;
  /** Path of the source file. */
  file: string;
  line: number;
  before: string;
  /** Names the fault in words that survive a change elsewhere in the file. */
  key: string;
};

/** Below this many, a file gets what it has. */
const LEAST_PER_FILE = 4;

export function selectMutants(
  candidates: ReadonlyMap<string, { source: Buffer; mutations: readonly Mutation[] }>,
  { count, seed }: { count: number; seed: number },
): Mutant[] {
  const total = [...candidates.values()].reduce((sum, { mutations }) => sum + mutations.length, 0);
  const random = randomFrom(seed);
  const mutants: Mutant[] = [];
  for (const [file, { source, mutations }] of candidates) {
    const share = Math.max(LEAST_PER_FILE, Math.ceil((count * mutations.length) / total));
    for (const mutation of spread(mutations, share, random)) {
      const before = source.subarray(mutation.start, mutation.end).toString("utf8");
      const line = source.subarray(0, mutation.start).toString("utf8").split("\n").length;
      const key = `${file}: ${mutation.where}: ${mutation.operator}: ${squeeze(before)}`;
      mutants.push({ ...mutation, index: mutants.length, file, line, before, key });
    }
  }
  return mutants;
}

/** `count` of them, as many different operators as there are before a second one of any. */
function spread(mutations: readonly Mutation[], count: number, random: () => number): Mutation[] {
  const byOperator = new Map<string, Mutation[]>();
  for (const mutation of shuffled(mutations, random)) {
    const kind = mutation.operator.replace(/^number .*/, "number");
    byOperator.set(kind, [...(byOperator.get(kind) ?? []), mutation]);
  }
  const queues = [...byOperator.values()];
  const chosen: Mutation[] = [];
  for (let round = 0; chosen.length < Math.min(count, mutations.length); round++) {
    for (const queue of queues) {
      const next = queue[round];
      if (next && chosen.length < count) chosen.push(next);
    }
  }
  return chosen.sort((a, b) => a.start - b.start);
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}

/** Mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function squeeze(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= 80 ? line : `${line.slice(0, 77)}…`;
}
