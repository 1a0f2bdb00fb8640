/** How often an address may be refused: who tries tokens out is not answered for ever. Good tokens are never held up by it. */
import ipaddr from "ipaddr.js";
import { ExchangeError, errorCodes } from "../sdk/errors.ts";
import type { Meter } from "./meter.ts";

/** Refusals per address and minute. Many buyers may share one address. */
export const REFUSALS_PER_MINUTE = 120;

export type Doorman = {
  /** The error to answer: `error` itself, or RATE_LIMITED when this address was refused too often. */
  refuse(error: ExchangeError, address: string | undefined): Promise<ExchangeError>;
};

export function createDoorman(meter: Meter): Doorman {
  return {
    async refuse(error, address) {
      if (error.status !== errorCodes.INVALID_SIGNATURE || address === undefined) return error;
      const key = `address ${networkOf(address)}`;
      try {
        await meter.take([{ name: "minute", key, quota: REFUSALS_PER_MINUTE, seconds: 60 }], key);
        return error;
      } catch (thrown) {
        if (!(thrown instanceof ExchangeError)) throw thrown;
        return new ExchangeError("RATE_LIMITED", "Too many requests of your address were refused.", {
          hint: "Ask the exchange for a token, and send it unchanged.",
          details: { retry_after: thrown.details.retry_after },
        });
      }
    },
  };
}

/** What is counted together: an IPv4 address, or the 64 bits of an IPv6 address that one subscriber has. */
function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed.kind() === "ipv4" ? parsed.toString() : (parsed as ipaddr.IPv6).parts.slice(0, 4).join(":");
}
