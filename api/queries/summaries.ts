/** Listings as buyers see them (EKSummary). */
import { and, eq, inArray, lte, sql } from "drizzle-orm";
import { formatUnits, getAddress } from "viem";
import { type Curve, type CurveType, curves, type PiecewiseParams, quoteCurve } from "../../sdk/curves.ts";
import { ekId as ekIds, listingId } from "../../sdk/ids.ts";
import { toPoints } from "../../sdk/points.ts";
import { fromBits, labels, scopes, scoreNames } from "../../sdk/records.ts";
import { quotaOf } from "../../sdk/versions.ts";
import type { EKSummary } from "../../sdk/wire/listing.ts";
import type { Deps } from "../deps.ts";
import { usageTotals } from "../store/usage.ts";
import { views } from "./index-database.ts";
import { disputeRate, sellerReputations } from "./reputation.ts";
import { isoTime } from "./time.ts";

export type ListingRow = typeof views.listing.$inferSelect;

/** A row whose summary can be read and whose price can be computed: any other is not shown. */
export type ShowableRow = ListingRow & { curveType: CurveType } & {
  [F in ShownField]: NonNullable<ListingRow[F]>;
};
type ShownField =
  | "title"
  | "summary"
  | "domain"
  | "taskType"
  | "modality"
  | "outputArtifacts"
  | "contentCreatedAt"
  | "gateway"
  | "tokenScheme";

/** How many label types are shown, and how many validators. */
const TOP_LABELS = 3;
const SHOWN_VALIDATORS = 5;
/** Mean score from which a listing with a Verified-Real label counts as verified. */
const VERIFIED_FROM = 60;
/** Labels that say: do not rely on it. */
const adverse = ["suspected-fraud", "policy-risk", "low-quality"] as const;

export function isShowable(deps: Pick<Deps, "chain">, row: ListingRow): row is ShowableRow {
  return (
    row.indexable && row.curveType !== null && row.curveType in curves && tokenOf(deps, row) !== undefined
  );
}

/** What the page's listings have around them: sellers, validators, usage. */
export async function toSummaries(deps: Deps, rows: readonly ShowableRow[]): Promise<EKSummary[]> {
  if (rows.length === 0) return [];
  const ekIds = rows.map((row) => row.id);
  const [sellers, validators, disputeRates, usage] = await Promise.all([
    readSellers(deps, [...new Set(rows.map((row) => row.sellerId))]),
    readValidators(deps, ekIds),
    readDisputeRates(deps, ekIds),
    usageTotals(deps.sql, ekIds),
  ]);
  const time = BigInt(Math.floor(Date.now() / 1000));
  return rows.map((row) => {
    const seller = sellers.get(row.sellerId);
    if (!seller) throw new Error(`The index has listing ${row.id} without its seller ${row.sellerId}.`);
    const used = usage.get(row.id);
    return {
      ...contentOf(row),
      ...pricingOf(deps, row, time),
      seller,
      validation_snapshot: { ...validationOf(row), validators: validators.get(row.id) ?? [] },
      metrics: {
        sold_count: row.sold,
        usage_count: used?.usage ?? 0,
        quote_count: used?.quotes ?? 0,
        dispute_rate: disputeRates.get(row.id) ?? 0,
      },
    };
  });
}

function contentOf(row: ShowableRow) {
  return {
    ek_id: row.id,
    listing_id: listingId.serialize({ ...ekIds.parse(row.id), version: row.version }),
    status: row.status,
    title: row.title,
    summary: row.summary,
    domain: row.domain,
    task_type: row.taskType,
    modality: row.modality,
    output_artifacts: row.outputArtifacts,
    ...(row.license === null ? {} : { license: row.license }),
    content_preview: {
      ...(row.thumbnailItemId === null ? {} : { thumbnail_item_id: row.thumbnailItemId }),
      ...(row.previewItemId === null ? {} : { preview_item_id: row.previewItemId }),
    },
    access_scopes: fromBits(scopes, row.scopes) as EKSummary["access_scopes"],
    access_policy: {
      gateway: row.gateway,
      token_scheme: row.tokenScheme,
      ...(row.gatewayKey === null ? {} : { gateway_key: row.gatewayKey }),
      ...quotaOf(row),
    },
    freshness: {
      created_at: isoTime(row.contentCreatedAt),
      ...(row.recommendedTtlDays === null ? {} : { recommended_ttl_days: row.recommendedTtlDays }),
    },
    manifest_hash: row.manifestHash,
  };
}

function pricingOf(
  deps: Deps,
  row: ShowableRow,
  time: bigint,
): Pick<EKSummary, "pricing" | "pricing_policy"> {
  const token = tokenOf(deps, row);
  const decimals = token?.decimals ?? 0;
  const units = quoteCurve(row.curveType, row.curveParams, { sold: BigInt(row.sold), count: 1n, time });
  const whole = (amount: bigint) => Number(formatUnits(amount, decimals));
  return {
    pricing: {
      mode: units === 0n ? "free" : "crypto",
      current_price: whole(units),
      current_price_units: String(units),
      currency: token?.symbol ?? row.token,
    },
    pricing_policy: {
      ...policyOf(row, time, whole),
      ...(row.supplyCap === 0n ? {} : { supply_cap: Number(row.supplyCap) }),
      ...(row.startTime === 0n ? {} : { start_time: isoTime(row.startTime) }),
      ...(row.endTime === 0n ? {} : { end_time: isoTime(row.endTime) }),
      refund_window_seconds: row.refundWindow,
      refund_terms: row.refundTerms,
      bounty_bps: row.bountyBps,
      referral_bps: row.referralBps,
      resale_bps: row.resaleBps,
      royalties: row.royalties.map(({ ekId, bps }) => ({ ek_id: ekId, bps })),
      ...(row.pointsPrice === 0n ? {} : { points_price: toPoints(row.pointsPrice) }),
    },
  };
}

