/** The receipts that this gateway has given: numbered per key without a gap, signed, and kept before the buyer has the last byte. */
import type { Hex } from "viem";
import { openCountersignature } from "../sdk/countersignature.ts";
import { CapabilityInvalidError, ExchangeError } from "../sdk/errors.ts";
import { leafOf } from "../sdk/receipts.ts";
import type { UsageEvent } from "../sdk/wire/public.ts";
import type { Ledger, Statements } from "./ledger.ts";
import type { SigningKey } from "./signing-key.ts";
import { type ReceiptBasis, signEvent } from "./usage.ts";

/** A use that is about to get its receipt. */
export type Receivable = Omit<UsageEvent, "timestamp" | "receipt"> & { receipt: ReceiptBasis };

export type StoredReceipt = { id: string; buyer: string; jws: string; countersignature: string | null };

export type Receipts = {
  /** Numbers, signs and keeps it. Resolves when it would survive a power cut. */
  issue(use: Receivable): Promise<{ jws: string }>;
  find(id: string): Promise<StoredReceipt | null>;
  /**
   * Keeps the buyer's signature over a receipt, made by the key that its token was bound to. Only the first counts. Throws
   * INVALID_SIGNATURE for any other, EK_NOT_FOUND for no receipt.
   */
  countersign(id: string, jws: string): Promise<{ eventId: string }>;
  /** The leaves of a UTC day, YYYY-MM-DD, in no particular order. */
  day(day: string): Promise<Hex[]>;
  /** What was delivered under a watermark's handle, oldest first: to whom a copy was given that has leaked. */
  trace(handle: string): Promise<StoredReceipt[]>;
  /** Receipts that may not be in the outbox yet, oldest first, some at a time. */
  unqueued(): Promise<{ id: string; jws: string }[]>;
  /** It is in the outbox. Noted within a second, many at once: after a crash before that it is queued again, and the exchange takes it once. */
  markQueued(id: string): void;
  /** Notes now what {@link Receipts.markQueued} was told. To be called before the ledger is closed. */
  flush(): Promise<void>;
};

/** Time in ms in which the process that made a receipt hands it to the outbox itself, and notes that. */
const UNQUEUED_AFTER_MS = 5_000;
/** Time in ms for which notes gather. */
const NOTED_AFTER_MS = 1_000;

type Waiting = {
  use: Receivable;
  done(result: { jws: string }): void;
  failed(error: unknown): void;
};

export function createReceipts({
  ledger,
  key,
  clock = Date.now,
}: {
  ledger: Ledger;
  key: SigningKey;
  clock?: () => number;
}): Receipts {
  let waiting: Waiting[] = [];
  let flushing = false;
  // All that came while the disk was busy share its next flush.
  const flush = async () => {
    if (flushing) return;
    flushing = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      try {
        const signed = await ledger.alone("receipts", (inside) => store(inside, batch, key, clock()));
        for (const [i, { done }] of batch.entries()) done({ jws: signed[i] as string });
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    flushing = false;
  };
  return {
    issue: (use) =>
      new Promise((done, failed) => {
        waiting.push({ use, done, failed });
        void flush();
      }),
    find: (id) => find(ledger, id),
    countersign: (id, jws) => countersign(ledger, id, jws),
    async day(day) {
      const rows = await ledger.query<{ jws: string }>("select jws from receipts where day = $1", [day]);
      return rows.map(({ jws }) => leafOf(jws));
    },
    trace: (handle) =>
      ledger.query<StoredReceipt>(
        "select id, buyer, jws, countersignature from receipts where watermark = $1 order by at_ms limit 1000",
        [handle],
      ),
    unqueued: () =>
      ledger.query<{ id: string; jws: string }>(
        "select id, jws from receipts where queued = 0 and at_ms < $1 order by at_ms limit 1000",
        [clock() - UNQUEUED_AFTER_MS],
      ),
    ...createNotes(ledger),
  };
}

/** Which receipts are in the outbox, written down together. */
function createNotes(ledger: Ledger): Pick<Receipts, "markQueued" | "flush"> {
  let queued: string[] = [];
  let timer: NodeJS.Timeout | undefined;
  const flush = async () => {
    clearTimeout(timer);
    timer = undefined;
    const ids = queued;
    queued = [];
    if (ids.length === 0) return;
    await ledger.alone("receipts", async (inside) => {
      for (const id of ids) await inside.query("update receipts set queued = 1 where id = $1", [id]);
    });
  };
  return {
    markQueued(id) {
      queued.push(id);
      // What can't be noted is queued again by the housekeeping.
      timer ??= setTimeout(() => void flush().catch(() => undefined), NOTED_AFTER_MS).unref();
    },
    flush,
  };
}

async function store(
  inside: Statements,
  batch: readonly Waiting[],
  key: SigningKey,
  now: number,
): Promise<string[]> {
  const timestamp = new Date(now).toISOString();
  const numbers = new Map<string, number>();
  const signed: string[] = [];
  for (const { use } of batch) {
    const { chain, jkt, watermark_id } = use.receipt;
    const number = (numbers.get(chain) ?? (await lastNumber(inside, chain))) + 1;
    numbers.set(chain, number);
    const jws = signEvent({ ...use, timestamp, receipt: { ...use.receipt, number } }, key);
    await inside.query(
      `insert into receipts (id, chain, number, at_ms, day, buyer, jkt, watermark, jws)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [
        ...[use.event_id, chain, number, now, timestamp.slice(0, 10), use.buyer_agent_id],
        ...[jkt ?? null, watermark_id ?? null, jws],
      ],
    );
    signed.push(jws);
  }
  return signed;
}

async function lastNumber(inside: Statements, chain: string): Promise<number> {
  const [row] = await inside.query<{ number: number }>(
    "select number from receipts where chain = $1 order by number desc limit 1",
    [chain],
  );
  return row?.number ?? 0;
}

async function find(ledger: Ledger, id: string): Promise<StoredReceipt | null> {
  const [row] = await ledger.query<StoredReceipt>(
    "select id, buyer, jws, countersignature from receipts where id = $1",
    [id],
  );
  return row ?? null;
}

async function countersign(ledger: Ledger, id: string, jws: string): Promise<{ eventId: string }> {
  const [row] = await ledger.query<{ jkt: string | null; jws: string }>(
    "select jkt, jws from receipts where id = $1",
    [id],
  );
  if (!row) throw noReceipt(id);
  if (row.jkt === null)
    throw new CapabilityInvalidError({ reason: "the receipt's token was bound to no key that could sign" });
  const signed = await openCountersignature(jws, row.jkt);
  if (signed.receipt_id !== id || signed.receipt_hash !== leafOf(row.jws))
    throw new CapabilityInvalidError({ reason: "the countersignature is of another receipt" });
  await ledger.query("update receipts set countersignature = $2 where id = $1 and countersignature is null", [
    id,
    jws,
  ]);
  return { eventId: signed.event_id };
}

/** The answer for a receipt that isn't there, or is another buyer's: which of both is nobody's business. */
export function noReceipt(id: string): ExchangeError {
  return new ExchangeError("EK_NOT_FOUND", `There is no receipt ${id.slice(0, 80)} of yours here.`, {
    hint: "The id stands in the header Receipt-Id of an answer, which has to have been read to its end.",
    details: { receipt_id: id.slice(0, 80) },
  });
}
