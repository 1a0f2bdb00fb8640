/** One payment, one run: what became of a paid call, kept in the ledger from before the money moves until after its answer. */
import { ExchangeError } from "../sdk/errors.ts";
import { parseJson } from "../sdk/http.ts";
import type { Ledger } from "./ledger.ts";
import type { Payment, Toll } from "./toll.ts";

export type Answer = { status: number; body: string; headers: Record<string, string> };

type Work = {
  /** Of the buyer and of all that it asked for: a payment is for one request. */
  requestHash: string;
  /** Before the money moves: throws what speaks against the call. */
  admit(): Promise<void>;
  /** Instead of that, when another process has admitted the call and was ended before its answer. */
  resume(): void;
  /** What was paid for. An error is an answer, too: it must not reject. */
  run(): Promise<Answer>;
};

/** Seconds that one process has a call to itself: longer than a run may take. */
const LEASE = 360;

type Row = {
  state: "settling" | "settled" | "done";
  request_hash: string;
  settlement: string | null;
  answer: string | null;
};

/**
 * Settles first, then runs, then answers; again with the same payment, the same answer. Throws PAYMENT_FAILED when no money moved, or the
 * payment was for another call, and PAYMENT_PENDING while another request has it, or it can't be told.
 */
export async function payAndRun(
  payment: Payment,
  work: Work,
  { ledger, toll, clock = Date.now }: { ledger: Ledger; toll: Toll; clock?: () => number },
): Promise<{ answer: Answer & { tx: string }; fresh: boolean }> {
  const now = () => Math.floor(clock() / 1000);
  const known = await claim(ledger, payment.id, work.requestHash, now());
  if (known?.answer) return { answer: parseJson(known.answer) as Answer & { tx: string }, fresh: false };
  if (known) work.resume();
  const tx = known?.settlement ?? (await settle(payment, work, known, { ledger, toll, now }));
  const answer = { ...(await work.run()), tx };
  await ledger.query("update paid_calls set state = 'done', answer = $2 where payment = $1", [
    payment.id,
    JSON.stringify(answer),
  ]);
  return { answer, fresh: true };
}

/** Takes the call for this process. What another process left is gone on with; an answer is there for good. */
async function claim(ledger: Ledger, id: string, requestHash: string, now: number): Promise<Row | null> {
  const [fresh] = await ledger.query(
    `insert into paid_calls (payment, request_hash, state, lease_until, at) values ($1, $2, 'settling', $3, $4)
     on conflict (payment) do nothing returning payment`,
    [id, requestHash, now + LEASE, now],
  );
  if (fresh) return null;
  const [row] = await ledger.query<Row>(
    "select state, request_hash, settlement, answer from paid_calls where payment = $1",
    [id],
  );
  if (row && row.request_hash !== requestHash) {
    throw new ExchangeError("PAYMENT_FAILED", "This payment was for another call.", {
      status: 409,
      hint: "Sign a payment for each call.",
      details: { reason: "payment_used" },
    });
  }
  if (row?.state === "done") return row;
  const [mine] = await ledger.query(
    "update paid_calls set lease_until = $2 where payment = $1 and lease_until < $3 returning payment",
    [id, now + LEASE, now],
  );
  if (row && mine) return row;
  throw pending();
}

async function settle(
  payment: Payment,
  work: Work,
  known: Row | null,
  { ledger, toll, now }: { ledger: Ledger; toll: Toll; now: () => number },
): Promise<string> {
  const forget = () =>
    ledger.query("delete from paid_calls where payment = $1 and state = 'settling'", [payment.id]);
  try {
    // Whoever goes on with what was left has been admitted by then.
    if (known === null) await work.admit();
  } catch (error) {
    await forget();
    throw error;
  }
  const settlement = await toll.settle(payment);
  if (settlement.state === "refused") {
    await forget();
    throw new ExchangeError(
      "PAYMENT_FAILED",
      `The payment was not made: ${settlement.reason}. Nothing was run.`,
      {
        hint: "Is there enough money, and is the authorization in time? Sign another payment.",
        details: { reason: settlement.reason },
      },
    );
  }
  if (settlement.state === "unknown") {
    // Given back at once, so that the same payment can be asked for again.
    await ledger.query("update paid_calls set lease_until = $2 where payment = $1", [payment.id, now() - 1]);
    throw pending();
  }
  await ledger.query("update paid_calls set state = 'settled', settlement = $2 where payment = $1", [
    payment.id,
    settlement.tx,
  ]);
  return settlement.tx;
}

function pending(): ExchangeError {
  return new ExchangeError("PAYMENT_PENDING", "What becomes of this payment is not known yet.", {
    hint: "Send the same request with the same payment again in a moment. Do not sign another.",
    details: { retry_after: 2 },
  });
}
