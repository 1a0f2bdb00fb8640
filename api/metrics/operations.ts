/** What the exchange is for, and how often it came off. */
import { counter } from "../../ops/metrics.ts";
import type { PaymentState, RailName } from "../store/payments.ts";

export type OperationName = "purchase" | "claim" | "refund" | "token" | "label";
/** `refused`: the caller's doing. `failed`: ours, or nobody knows. */
export type OperationOutcome = "ok" | "refused" | "failed";

const operations = counter(
  "moa_operations_total",
  "Purchases, claims, refunds, tokens and labels, by rail and by how they came off",
  ["operation", "rail", "outcome"],
);
const moves = counter(
  "moa_payment_moves_total",
  "Steps of payments, by rail and by the state that they led to",
  ["rail", "state"],
);

export function countOperation(
  name: OperationName,
  rail: RailName | "none",
  outcome: OperationOutcome,
): void {
  operations.inc({ operation: name, rail, outcome });
}

/** States in which something has come off, or has not. The others are on the way. */
const outcomes: Partial<Record<PaymentState, OperationOutcome>> = {
  EKIssued: "ok",
  Failed: "refused",
  Unknown: "failed",
};

/** A payment has moved: called once for each step, by the process that made it. */
export function countMove(rail: RailName, state: PaymentState): void {
  moves.inc({ rail, state });
  if (state === "Refunded") countOperation("refund", rail, "ok");
  const outcome = outcomes[state];
  if (outcome) countOperation(rail === "free" ? "claim" : "purchase", rail, outcome);
}
