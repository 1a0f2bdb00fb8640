/** Whether the chain has what x402's scheme `upto` needs: Permit2 and x402's proxy, each at the one address that it has everywhere. */
import { PERMIT2_ADDRESS, x402UptoPermit2ProxyAddress } from "@x402/evm";
import type { Chain } from "./client.ts";

/** Milliseconds for which it counts that something is missing. */
const MISSING_MS = 60_000;

/** Asks the chain, and remembers. */
export function createUptoCheck({ client }: Chain): () => Promise<boolean> {
  let known: { there: boolean; at: number } | undefined;
  return async () => {
    if (known && (known.there || performance.now() - known.at < MISSING_MS)) return known.there;
    const codes = await Promise.all(
      [PERMIT2_ADDRESS, x402UptoPermit2ProxyAddress].map((address) => client.getCode({ address })),
    );
    known = { there: codes.every((code) => code !== undefined && code !== "0x"), at: performance.now() };
    return known.there;
  };
}
