/**
 * Is this the chain that the exchange was deployed on, and as new as it was seen? A chain id is easily shared; the start block's hash is not.
 * While the answer is no, or nobody answers, nothing is quoted, relayed or granted.
 */
import { ExchangeError } from "../../sdk/errors.ts";
import type { Chain } from "./client.ts";
import { createHeads, type Head, type HeadOptions, type Heads } from "./heads.ts";

/** Milliseconds for which a good answer counts. */
const TRUST_MS = 2_000;

export type GuardState = { ok: boolean; detail?: string };

export type ChainGuard = {
  /** Asks the chain now. Never throws. */
  check(): Promise<GuardState>;
  /** Throws SERVICE_UNAVAILABLE unless the chain was found to be the right one a moment ago. */
  assertTrusted(): Promise<void>;
  /** The chain's head, as new as it was ever seen: what is granted is granted by it. Throws SERVICE_UNAVAILABLE for a node that is behind. */
  newestHead(): Promise<Head>;
  /** The same of anything that is read at a block. */
  newestOf: Heads["newestOf"];
  /** A transaction of ours is in this block: whoever does not have it is behind. */
  saw: Heads["saw"];
};

export function createChainGuard(chain: Chain, options: HeadOptions = {}): ChainGuard {
  const heads = createHeads(chain, options);
  let trustedAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<GuardState> | undefined; // one question for all who wait

  const check = (): Promise<GuardState> => {
    asking ??= askChain(chain, heads).then((state) => {
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
    newestHead: heads.newest,
    newestOf: heads.newestOf,
    saw: heads.saw,
  };
}

async function askChain({ id, client, deployment }: Chain, heads: Heads): Promise<GuardState> {
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
    // Last: only what is of this chain says how far it has come.
    const fault = await heads.fault();
    return fault === undefined ? { ok: true } : { ok: false, detail: fault };
  } catch (error) {
    return {
      ok: false,
      detail: `the RPC does not answer (${error instanceof Error ? error.name : "unknown reason"})`,
    };
  }
}