/** The curve and its bounds. */
function policyOf(row: ShowableRow, time: bigint, whole: (amount: bigint) => number) {
  const { curveType, curveParams } = row;
  const curve = curves[curveType] as Curve<unknown>;
  const { pieces, ...params } = curve.decode(curveParams) as Partial<PiecewiseParams> &
    Record<string, bigint>;
  const { min, max } = curve.bounds(curve.decode(curveParams));
  const first = quoteCurve(curveType, curveParams, { sold: 0n, count: 1n, time });
  return {
    curve_type: curveType,
    base_price: whole(params.base ?? params.price ?? first),
    min_price: whole(min),
    max_price: whole(max),
    params: toTexts(params),
    ...(pieces && {
      breakpoints: pieces.map((piece) => ({
        sold_min: Number(piece.from),
        formula: piece.formula,
        params: toTexts(piece.params),
      })),
    }),
  };
}

function toTexts(numbers: Readonly<Record<string, bigint>>): Record<string, string> {
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, String(value)]));
}

export function tokenOf({ chain }: Pick<Deps, "chain">, row: ListingRow) {
  return chain.deployment.tokens.find(({ address }) => address.toLowerCase() === row.token.toLowerCase());
}

/** What validators make of it: a simple rule on the labels' sums. */
export function validationOf(row: ShowableRow): Omit<EKSummary["validation_snapshot"], "validators"> {
  const { labelCount, labelTypeCounts } = row;
  const count = (name: keyof typeof labels) => labelTypeCounts[labels[name].bit] ?? 0;
  const sum = scoreNames.reduce((total, name) => total + row[name], 0);
  const score = labelCount === 0 ? 0 : Math.round(sum / (scoreNames.length * labelCount));
  const warnings = Math.max(...adverse.map(count));
  const top = (Object.keys(labels) as (keyof typeof labels)[])
    .filter((name) => count(name) > 0)
    .sort((a, b) => count(b) - count(a))
    .slice(0, TOP_LABELS);
  const status = () => {
    if (labelCount === 0) return "unverified";
    if (warnings * 2 >= labelCount) return "disputed";
    return count("verified-real") > 0 && score >= VERIFIED_FROM ? "verified" : "pending";
  };
  return { status: status(), top_labels: top.map((name) => labels[name].title), score };
}

async function readSellers(deps: Deps, ids: string[]): Promise<Map<string, EKSummary["seller"]>> {
  const { agent } = views;
  const [rows, reputations] = await Promise.all([
    deps.index.read((db) =>
      db.select({ id: agent.id, eoa: agent.eoa }).from(agent).where(inArray(agent.id, ids)),
    ),
    sellerReputations(deps, ids),
  ]);
  return new Map(
    rows.map(({ id, eoa }) => [
      id,
      { agent_id: id, eoa: getAddress(eoa), score: reputations.get(id)?.score ?? 0 },
    ]),
  );
}

/** Of all orders of each listing, the part that was refunded, disputed or charged back. */
async function readDisputeRates(deps: Deps, ekIds: string[]): Promise<Map<string, number>> {
  const { listingFacts } = views;
  const rows = await deps.index.read((db) =>
    db.select().from(listingFacts).where(inArray(listingFacts.ekId, ekIds)),
  );
  return new Map(rows.map((row) => [row.ekId, disputeRate(row)]));
}

async function readValidators(
  deps: Deps,
  ekIds: string[],
): Promise<Map<string, EKSummary["validation_snapshot"]["validators"]>> {
  const { label, agent } = views;
  const rows = await deps.index.read((db) => {
    const place = sql<number>`row_number() over (partition by ${label.ekId} order by ${agent.validatorScore} desc, ${agent.id})`;
    const ranked = db
      .select({ ekId: label.ekId, agentId: agent.id, score: agent.validatorScore, place: place.as("place") })
      .from(label)
      .innerJoin(agent, eq(agent.id, label.validatorId))
      .where(and(inArray(label.ekId, ekIds), eq(label.status, "live")))
      .as("ranked");
    return db
      .select()
      .from(ranked)
      .where(lte(ranked.place, SHOWN_VALIDATORS))
      .orderBy(ranked.ekId, ranked.place);
  });
  const byListing = new Map<string, EKSummary["validation_snapshot"]["validators"]>();
  for (const { ekId, agentId, score } of rows) {
    const shown = byListing.get(ekId) ?? [];
    byListing.set(ekId, [...shown, { agent_id: agentId, score }]);
  }
  return byListing;
}
