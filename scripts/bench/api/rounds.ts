/** Rounds in which all that is compared takes its turn. */

/** How many there are of each measurement. */
export const ROUNDS = 6;

type Measurement = () => Promise<unknown>;
type Results<M> = { [Name in keyof M]: M[Name] extends () => Promise<infer T> ? T[] : never };

/**
 * Runs every measurement once per round, each round in another order, so that none always comes after a certain other. A round before
 * the first warms everything up and does not count.
 */
export async function interleave<const M extends Readonly<Record<string, Measurement>>>(
  measurements: M,
  rounds = ROUNDS,
): Promise<Results<M>> {
  const all = Object.entries(measurements);
  const results = new Map<string, unknown[]>(all.map(([name]) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    const shift = round % all.length;
    for (const [name, measure] of [...all.slice(shift), ...all.slice(0, shift)]) {
      const result = await measure();
      if (round > 0) results.get(name)?.push(result);
    }
  }
  return Object.fromEntries(results) as Results<M>;
}
