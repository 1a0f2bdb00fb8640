/** Listings as the chain has them. What one version sells never changes, so it is kept once read. */
import type { Hex } from "viem";
import { ExchangeError } from "../../sdk/errors.ts";
import { ekId as ekIds } from "../../sdk/ids.ts";
import { type ListingSummary, listingSummarySchema } from "../../sdk/wire/listing.ts";
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

/** What one version of a listing is. */
export type VersionContent = {
  sellerId: bigint;
  manifestHash: Hex;
  /** Undefined when the seller keeps the summary off chain, or it can't be read. */
  summary: ListingSummary | undefined;
  /** What a key of this version is good for at the gateway. */
  quota: Quota;
};

/** Requests per minute and per day; without a limit there is nothing. */
export type Quota = { quota?: { rpm?: number; daily_quota?: number } };

/** The terms' quota on the wire. */
export function quotaOf(terms: {
  requestsPerMinute: number | bigint;
  requestsPerDay: number | bigint;
}): Quota {
  const [rpm, daily] = [Number(terms.requestsPerMinute), Number(terms.requestsPerDay)];
  if (rpm === 0 && daily === 0) return {};
  return { quota: { ...(rpm === 0 ? {} : { rpm }), ...(daily === 0 ? {} : { daily_quota: daily }) } };
}

export type VersionReader = (ekId: bigint, version: number) => Promise<VersionContent | undefined>;

/** How many versions are kept. */
const KEPT = 10_000;

/** Reads versions from the listing's own event, by its indexed fields; undefined when there is no such version. */
export function createVersionReader(chain: Chain): VersionReader {
  const kept = new Map<string, VersionContent>();
  return async (ekId, version) => {
    const key = `${ekId}:${version}`;
    const known = kept.get(key);
    if (known) return known;
    const content = await readVersion(chain, ekId, version);
    if (!content) return undefined;
    if (kept.size >= KEPT) kept.delete(kept.keys().next().value as string); // the oldest
    kept.set(key, content);
    return content;
  };
}

async function readVersion(
  { client, catalog, deployment }: Chain,
  ekId: bigint,
  version: number,
): Promise<VersionContent | undefined> {
  const [log] = await client.getContractEvents({
    address: catalog.address,
    abi: catalog.abi,
    eventName: "ListingVersion",
    args: { ekId, version },
    fromBlock: BigInt(deployment.startBlock),
    strict: true,
  });
  if (!log) return undefined;
  const { sellerId, content, terms } = log.args;
  const { manifestHash, summary } = content;
  return { sellerId, manifestHash, summary: parseSummary(summary), quota: quotaOf(terms) };
}

function parseSummary(text: string): ListingSummary | undefined {
  try {
    return listingSummarySchema.parse(JSON.parse(text));
  } catch {
    return undefined; // anybody may write anything into a listing
  }
}
