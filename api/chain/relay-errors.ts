/** Why the relayer sent nothing. */
import type { Hash } from "viem";
import { ExchangeError } from "../../sdk/errors.ts";

/** Who asks for what the exchange does on its own account: no cap. */
export const HOUSE = "house";

/** The transaction was refused before it left: nothing was sent. */
export class TransactionNotSent extends ExchangeError {
  override readonly name = "TransactionNotSent";
  constructor({ reason, cause }: { reason: string; cause: unknown }) {
    super("SERVICE_UNAVAILABLE", `The exchange could not send its transaction: ${reason}.`, {
      hint: "Nothing was done. Try again later; GET /health tells how the relayer is.",
      details: { check: "relayer" },
      cause,
    });
  }
}

/** The exchange has paid enough gas for this one for now. */
export class GasCapReached extends ExchangeError {
  override readonly name = "GasCapReached";
  constructor({
    asker,
    used,
    wanted,
    cap,
    freesAt,
  }: {
    asker: string;
    used: bigint;
    wanted: bigint;
    cap: bigint;
    freesAt: Date | undefined;
  }) {
    super(
      "RATE_LIMITED",
      `The exchange has relayed ${used} gas for ${asker} within an hour; with ${wanted} more it would be above ${cap}.`,
      {
        hint: "Nothing was sent. Wait until details.frees_at, or send the transaction from your own wallet: the contracts take it.",
        details: {
          ...{ reason: "relayed_gas", asker, used_gas: String(used), wanted_gas: String(wanted) },
          ...{ cap_gas: String(cap), window_seconds: 3_600 },
          ...(freesAt ? { frees_at: freesAt.toISOString() } : {}),
          retry_after: Math.max(1, Math.ceil(((freesAt?.getTime() ?? 0) - Date.now()) / 1_000)),
        },
      },
    );
  }
}

/** It may be mined later: nobody knows yet. */
export function notMinedYet(hash: Hash | undefined): ExchangeError {
  return new ExchangeError("SERVICE_UNAVAILABLE", `Transaction ${hash} was sent and is not mined yet.`, {
    hint: "Do not send it again: look the transaction up, it may still be mined. With an Idempotency-Key the same request goes on from it.",
    details: { tx: hash },
  });
}
