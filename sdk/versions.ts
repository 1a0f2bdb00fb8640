/** What one version of a listing sells, as the chain has it. It never changes, so it is kept once read. */
import type { Address, Hex, PublicClient } from "viem";
import { catalogAbi } from "./abis/index.ts";
import { createLru } from "./lru.ts";
import { type ListingSummary, listingSummarySchema } from "./wire/listing.ts";

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
export function readVersions(at: {
  client: PublicClient;
  catalog: Address;
  /** No listing is older. */
  startBlock: number;
}): VersionReader {
  const kept = createLru<VersionContent>({ limit: KEPT, weigh: () => 1 });
  return async (ekId, version) => {
    const key = `${ekId}:${version}`;
    const known = kept.get(key);
    if (known) return known;
    const content = await readVersion(at, ekId, version);
    if (content) kept.set(key, content);
    return content;
  };
}

async function readVersion(
  { client, catalog, startBlock }: { client: PublicClient; catalog: Address; startBlock: number },
  ekId: bigint,
  version: number,
): Promise<VersionContent | undefined> {
  const [log] = await client.getContractEvents({
    address: catalog,
    abi: catalogAbi,
    eventName: "ListingVersion",
    args: { ekId, version },
    fromBlock: BigInt(startBlock),
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
