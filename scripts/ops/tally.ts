/** What came of many requests, by kind. */

export type Tally = {
  /** Counts what `work` answers, with its time; anything but `status` is a failure. Never rejects. */
  ask(kind: string, status: number, work: () => Promise<{ status: number; body: unknown }>): Promise<void>;
  fail(kind: string, why: string): void;
  failures(): number;
  /** One for each kind. */
  lines(): string[];
};

type Kind = { times: number[]; failures: string[] };

/** Failures that are shown. */
const SHOWN = 5;

export function createTally(): Tally {
  const kinds = new Map<string, Kind>();
  const of = (name: string): Kind => {
    const kind = kinds.get(name) ?? { times: [], failures: [] };
    kinds.set(name, kind);
    return kind;
  };
  return {
    async ask(name, status, work) {
      const started = performance.now();
      const kind = of(name);
      try {
        const answer = await work();
        if (answer.status !== status) kind.failures.push(`${answer.status} ${JSON.stringify(answer.body)}`);
      } catch (error) {
        const cause =
          error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
        kind.failures.push(`${error}${cause}`);
      }
      kind.times.push(performance.now() - started);
    },
    fail: (name, why) => void of(name).failures.push(why),
    failures: () => [...kinds.values()].reduce((sum, { failures }) => sum + failures.length, 0),
    lines: () =>
      [...kinds].flatMap(([name, { times, failures }]) => [
        `${name.padEnd(9)} ${times.length} asked, ${failures.length} failed, p50 ${at(times, 0.5)} ms, p99 ${at(times, 0.99)} ms`,
        ...failures.slice(0, SHOWN).map((why) => `          ${why.slice(0, 300)}`),
      ]),
  };
}

function at(times: readonly number[], part: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0);
}
