/** What bonded validators say together of a listing. */
import { type Consensus, consensusOf } from "../sdk/consensus.ts";
import type { Context } from "./context.ts";
import { groupOf } from "./replay/consensus.ts";

/** What the seats say of a listing, by the SDK's twin of the contract. */
export function verdictOf(c: Context, ekId: bigint): Consensus {
  const { books } = c;
  const listing = books.listings.get(ekId);
  const seats = (listing?.seats ?? []).filter(Boolean);
  const voices = seats.map(({ validatorId }) => {
    const label = listing?.labels.get(validatorId);
    return {
      groupId: groupOf(c, validatorId),
      bonded: books.bonds.get(validatorId)?.bonded ?? 0n,
      label: label?.live ? label : null,
    };
  });
  const policy = books.consensusPolicy ?? {
    quorum: 2,
    supportBps: 10_000,
    disputeBps: 1,
    minBond: 2n ** 96n,
    maxWeight: 2n ** 96n,
  };
  return consensusOf(voices, policy);
}
