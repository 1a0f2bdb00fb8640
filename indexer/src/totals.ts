/** Counts that no event carries: how often an agent did what, and how large the market is. */
import { agent, domainCount, modalityCount, protocol } from "ponder:schema";
import type { Db } from "./event.ts";

const NOTHING = {
  agents: 0,
  sellers: 0,
  buyers: 0,
  validators: 0,
  activeAgents: 0,
  listings: 0,
  openListings: 0,
  sales: 0,
  soldListings: 0,
  repeatSales: 0,
  labels: 0,
};

/** Adds to the chain's totals and returns them as they are then. */
export function addToTotals(db: Db, chainId: number, by: Partial<typeof NOTHING>) {
  const names = Object.keys(by) as (keyof typeof NOTHING)[];
  return db
    .insert(protocol)
    .values({ chainId, ...NOTHING, ...by })
    .onConflictDoUpdate((row) =>
      Object.fromEntries(names.map((name) => [name, row[name] + (by[name] ?? 0)])),
    );
}

/** By what an agent is counted as a seller, buyer or validator. */
const roles = { listed: "sellers", bought: "buyers", validated: "validators" } as const;

/** Counts one more listing, key or label of an agent, and the agent itself when it is its first. Whether it is the first of its kind. */
export async function countDeed(
  db: Db,
  { chainId, agentId, deed }: { chainId: number; agentId: string; deed: keyof typeof roles },
): Promise<boolean> {
  // The row exists because an agent registers before it does anything.
  const row = await db.update(agent, { id: agentId }).set((a) => ({ [deed]: a[deed] + 1 }));
  if (row[deed] !== 1) return false;
  const isFirst = row.listed + row.bought + row.validated === 1;
  await addToTotals(db, chainId, { [roles[deed]]: 1, activeAgents: isFirst ? 1 : 0 });
  return true;
}

/** The part of a listing that decides where it is counted. */
type Counted = {
  chainId: number;
  status: string;
  indexable: boolean;
  domain: string | null;
  modality: string[] | null;
};

/** Counts a listing in (1) or out (-1) of what can be found now: call it with -1 before a change and 1 after it. */
export async function countListing(db: Db, listing: Counted, by: 1 | -1) {
  const { chainId, domain, modality } = listing;
  if (listing.status !== "active" || !listing.indexable || domain === null) return;
  await addToTotals(db, chainId, { openListings: by });
  await db
    .insert(domainCount)
    .values({ chainId, domain, listings: by })
    .onConflictDoUpdate((row) => ({ listings: row.listings + by }));
  for (const name of new Set(modality)) {
    await db
      .insert(modalityCount)
      .values({ chainId, modality: name, listings: by })
      .onConflictDoUpdate((row) => ({ listings: row.listings + by }));
  }
}
