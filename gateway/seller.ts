/** Whose gateway this is: an agent id, given or found on chain by the seller's EOA. */
import type { Address } from "viem";
import { z } from "zod";
import type { Deployment } from "../sdk/deployment.ts";
import { ExchangeError } from "../sdk/errors.ts";
import { agentId } from "../sdk/ids.ts";
import type { SellerEnv } from "./env.ts";
import { createRpc, type Rpc, readWord } from "./rpc.ts";

export type Seller = {
  /** The seller's agent id. Throws SERVICE_UNAVAILABLE while it can't be found. */
  id(): Promise<string>;
};

/** A seller that knows its agent id. */
export function knownSeller(id: string): Seller {
  return { id: async () => id };
}

/** The seller that the settings name. */
export function sellerOf(settings: SellerEnv): Seller {
  return "agentId" in settings ? knownSeller(settings.agentId) : sellerByEoa(settings);
}

/** Least time between two look-ups that found nothing, in ms. */
const REST_MS = 1000;
/** Time in ms that an answer of the node may take. */
const ANSWER_MS = 2000;

/**
 * A seller known by its EOA, which may become an agent only later, for example with its first listing. An agent keeps its id when it
 * changes its EOA, so what was found once stays right.
 */
export function sellerByEoa({
  eoa,
  rpcUrl,
  deployment,
}: {
  eoa: Address;
  rpcUrl: string;
  deployment: Deployment;
}): Seller {
  const rpc = createRpc(rpcUrl, ANSWER_MS);
  let found: Promise<string> | null = null;
  let failedAt = Number.NEGATIVE_INFINITY;
  let failure: unknown;

  const look = async (): Promise<string> => {
    await refuseOtherChain(rpc, deployment);
    const id = await readWord(rpc, {
      to: deployment.contracts.AgentRegistry,
      signature: "agentOf(address)",
      args: [eoa],
    });
    if (id === 0n) throw new Error(`${eoa} is no agent yet.`);
    return agentId.serialize({ chainId: deployment.chainId, agentId: id });
  };

  return {
    async id() {
      try {
        if (found === null) {
          if (Date.now() - failedAt < REST_MS) throw failure;
          found = look();
        }
        return await found;
      } catch (cause) {
        if (cause !== failure) {
          found = null;
          failure = cause;
          failedAt = Date.now();
        }
        throw new ExchangeError(
          "SERVICE_UNAVAILABLE",
          "The gateway can't tell yet which agent it sells for.",
          {
            hint: `The seller has to register ${eoa} at the exchange, and the chain has to be in reach.`,
            details: { eoa },
            cause,
          },
        );
      }
    },
  };
}

/** Another chain may have another agent behind the same EOA. */
async function refuseOtherChain(
  rpc: Rpc,
  { chainId, startBlock, startBlockHash }: Deployment,
): Promise<void> {
  const block = await rpc("eth_getBlockByNumber", [`0x${startBlock.toString(16)}`, false]);
  const { hash } = z.object({ hash: z.string() }).parse(block);
  if (Number(await rpc("eth_chainId", [])) !== chainId || hash !== startBlockHash)
    throw new Error(`RPC_URL is another chain than the deployment's, ${chainId}.`);
}
