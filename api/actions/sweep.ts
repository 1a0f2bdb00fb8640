/** What is left lying when a process dies or a buyer goes away: payments to settle, money to send back, old nonces. */
import { ExchangeError } from "../../sdk/errors.ts";
import type { Deps } from "../deps.ts";
import { errorFields, log } from "../http/log.ts";
import { dropOldNonces } from "../store/nonces.ts";
import { abandonedPayments, takeOverPayment } from "../store/payments.ts";
import { markRefundDue, quotesToRefund } from "../store/quotes.ts";
import { dropOldSiwxNonces } from "../store/siwx-nonces.ts";
import { recordLateAccesses } from "./access.ts";
import { readOrderLogs, reviewPayments } from "./follow-orders.ts";
import { fundsOf } from "./quote-end.ts";
import { returnFunds } from "./quote-outcome.ts";
import { rails } from "./rails.ts";

/** Milliseconds between two rounds. */
const EVERY = 5_000;
/** How many of each a round takes. */
const BATCH = 10;

/** Sweeps until `stop` is called; that waits for the round under way. */
export function startSweeper(deps: Deps): { stop(): Promise<void> } {
  let round: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout;
  let stopped = false;
  const next = () => {
    timer = setTimeout(() => {
      round = sweep(deps).then(() => {
        if (!stopped) next();
      });
    }, EVERY);
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
    for (const payment of await abandonedPayments(deps.sql, [...rails.keys()], BATCH)) {
      if (!(await takeOverPayment(deps.sql, payment.id))) continue;
      await attempt(`carry a payment on (${payment.rail})`, async () =>
        rails.get(payment.rail)?.resume(deps, payment),
      );
    }
  });
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
  await attempt("drop old nonces", () => dropOldNonces(deps.sql));
  await attempt("drop old sign-in nonces", () => dropOldSiwxNonces(deps.sql));
}

async function attempt(what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const expected = error instanceof ExchangeError && error.status < 500;
    log(expected ? "info" : "warn", `sweep: ${what}`, errorFields(error));
  }
}
