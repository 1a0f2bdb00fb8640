/** Whether what a token was issued for still holds, as the chain has it now. */
import { getAddress, zeroAddress } from "viem";
import type { LiveToken } from "../store/tokens.ts";
import type { Chain } from "./client.ts";
import { revertOf } from "./revert.ts";

/** Why a token is revoked. */
export type Ending = "rotation" | "reorg" | "key_ended" | "key_moved" | "key_lent" | "validator_removed";

/** By the chain as of `blockNumber`, whichever node of a pool answers. Undefined while the right holds. */
export async function endingOf(
  chain: Chain,
  token: LiveToken,
  at: { blockNumber: bigint },
): Promise<Ending | undefined> {
  const ending = await lookAt(chain, token, at);
  if (ending === undefined) return undefined;
  // A block that is not where it was explains all the rest.
  return (await isCanonical(chain, token.block)) ? ending : "reorg";
}

type At = { blockNumber: bigint };

async function lookAt(chain: Chain, token: LiveToken, at: At): Promise<Ending | undefined> {
  // A reorg that took the agent itself looks the same.
  const [agentId, epoch] = await chain.registry.read.bindingOf([token.eoa], at);
  if (agentId !== token.agentId || epoch !== token.epoch) return "rotation";
  const { keyNumber } = token;
  return keyNumber === undefined
    ? validatorEnding(chain, token, at)
    : keyEnding(chain, { ...token, keyNumber }, at);
}

/** The key by which the contract lets the agent in need not be the token's: the agent may have bought another one since. */
async function keyEnding(
  { keys }: Chain,
  { ekId, agentId, eoa, keyNumber }: LiveToken & { keyNumber: bigint },
  at: At,
): Promise<Ending | undefined> {
  const [now] = await keys.read.accessOf([ekId, agentId], at);
  if (now === keyNumber) return undefined;
  const key = await keys.read.keyInfo([keyNumber], at).catch((error: unknown) => {
    if (revertOf(error)) return undefined; // burnt, or never sold
    throw error;
  });
  if (key === undefined) return "key_ended";
  const user = await keys.read.userOf([keyNumber], at);
  if (user !== zeroAddress) return getAddress(user) === getAddress(eoa) ? undefined : "key_lent";
  return key.agentId === agentId ? undefined : "key_moved";
}

/** Who has labelled keeps its token to the end; who may label no more has lost it. */
async function validatorEnding(
  { labels }: Chain,
  { ekId, agentId }: LiveToken,
  at: At,
): Promise<Ending | undefined> {
  if (await labels.read.mayLabel([ekId, agentId], at)) return undefined;
  const { createdAt } = await labels.read.labelOf([ekId, agentId], at);
  return createdAt === 0 ? "validator_removed" : undefined;
}

async function isCanonical({ client }: Chain, { number, hash }: LiveToken["block"]): Promise<boolean> {
  return (await client.getBlock({ blockNumber: number })).hash === hash;
}
