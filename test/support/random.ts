/** Random choices that a seed repeats (mulberry32). */
export function createRandom(seed: number) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    /** A whole number from 0 to `below` - 1. */
    int: (below: number) => Math.floor(next() * below),
    /** One of the members; throws when there are none. */
    pick<T>(members: readonly T[]): T {
      if (members.length === 0) throw new RangeError("There is nothing to pick from.");
      return members[Math.floor(next() * members.length)] as T;
    },
    chance: (p: number) => next() < p,
  };
}
