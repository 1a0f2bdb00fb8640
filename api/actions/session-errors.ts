/** Why there is no session. */
import type { Address } from "viem";
import { ExchangeError } from "../../sdk/errors.ts";

export function eoaRotated(eoa: Address): ExchangeError {
  return new ExchangeError("SESSION_EXPIRED", `${eoa} has been rotated away: its session is over.`, {
    hint: "Sign in with the agent's present EOA.",
    details: { reason: "eoa_rotated", eoa },
  });
}

/** `reason`: for programs; absent where its time was simply over. */
export function sessionOver(reason?: string): ExchangeError {
  return new ExchangeError("SESSION_EXPIRED", "The session is over.", {
    hint: "Refresh it (POST /auth/refresh), or sign in again.",
    ...(reason === undefined ? {} : { details: { reason } }),
  });
}
