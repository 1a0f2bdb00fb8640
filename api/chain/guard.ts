/**
 * Is this the chain that the exchange was deployed on? A chain id is easily shared; the start block's hash is not. While the answer is
 * no, or nobody answers, nothing is quoted, relayed or granted.
 */
import { ExchangeError } from "../../sdk/errors.ts";
import type { Chain } from "./client.ts";

/** Milliseconds for which a good answer counts. */
const TRUST_MS = 2_000;

export type GuardState = { ok: boolean; detail?: string };

export type ChainGuard = {
  /** Asks the chain now. Never throws. */
  check(): Promise<GuardState>;
  /** Throws SERVICE_UNAVAILABLE unless the chain was found to be the right one a moment ago. */
  assertTrusted(): Promise<void>;
};

export function createChainGuard(chain: Chain): ChainGuard {
  let trustedAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<GuardState> | undefined; // one question for all who wait

  const check = (): Promise<GuardState> => {
    asking ??= askChain(chain).then((state) => {
      trustedAt = state.ok ? performance.now() : Number.NEGATIVE_INFINITY;
      asking = undefined;
      return state;
    });
    return asking;
  };

  return {
    check,
    async assertTrusted() {
      if (performance.now() - trustedAt < TRUST_MS) return;
      const { ok, detail } = await check();
      if (ok) return;
      throw new ExchangeError("SERVICE_UNAVAILABLE", `The chain can't be relied on: ${detail}.`, {
        hint: "Nothing was done and nothing was paid. Try again later; GET /health tells when the chain is back.",
        details: { check: "chain" },
      });
    },
  };
}

async function askChain({ id, client, deployment }: Chain): Promise<GuardState> {
  try {
    const [chainId, block] = await Promise.all([
      client.getChainId(),
      client.getBlock({ blockNumber: BigInt(deployment.startBlock) }),
    ]);
    if (chainId !== id)
      return { ok: false, detail: `the RPC is of chain ${chainId}, the contracts are on ${id}` };
    if (block.hash !== deployment.startBlockHash) {
      return {
        ok: false,
        detail: `block ${deployment.startBlock} is ${block.hash}: another chain with the same id`,
      };
    }
    return { ok: true };
  } catch (error) {
    return {
      ok: false,
      detail: `the RPC does not answer (${error instanceof Error ? error.name : "unknown reason"})`,
    };
  }
}
