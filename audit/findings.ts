/** What an audit has found: how often each law was asked, and each answer that was no. */
import type { Hash } from "viem";
import { type LawCode, laws, type Phase } from "./laws.ts";

/** Where on the chain something is. */
export type Place = { block: number; tx: Hash; logIndex: number };

/** One broken law. `subject` is an id of the wire, or an address; `expected` is what it should be, `said` what it is. */
export type Fault = {
  law: LawCode;
  subject: string;
  field?: string;
  expected: string;
  said: string;
  place?: Place;
};

/** Kept in full; those beyond are only counted, so that a database of nonsense does not fill the memory. */
const KEPT = 1000;

export type Findings = ReturnType<typeof createFindings>;
type About = { subject: string; field?: string; expected: unknown; said: unknown; place?: Place | undefined };

export function createFindings() {
  const asked = new Map<LawCode, number>();
  const faults: Fault[] = [];
  const notes = new Map<string, number>();
  let total = 0;

  /** Asks a law once. `about` tells what is wrong, when it is. */
  function check(law: LawCode, holds: boolean, about: () => About): void {
    asked.set(law, (asked.get(law) ?? 0) + 1);
    if (holds) return;
    total++;
    if (faults.length >= KEPT) return;
    const { subject, field, expected, said, place } = about();
    faults.push({
      ...{ law, subject, expected: show(expected), said: show(said) },
      ...(field !== undefined && { field }),
      ...(place && { place: { block: place.block, tx: place.tx, logIndex: place.logIndex } }),
    });
  }

  return {
    faults,
    notes,
    check,
    /** Asks whether a value is the expected one. */
    equal(law: LawCode, { subject, field, expected, said, place }: About): void {
      check(law, same(expected, said), () => ({
        subject,
        ...(field !== undefined && { field }),
        expected,
        said,
        place,
      }));
    },
    /** Something that could not be asked, or is no fault; counted. */
    note(text: string): void {
      notes.set(text, (notes.get(text) ?? 0) + 1);
    },
    /** How often a law was asked. */
    askedOf: (law: LawCode) => asked.get(law) ?? 0,
    /** How many faults there are, those that were not kept included. */
    get total() {
      return total;
    },
    /** How often the laws of a phase were asked, in the order of the laws. */
    counts(phase: Phase): { law: LawCode; asked: number }[] {
      return [...asked]
        .filter(([law]) => laws[law].phase === phase)
        .map(([law, count]) => ({ law, asked: count }));
    },
  };
}

/** Numbers are compared by value, whether they are bigints or not; all else as it is written. */
export function same(a: unknown, b: unknown): boolean {
  return a === b || show(a) === show(b);
}

export function show(value: unknown): string {
  if (typeof value === "string") return value;
  if (value === undefined || value === null) return "nothing";
  if (typeof value !== "object") return String(value);
  return JSON.stringify(value, (_, v) => (typeof v === "bigint" ? String(v) : v));
}
