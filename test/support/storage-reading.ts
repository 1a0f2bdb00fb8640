/** How the storage models read: whole ranges at once, by the ids of the wire. */
import * as ids from "../../sdk/ids.ts";
import type { Market } from "./market.ts";

export const range = (count: bigint) => Array.from({ length: Number(count) }, (_, i) => BigInt(i + 1));
/** Questions on their way at a time: each is a connection of its own. */
const AT_ONCE = 128;

export async function all<T, R>(members: readonly T[], read: (member: T) => Promise<R>): Promise<R[]> {
  const answers: R[] = [];
  for (let i = 0; i < members.length; i += AT_ONCE)
    answers.push(...(await Promise.all(members.slice(i, i + AT_ONCE).map(read))));
  return answers;
}

export function idsOf({ deployment: { chainId } }: Market) {
  return {
    agt: (agentId: bigint) => ids.agentId.serialize({ chainId, agentId }),
    ek: (ekId: bigint) => ids.ekId.serialize({ chainId, ekId }),
    key: (tokenId: bigint) => ids.keyId.serialize({ chainId, ...ids.splitTokenId(tokenId) }),
    lbl: (ekId: bigint, validatorId: bigint) => ids.labelId.serialize({ chainId, ekId, validatorId }),
  };
}

export const agentIdsOf = async ({ client, contracts }: Market) =>
  range(await client.readContract({ ...contracts.registry, functionName: "agentCount" }));
export const ekIdsOf = async ({ client, contracts }: Market) =>
  range(await client.readContract({ ...contracts.catalog, functionName: "listingCount" }));
