/** What is left lying when a process dies or a buyer goes away: payments to settle, money to send back, old nonces. */
import { ExchangeError } from "../../sdk/errors.ts";
import { sweepCards } from "../cards/events.ts";
import type { Deps } from "../deps.ts";
import { errorFields, log } from "../http/log.ts";
import { sweepTempo } from "../mpp/rail.ts";
import { dropOldProofs } from "../store/dpop-proofs.ts";
import { dropOldAnswers } from "../store/idempotent-answers.ts";
import { dropOldNonces } from "../store/nonces.ts";
import { abandonedPayments, type Payment, takeOverPayment } from "../store/payments.ts";
import { markRefundDue, quotesToRefund } from "../store/quotes.ts";
import { dropFullBuckets } from "../store/rate-limits.ts";
import { dropOldRelayed } from "../store/relayed.ts";
import { dropOldRequestNonces } from "../store/request-nonces.ts";
import { dropOldSessions } from "../store/sessions.ts";
import { dropOldSiwxNonces } from "../store/siwx-nonces.ts";
import { dropOldTokens } from "../store/tokens.ts";
import { recordLateAccesses } from "./access.ts";
import { readOrderLogs, reviewPayments } from "./follow-orders.ts";
import { checkGateways } from "./gateways.ts";
import { fundsOf } from "./quote-end.ts";
import { returnFunds } from "./quote-outcome.ts";
import { rails } from "./rails.ts";
import { revokeEnded } from "./revoke.ts";
import { dropUnpaidQuotes } from "./unpaid.ts";

/** Milliseconds between two rounds. */
const EVERY = 5_000;
/** How many of each a round takes. */
const BATCH = 10;

/** Milliseconds between two looks at live tokens: a payment that takes its time must not keep a revocation waiting. */
const TOKENS_EVERY = 2_000;
/** Milliseconds between two rounds over sellers' gateways, whose answers nothing else should wait for. */
const GATEWAYS_EVERY = 15_000;

export type Sweeper = {
  /** Waits for the round under way. */
  stop(): Promise<void>;
};

/** Sweeps until it is stopped. */
export function startSweeper(deps: Deps): Sweeper {
  const all = [
    repeat(() => sweep(deps), EVERY),
    repeat(() => attempt("revoke tokens", () => revokeEnded(deps)), TOKENS_EVERY),
    repeat(() => attempt("look at gateways", () => checkGateways(deps)), GATEWAYS_EVERY),
  ];
  return {
    async stop() {
      await Promise.all(all.map((one) => one.stop()));
    },
  };
}

function repeat(work: () => Promise<void>, every: number): Sweeper {
  let round: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout;
  let stopped = false;
  const next = () => {
    timer = setTimeout(() => {
      round = work().then(() => {
        if (!stopped) next();
      });
    }, every);
    timer.unref();
  };
  next();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await round;
    },
  };
}

/** One round. Never throws: what failed is logged and comes again. */
export async function sweep(deps: Deps): Promise<void> {
  await attempt("tend the relayer's queue", () => deps.relayer.tend());
  await attempt("carry payments on", async () => {
    const abandoned = await abandonedPayments(deps.sql, [...rails.keys()], BATCH);
    // At once: each may wait for a block.
    await Promise.all(abandoned.map((payment) => carryOn(deps, payment)));
  });
  await attempt("look at Tempo", () => sweepTempo(deps));
  await attempt("carry purchases by card on", () => sweepCards(deps));
  await attempt("record first uses", () => recordLateAccesses(deps));
  await attempt("read orders' logs", () => readOrderLogs(deps));
  await attempt("compare payments with the chain", () => reviewPayments(deps, attempt));
  await attempt("send money back", async () => {
    for (const quote of await quotesToRefund(deps.sql, BATCH)) {
      await attempt("refund a quote", async () => {
        const funds = await fundsOf(deps.chain, quote);
        if (funds === 0n) await markRefundDue(deps.sql, quote.id, false);
        else await returnFunds(deps, quote, funds);
      });
    }
  });
  await attempt("drop unpaid quotes", () => dropUnpaidQuotes(deps));
  await attempt("drop old nonces", () => dropOldNonces(deps.sql));
  await attempt("drop old sign-in nonces", () => dropOldSiwxNonces(deps.sql));
  await attempt("drop old transactions", () => dropOldRelayed(deps.sql));
  await attempt("drop old proofs", () => dropOldProofs(deps.sql));
  await attempt("drop old signed requests", () => dropOldRequestNonces(deps.sql));
  await attempt("drop old answers", () => dropOldAnswers(deps.sql));
  await attempt("drop old sessions", () => dropOldSessions(deps.sql));
  await attempt("drop full rate limits", () => dropFullBuckets(deps.sql));
  await attempt("drop old tokens", () => dropOldTokens(deps.sql));
}

function carryOn(deps: Deps, payment: Payment): Promise<void> {
  return attempt(`carry a payment on (${payment.rail})`, async () => {
    if (await takeOverPayment(deps.sql, payment.id)) await rails.get(payment.rail)?.resume(deps, payment);
  });
}

async function attempt(what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const expected = error instanceof ExchangeError && error.status < 500;
    log(expected ? "info" : "warn", `sweep: ${what}`, errorFields(error));
  }
}
