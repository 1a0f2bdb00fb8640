/** Made-up listings that look like real ones: few words are in many of them, most words in few. The same for the same seed. */

/** A generator of numbers from 0 to 1 (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export type Random = () => number;

const heads = "br cl d fr gr h j k l m n p pl qu r s sh st t tr v w z".split(" ");
const cores = "a e i o u ai ea io ou".split(" ");
const tails = "b ck d l ll m n nd ng r rt s st t x".split(" ");

/** Words of two or three syllables, the most frequent first. */
export function createVocabulary(size: number, random: Random): string[] {
  const words = new Set<string>();
  const one = (parts: readonly string[]) => parts[Math.floor(random() * parts.length)] as string;
  while (words.size < size) {
    const syllables = random() < 0.6 ? 2 : 3;
    let word = "";
    for (let i = 0; i < syllables; i++) word += one(heads) + one(cores);
    words.add(word + one(tails));
  }
  return [...words];
}

/** By Zipf's law, nearly: the n-th is had about 1/n as often as the first. */
export function zipf<T>(all: readonly T[], random: Random): T {
  return all[Math.floor(all.length ** random()) - 1] as T;
}

/** One letter of the word wrong, left out, or two of them swapped. */
export function mistype(word: string, random: Random): string {
  const at = 1 + Math.floor(random() * (word.length - 2));
  const kind = random();
  if (kind < 0.4) return word.slice(0, at) + word.slice(at + 1);
  if (kind < 0.7) return word.slice(0, at) + word[at + 1] + word[at] + word.slice(at + 2);
  return `${word.slice(0, at)}y${word.slice(at + 1)}`;
}
