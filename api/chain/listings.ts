/** Listings as the chain has them. */
import { ExchangeError } from "../../sdk/errors.ts";
import { ekId as ekIds } from "../../sdk/ids.ts";
import { readVersions, type VersionReader } from "../../sdk/versions.ts";
import type { Chain } from "./client.ts";
import { ContractRefusal } from "./relayer.ts";
import { revertOf } from "./revert.ts";

export type Listing = Awaited<ReturnType<Chain["catalog"]["read"]["listingOf"]>>;

/** `ICatalog.Status`, by its number. */
export const statuses = ["none", "active", "paused", "archived"] as const;

/** The listing's number on this chain. Throws EK_NOT_FOUND for an id of another chain. */
export function ekNumber({ id }: Chain, ekId: string): bigint {
  const ref = ekIds.parse(ekId);
  if (ref.chainId !== id) throw unknownListing(ekId);
  return ref.ekId;
}

export function unknownListing(ekId: string): ExchangeError {
  return new ExchangeError("EK_NOT_FOUND", `There is no listing ${ekId}.`, {
    hint: "Take ids as GET /search gives them: they name their chain.",
    details: { ek_id: ekId },
  });
}

/** The listing with its terms. Throws {@link ContractRefusal} UnknownListing. */
export async function readListing({ catalog }: Chain, ekId: bigint): Promise<Listing> {
  try {
    return await catalog.read.listingOf([ekId]);
  } catch (error) {
    const revert = revertOf(error);
    throw revert ? new ContractRefusal(revert) : error;
  }
}

/** Who sells it, its present version, flags and status; undefined for an unknown listing. */
export async function readHead(
  { catalog }: Chain,
  ekId: bigint,
): Promise<
  { sellerId: bigint; version: number; flags: number; status: (typeof statuses)[number] } | undefined
> {
  const [sellerId, version, flags, status] = await catalog.read.listingHead([ekId]);
  if (sellerId === 0n) return undefined;
  return { sellerId, version, flags, status: statuses[status] ?? "none" };
}

export function createVersionReader({ client, catalog, deployment }: Chain): VersionReader {
  return readVersions({ client, catalog: catalog.address, startBlock: deployment.startBlock });
}
