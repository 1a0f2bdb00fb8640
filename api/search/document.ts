/** What the search keeps of a listing. */
import { formatUnits } from "viem";
import { quoteCurve } from "../../sdk/curves.ts";
import { ekId } from "../../sdk/ids.ts";
import { fromBits, labels, scopes } from "../../sdk/records.ts";
import { type ShowableRow, validationOf } from "../queries/summaries.ts";
import { type Bonded, placeOf, rankOf } from "./rank.ts";

/** A filter's kind and value. */
export type Tag = readonly [kind: TagKind, value: string];
export type TagKind =
  | "all"
  | "domain"
  | "task_type"
  | "modality"
  | "artifact"
  | "license"
  | "seller"
  | "scope"
  | "label"
  | "validation"
  | "fresh"
  | "price"
  | "month";

/** Curves whose price changes while nobody buys. */
const timed = new Set(["time_decay", "seasonal", "custom_piecewise"]);
const DAY = 86_400n;

export type Source = { print: string; changedIn: string; bonded: Bonded };

/** The listing as `search_apply` takes it, at that time in Unix seconds. bigint travels as text. */
export function documentOf(row: ShowableRow, source: Source, { time, decimals }: Clock) {
  const { number, price, staleAt } = numbersOf(row, { time, decimals });
  const stale = staleAt !== null && staleAt <= time;
  const validation = validationOf(row);
  const rank = rankOf({ ...row, status: validation.status, bonded: source.bonded, stale });
  return {
    ek_id: row.id,
    number: String(number),
    print: source.print,
    changed_in: source.changedIn,
    text_hash: row.summaryHash,
    place: String(placeOf(rank, number)),
    sold: row.sold,
    score: validation.score,
    price,
    content_at: String(row.contentCreatedAt),
    stale_at: staleAt === null ? null : String(staleAt),
    timed: timed.has(row.curveType),
    title: row.title,
    topic: `${row.domain} ${row.taskType}`.replaceAll("_", " "),
    summary: row.summary,
    tags: unique(tagsOf(row, { price, stale, status: validation.status })),
  };
}

export type Clock = { time: bigint; decimals: number };

function numbersOf(row: ShowableRow, { time, decimals }: Clock) {
  const units = quoteCurve(row.curveType, row.curveParams, { sold: BigInt(row.sold), count: 1n, time });
  const { recommendedTtlDays: days, contentCreatedAt } = row;
  return {
    number: ekId.parse(row.id).ekId,
    price: formatUnits(units, decimals),
    staleAt: days === null ? null : contentCreatedAt + BigInt(days) * DAY,
  };
}

function tagsOf(
  row: ShowableRow,
  { price, stale, status }: { price: string; stale: boolean; status: string },
): Tag[] {
  const labelled = Object.entries(labels).filter(([, { bit }]) => (row.labelTypeCounts[bit] ?? 0) > 0);
  return [
    ["all", ""],
    ["domain", row.domain],
    ["task_type", row.taskType],
    ...row.modality.map((name): Tag => ["modality", name]),
    ...row.outputArtifacts.map((name): Tag => ["artifact", name]),
    ...(row.license === null ? [] : [["license", row.license] as const]),
    ["seller", row.sellerId],
    ...fromBits(scopes, row.scopes).map((name): Tag => ["scope", name]),
    ...labelled.map(([name]): Tag => ["label", name]),
    ["validation", status],
    ...(stale ? [] : [["fresh", "yes"] as const]),
    ["price", priceStep(Number(price))],
    ["month", monthOf(row.contentCreatedAt)],
  ];
}

function unique(tags: readonly Tag[]): Tag[] {
  return [...new Map(tags.map((tag) => [JSON.stringify(tag), tag])).values()];
}

/** Steps per factor of ten, and the outermost ones. */
const STEPS = 8;
const STEP_BOUND = 120;
/** Two ways to write one price may differ by so much, of it. */
const SLACK = 1e-9;

/** In which step of a logarithmic scale a price is, so that a range of prices is a few steps. */
export function priceStep(price: number): string {
  if (price === 0) return "free";
  return String(Math.max(-STEP_BOUND, Math.min(STEP_BOUND, Math.floor(Math.log10(price) * STEPS))));
}

/** The steps in which a price from `min` to `max` can be. */
export function priceSteps(min: number, max: number): string[] {
  if (max < min) return [];
  const from = min === 0 ? -STEP_BOUND : Number(priceStep(min * (1 - SLACK)));
  const to = max === 0 ? -STEP_BOUND - 1 : Number(priceStep(max * (1 + SLACK)));
  const steps = Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => String(from + i));
  return min === 0 ? ["free", ...steps] : steps;
}

/** Content may be said to be of any time; what is not of our days is one month to us. */
const FIRST_MONTH = Date.UTC(2015, 0);
const LAST_MONTH = Date.UTC(2100, 0);

function monthOf(seconds: bigint): string {
  const time = Math.min(LAST_MONTH, Math.max(FIRST_MONTH, Number(seconds) * 1000));
  return new Date(time).toISOString().slice(0, 7);
}

/** Months in which what is no older than `from` can be, as long as they are few; undefined when they say nothing. */
export function monthsSince(from: Date, now: Date): string[] | undefined {
  const first = Math.max(FIRST_MONTH, Date.UTC(from.getUTCFullYear(), from.getUTCMonth()));
  const months: string[] = [];
  // The next one, too: clocks differ.
  const last = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1);
  for (let month = new Date(first); month.getTime() <= last; month.setUTCMonth(month.getUTCMonth() + 1)) {
    months.push(month.toISOString().slice(0, 7));
    if (months.length > 36) return undefined;
  }
  return months;
}
