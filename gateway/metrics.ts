/** What buyers used, what they were refused, and what the gateway still owes the exchange. */
import { counter, gauge } from "../ops/metrics.ts";
import { observeDuration, observeError } from "../ops/requests.ts";
import type { Call, Outcome } from "./call.ts";
import type { Keys } from "./keys.ts";
import type { Ledger } from "./ledger.ts";
import type { Outbox } from "./outbox.ts";
import type { Revocations } from "./revocations.ts";

const uses = counter("moa_gateway_uses_total", "Requests of buyers whose token was good, by what they did", [
  "action",
  "result",
]);
const bytes = counter("moa_gateway_bytes_total", "Bytes of content that went out", ["action"]);
const refusals = counter("moa_gateway_refusals_total", "Requests that were refused, by code", ["code"]);

/** Called once per request, when it is concluded. */
export function observeCall(call: Call, outcome: Outcome, milliseconds: number): void {
  const { kind = "none", action, claims } = call;
  const { status, error, aborted } = outcome;
  observeDuration(kind, status, milliseconds);
  if (error) observeError(error.code);
  if (error && status < 500) refusals.inc({ code: error.code });
  if (!claims) return;
  const done = action ?? "fetch";
  uses.inc({
    action: done,
    result: error ? (status < 500 ? "denied" : "error") : aborted ? "aborted" : "ok",
  });
  bytes.inc({ action: done }, outcome.bytes);
}

/** Registers the gauges of a gateway: once in a process. */
export function observeGateway({
  outbox,
  keys,
  revocations,
  ledger,
}: {
  outbox: Outbox;
  keys: Pick<Keys, "fetchedAt">;
  revocations: Pick<Revocations, "fetchedAt">;
  ledger: Ledger;
}): void {
  gauge("moa_gateway_outbox_events", "Usage events that the exchange has not settled", [], (it) =>
    it.set(outbox.status().events),
  );
  gauge("moa_gateway_outbox_bytes", "Bytes of them on disk", [], (it) => it.set(outbox.status().bytes));
  gauge("moa_gateway_outbox_dropped", "Events lost since the start, because there was no room", [], (it) =>
    it.set(outbox.status().dropped),
  );
  gauge(
    "moa_gateway_outbox_oldest_seconds",
    "Age of the oldest file of events; 0 when there is none",
    [],
    async (it) => it.set(ageOf(await outbox.oldestAt(), 0)),
  );
  gauge("moa_gateway_keys_age_seconds", "Since the exchange's keys were fetched", [], (it) =>
    it.set(ageOf(keys.fetchedAt(), Number.NaN)),
  );
  gauge("moa_gateway_revocations_age_seconds", "Since the exchange's revocations were fetched", [], (it) =>
    it.set(ageOf(revocations.fetchedAt(), Number.NaN)),
  );
  gauge(
    "moa_gateway_ledger_wait_seconds",
    "Time for a statement of the ledger that does nothing",
    [],
    async (it) => {
      const started = performance.now();
      await ledger.query("select 1 as one");
      it.set((performance.now() - started) / 1_000);
    },
  );
}

function ageOf(at: number | null, never: number): number {
  return at === null ? never : Math.max(0, (Date.now() - at) / 1_000);
}
