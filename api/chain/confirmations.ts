/**
 * How deep a purchase must lie in the chain before the exchange hands out a token for it: a reorg can take a purchase away, but not the
 * bytes that were delivered meanwhile. The dearer the key, the deeper.
 */
import { formatUnits } from "viem";
import type { Chain } from "./client.ts";

/** Blocks on top of the one that is looked at, or the chain's own finality. */
export type Depth = number | "finalized";

/** A row of the table: prices below `below` whole tokens want this depth. The last row has no bound. */
export type Tier = { below: number; depth: Depth };

/** Where nothing is set: below 10 the latest block will do, below 1,000 three more, then twelve. A local chain has no reorgs. */
export const DEFAULT_TIERS = "10:0,1000:3,*:12";
export const LOCAL_TIERS = "*:0";

/**
 * Reads a table like `10:0,1000:3,*:finalized`: bounds in whole payment tokens, ascending, `*` last. Undefined for anything else.
 *
 * @example
 * parseTiers("10:0,*:finalized"); // [{ below: 10, depth: 0 }, { below: Infinity, depth: "finalized" }]
 */
export function parseTiers(text: string): Tier[] | undefined {
  const tiers = text.split(",").map((row): Tier | undefined => {
    const [, bound = "", depth = ""] = /^\s*(\*|\d+(?:\.\d+)?):(\d{1,4}|finalized)\s*$/.exec(row) ?? [];
    if (bound === "") return undefined;
    return {
      below: bound === "*" ? Number.POSITIVE_INFINITY : Number(bound),
      depth: depth === "finalized" ? depth : Number(depth),
    };
  });
  const known = tiers.filter((tier) => tier !== undefined);
  const ascending = known.every(({ below }, i) => i === 0 || below > (known[i - 1] as Tier).below);
  if (known.length !== tiers.length || !ascending || known.at(-1)?.below !== Number.POSITIVE_INFINITY)
    return undefined;
  return known;
}

export type Confirmations = {
  /** The depth that a key's price calls for; the deepest of all when nobody can say what it cost. */
  depthFor(keyNumber: bigint): Promise<Depth>;
};

/** How many keys' prices are kept. They never change, unless a reorg takes the sale, and then the key is not there either. */
const KEPT = 10_000;

export function createConfirmations(chain: Chain, tiers: readonly Tier[]): Confirmations {
  const kept = new Map<bigint, number>();
  const deepest = tiers.at(-1)?.depth ?? "finalized";
  const uniform = tiers.every(({ depth }) => depth === deepest);
  return {
    async depthFor(keyNumber) {
      if (uniform) return deepest;
      const price = kept.get(keyNumber) ?? (await priceOf(chain, keyNumber));
      if (price === undefined) return deepest;
      if (kept.size >= KEPT) kept.delete(kept.keys().next().value as bigint); // the oldest
      kept.set(keyNumber, price);
      return tiers.find(({ below }) => price < below)?.depth ?? deepest;
    },
  };
}

/** What the key was sold for, in whole tokens; undefined when there is no log of it, or its token is not one of the deployment's. */
async function priceOf(
  { client, exchange, deployment }: Chain,
  keyNumber: bigint,
): Promise<number | undefined> {
  const [log] = await client.getContractEvents({
    address: exchange.address,
    abi: exchange.abi,
    eventName: "KeySold",
    args: { keyId: keyNumber },
    fromBlock: BigInt(deployment.startBlock),
    strict: true,
  });
  if (!log) return undefined;
  const { price, token } = log.args.sale;
  if (price === 0n) return 0;
  const known = deployment.tokens.find(({ address }) => address.toLowerCase() === token.toLowerCase());
  return known && Number(formatUnits(price, known.decimals));
}

/** Whether the key gave the agent this access already at that depth. False while the chain is not that long. */
export async function isConfirmed(
  { keys }: Chain,
  {
    ekId,
    agentId,
    keyNumber,
    head,
    depth,
  }: { ekId: bigint; agentId: bigint; keyNumber: bigint; head: bigint; depth: Depth },
): Promise<boolean> {
  if (depth === 0) return true;
  if (depth !== "finalized" && head < BigInt(depth)) return false;
  const at = depth === "finalized" ? ({ blockTag: depth } as const) : { blockNumber: head - BigInt(depth) };
  const [then] = await keys.read.accessOf([ekId, agentId], at);
  return then === keyNumber;
}
