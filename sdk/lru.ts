/** A map that forgets what was used least lately once its entries weigh too much. */

export type Lru<V> = { get(key: string): V | undefined; set(key: string, value: V): void };

/** `weigh` and `limit` have the same unit. An entry heavier than the limit is not kept. */
export function createLru<V>({ limit, weigh }: { limit: number; weigh: (value: V) => number }): Lru<V> {
  // A Map keeps the order of insertion: the first entry is the one that was touched longest ago.
  const entries = new Map<string, V>();
  let weight = 0;
  const drop = (key: string) => {
    const value = entries.get(key);
    if (value === undefined) return;
    weight -= weigh(value);
    entries.delete(key);
  };
  return {
    get(key) {
      const value = entries.get(key);
      if (value === undefined) return undefined;
      entries.delete(key);
      entries.set(key, value);
      return value;
    },
    set(key, value) {
      drop(key);
      entries.set(key, value);
      weight += weigh(value);
      for (const oldest of entries.keys()) {
        if (weight <= limit) break;
        drop(oldest);
      }
    },
  };
}
