/** What is sold in one step, in the shape by which x402's bazaar lists resources. */
import { and, desc, eq, inArray, isNotNull, sql } from "drizzle-orm";
import { zeroAddress } from "viem";
import type { z } from "zod";
import { curveTypes, quoteCurve } from "../../sdk/curves.ts";
import type { DiscoveryResponse, discoveryQuerySchema } from "../../sdk/wire/x402.ts";
import { QUOTE_TTL } from "../actions/quote.ts";
import { declareOneStep, SERVICE_NAME, TAGS } from "../actions/x402-extensions.ts";
import type { Deps } from "../deps.ts";
import { views } from "./index-database.ts";
import { isShowable, type ShowableRow } from "./summaries.ts";
import { isoTime } from "./time.ts";

type Query = z.output<typeof discoveryQuerySchema>;

/** Open listings, the newest first. */
export async function discoverable(deps: Deps, query: Query): Promise<DiscoveryResponse> {
  const { limit, offset } = query;
  const { listing } = views;
  const known = deps.chain.deployment.tokens.map(({ address }) => address.toLowerCase());
  const where = and(
    eq(listing.chainId, deps.chain.id),
    eq(listing.status, "active"),
    eq(listing.indexable, true),
    isNotNull(listing.curveType),
    inArray(listing.curveType, [...curveTypes]),
    inArray(sql`lower(${listing.token})`, known),
    fits(deps, query) ? undefined : sql`false`,
  );
  const [rows, [counted]] = await deps.index.read((db) =>
    Promise.all([
      db
        .select()
        .from(listing)
        .where(where)
        .orderBy(desc(listing.createdAt), desc(number))
        .limit(limit)
        .offset(offset),
      db.select({ total: sql<number>`count(*)::int` }).from(listing).where(where),
    ]),
  );
  const time = BigInt(Math.floor(Date.now() / 1000));
  const showable = rows.filter((row): row is ShowableRow => isShowable(deps, row));
  return {
    x402Version: 2,
    items: showable.map((row) => toResource(deps, row, time)),
    pagination: { limit, offset, total: counted?.total ?? 0 },
  };
}

/** Listings of one block are told apart by it. */
const number = sql<string>`split_part(${views.listing.id}, '_', 3)::numeric`;

/** Whether the resources are of the kind that is asked for: they are all of one. */
function fits({ chain, publicUrl }: Deps, { type, scheme, network, payTo, extensions }: Query): boolean {
  const declared = declareOneStep(publicUrl, chain.id);
  return (
    (type ?? "http") === "http" &&
    (scheme ?? "exact") === "exact" &&
    (network === undefined || network === networkOf(chain.id)) &&
    (payTo === undefined || payTo === zeroAddress) &&
    (extensions === undefined || extensions.split(",").every((name) => name.trim() in declared))
  );
}

function toResource(
  { chain, publicUrl }: Deps,
  row: ShowableRow,
  time: bigint,
): DiscoveryResponse["items"][number] {
  const url = `${publicUrl}/x402/${row.id}`;
  const token = chain.deployment.tokens.find(
    ({ address }) => address.toLowerCase() === row.token.toLowerCase(),
  );
  const amount = quoteCurve(row.curveType, row.curveParams, { sold: BigInt(row.sold), count: 1n, time });
  return {
    resource: url,
    type: "http",
    x402Version: 2,
    accepts: [
      {
        scheme: "exact",
        network: networkOf(chain.id),
        asset: token?.address ?? row.token,
        amount: String(amount),
        // Each 402 names an address of its own. This one no token pays to, so that nobody loses money by it.
        payTo: zeroAddress,
        maxTimeoutSeconds: QUOTE_TTL,
        extra: { name: token?.name, version: token?.version, paymentFlow: "upfront" },
      },
    ],
    lastUpdated: isoTime(row.updatedAt),
    description: row.title,
    mimeType: "application/json",
    serviceName: SERVICE_NAME,
    tags: TAGS,
    extensions: { bazaar: declareOneStep(url, chain.id).bazaar },
  };
}

function networkOf(chainId: number): string {
  return `eip155:${chainId}`;
}
