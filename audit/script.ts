/**
 * What must come next within a transaction. The contracts write their events in one order; so an event that promises others puts them on
 * this list, and each of those takes itself off it. What is left at the end of the transaction is missing, what was never promised has no
 * reason.
 */
import type { Findings, Place } from "./findings.ts";
import type { LawCode } from "./laws.ts";

/** One promised event. `match` are the values that tell it from others of its name, `values` those that it must have beside. */
export type Due = {
  law: LawCode;
  /** `Contract:Event`; one of these. */
  events: readonly string[];
  subject: string;
  match?: Readonly<Record<string, unknown>>;
  values?: Readonly<Record<string, unknown>>;
  /** Called when it came, or when it was found to be missing: for books that must go on either way. */
  onMissing?: () => void;
  /** Asked when it comes, beside the values. */
  onCome?: (event: string, args: Readonly<Record<string, unknown>>, place: Place) => void;
};

export type Script = ReturnType<typeof createScript>;

export function createScript(findings: Findings) {
  let dues: Due[] = [];
  let last: Place | undefined;

  function missing(due: Due): void {
    findings.check(due.law, false, () => ({
      ...{ subject: due.subject, field: due.events.join(" or "), said: "no such event", place: last },
      expected: { ...due.match, ...due.values },
    }));
    due.onMissing?.();
  }

  return {
    /** Promises events, in their order, before all that was promised earlier and has not come. */
    promise(...next: Due[]): void {
      dues = [...next, ...dues];
    },
    /** Promises what comes after all that is promised by now. */
    promiseLast(due: Due): void {
      dues.push(due);
    },
    /**
     * An event that needs a reason has come. Returns whether it had one; those promised before it are missing. `law` is the one that it
     * breaks when nothing promised it.
     */
    take(
      event: string,
      args: Readonly<Record<string, unknown>>,
      at: { place: Place; law: LawCode; subject: string; needed?: boolean },
    ): boolean {
      last = at.place;
      const fits = (due: Due) =>
        due.events.includes(event) &&
        Object.entries(due.match ?? {}).every(([name, value]) => args[name] === value);
      const index = dues.findIndex(fits);
      if (index === -1) {
        if (at.needed === false) return false;
        findings.check(at.law, false, () => ({
          ...{ subject: at.subject, field: event, expected: "no such event", said: args, place: at.place },
        }));
        return false;
      }
      const due = dues[index] as Due;
      const skipped = dues.slice(0, index);
      dues = dues.slice(index + 1);
      for (const other of skipped) missing(other);
      findings.check(due.law, true, () => ({ subject: due.subject, expected: event, said: event }));
      for (const [field, expected] of Object.entries(due.values ?? {}))
        findings.equal(due.law, {
          subject: due.subject,
          field: `${event}.${field}`,
          expected,
          said: args[field],
          place: at.place,
        });
      due.onCome?.(event, args, at.place);
      return true;
    },
    /** The transaction is over. */
    end(place: Place | undefined): void {
      last = place;
      const left = dues;
      dues = [];
      for (const due of left) missing(due);
    },
  };
}
