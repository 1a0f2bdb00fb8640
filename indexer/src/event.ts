/** What every handler needs of an event. */
import type { Context } from "ponder:registry";
import type { Hex } from "viem";
import * as ids from "../../sdk/ids.ts";

export type Db = Context["db"];

type PlacedEvent = {
  block: { number: bigint; timestamp: bigint };
  transaction: { hash: Hex };
  log: { logIndex: number };
};

/** The columns that say where an event stands. */
export function originOf({ block, transaction, log }: PlacedEvent) {
  return {
    tx: transaction.hash,
    blockNumber: block.number,
    logIndex: log.logIndex,
    at: block.timestamp,
  };
}

/** The chain, and when and in which block the event happened: what is counted needs no more. */
export function momentOf(chainId: number, { block }: Pick<PlacedEvent, "block">) {
  return { chainId, at: block.timestamp, blockNumber: block.number };
}

/** Text for a Postgres column. Whoever wrote it may have put NULs in, which Postgres refuses; each becomes U+FFFD. */
export const storable = (text: string) => text.replaceAll("\0", "\ufffd");

/** A row that must be there. When it is not, the tables contradict the chain's rules and indexing stops rather than go on wrongly. */
export async function existing<T>(row: Promise<T | null>, id: string): Promise<T> {
  const found = await row;
  if (found === null)
    throw new Error(`${id} has no row, though the contracts can't have come here without it.`);
  return found;
}

/** The ids of one chain, as they travel on the wire. */
export function idsOf(chainId: number) {
  return {
    agent: (agentId: bigint) => ids.agentId.serialize({ chainId, agentId }),
    ek: (ekId: bigint) => ids.ekId.serialize({ chainId, ekId }),
    listing: (ekId: bigint, version: number) => ids.listingId.serialize({ chainId, ekId, version }),
    key: (tokenId: bigint) => ids.keyId.serialize({ chainId, ...ids.splitTokenId(tokenId) }),
    order: (tokenId: bigint) => ids.orderId.serialize({ chainId, ...ids.splitTokenId(tokenId) }),
    label: (ekId: bigint, validatorId: bigint) => ids.labelId.serialize({ chainId, ekId, validatorId }),
  };
}
