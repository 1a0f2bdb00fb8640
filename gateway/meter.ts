/**
 * How often a key may be used: counted in the ledger, so that no number of requests or processes gets more.
 *
 * A *use* is a delivery of an item, a run or a citation. The ranges of one download are one use: it opens as many bytes as the item has,
 * and further ranges of the same item with the same token are drawn from those; when they are spent, the next range is another use.
 */
import type { CapabilityClaims } from "../sdk/capability.ts";
import { ExchangeError } from "../sdk/errors.ts";
import type { Ledger, Statements } from "./ledger.ts";

export type Limit = {
  /** `minute` and `day` are the key's; `uses` is a presigned URL's own. */
  name: "minute" | "day" | "uses";
  /** What is counted together. */
  key: string;
  quota: number;
  /** Length of a window in seconds; windows begin at multiples of it (UTC). Null: it never begins anew. */
  seconds: number | null;
};

/** A part of an item, in bytes. `opening` names who fetches what: parts of one name share a use. */
export type Part = { opening: string; size: number; length: number };

/** What is left of a limit, and after how many seconds it begins anew. */
export type Left = { limit: Limit; left: number; resetSeconds: number };

export type Meter = {
  /**
   * Takes one use from every limit, or none from any when one is spent: throws QUOTA_EXCEEDED. `group` is shared by all that have a limit
   * in common.
   */
  take(limits: readonly Limit[], group: string, part?: Part): Promise<Left[]>;
};

/** Seconds for which the rest of a download stays open; no token lives longer. */
const OPEN_SECONDS = 600;
/** Seconds after which a limit without windows is forgotten: longer than whatever it is for. */
const FORGET_SECONDS = 3600;

export function createMeter(ledger: Ledger, clock: () => number = Date.now): Meter {
  return {
    async take(limits, group, part) {
      if (limits.length === 0) return [];
      const now = Math.floor(clock() / 1000);
      return ledger.alone(`quota ${group}`, async (inside) => {
        if (part && (await draw(inside, part, now))) return readLeft(inside, limits, now);
        const left: Left[] = [];
        for (const limit of limits) left.push(await count(inside, limit, now));
        if (part) await open(inside, part, now);
        return left;
      });
    },
  };
}

/** The limits that a token's key was sold with. Whoever shares a `rate_limit_key` at a seller shares them. */
export function limitsOf({ aud, quota = {}, ...claims }: CapabilityClaims): {
  limits: Limit[];
  group: string;
} {
  const group = `${aud} ${claims.rate_limit_key ?? claims.key_id ?? claims.sub}`;
  const { rpm, daily_quota } = quota;
  const limits: Limit[] = [];
  if (rpm !== undefined) limits.push({ name: "minute", key: group, quota: rpm, seconds: 60 });
  if (daily_quota !== undefined)
    limits.push({ name: "day", key: group, quota: daily_quota, seconds: 86_400 });
  return { limits, group };
}

/** Whether the part is of a use that was counted before. */
async function draw(inside: Statements, { opening, length }: Part, now: number): Promise<boolean> {
  const drawn = await inside.query(
    `update openings set bytes_left = bytes_left - $2
     where name = $1 and bytes_left >= $2 and until >= $3 returning name`,
    [opening, length, now],
  );
  return drawn.length > 0;
}

async function open(inside: Statements, { opening, size }: Part, now: number): Promise<void> {
  await inside.query(
    `insert into openings (name, bytes_left, until) values ($1, $2, $3)
     on conflict (name) do update set bytes_left = excluded.bytes_left, until = excluded.until`,
    [opening, size, now + OPEN_SECONDS],
  );
}

/** One atomic statement: it counts, or returns nothing. A clock that goes back never opens a window again. */
async function count(inside: Statements, limit: Limit, now: number): Promise<Left> {
  const { start, end } = windowAt(limit, now);
  if (limit.quota < 1) throw exceeded(limit, end - now);
  const [row] = await inside.query<{ used: number }>(
    `insert into counters as c (name, start, used, until) values ($1, $2, 1, $3)
     on conflict (name) do update set
       used = case when c.start < excluded.start then 1 else c.used + 1 end,
       start = case when c.start < excluded.start then excluded.start else c.start end,
       until = excluded.until
     where c.start < excluded.start or c.used < $4
     returning used`,
    [nameOf(limit), start, end, limit.quota],
  );
  if (!row) throw exceeded(limit, end - now);
  return { limit, left: limit.quota - row.used, resetSeconds: end - now };
}

async function readLeft(inside: Statements, limits: readonly Limit[], now: number): Promise<Left[]> {
  const left: Left[] = [];
  for (const limit of limits) {
    const { start, end } = windowAt(limit, now);
    const [row] = await inside.query<{ used: number }>(
      "select used from counters where name = $1 and start >= $2",
      [nameOf(limit), start],
    );
    left.push({ limit, left: Math.max(0, limit.quota - (row?.used ?? 0)), resetSeconds: end - now });
  }
  return left;
}

function windowAt({ seconds }: Limit, now: number): { start: number; end: number } {
  if (seconds === null) return { start: 0, end: now + FORGET_SECONDS };
  const start = now - (now % seconds);
  return { start, end: start + seconds };
}

function nameOf({ name, key }: Limit): string {
  return `${name} ${key}`;
}

function exceeded({ name, quota, seconds }: Limit, resetSeconds: number): ExchangeError {
  const what = name === "uses" ? "for this URL" : `a ${name}`;
  return new ExchangeError("QUOTA_EXCEEDED", `All ${quota} uses ${what} are spent.`, {
    hint:
      seconds === null
        ? "Ask the gateway for another URL."
        : `Try again in ${resetSeconds} s. The key was sold with this quota: another key has its own.`,
    details: { limit: name, quota, ...(seconds === null ? {} : { retry_after: resetSeconds }) },
  });
}

/** What is left, as `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10). */
export function rateLimitHeaders(all: readonly Left[]): Record<string, string> {
  if (all.length === 0) return {};
  const policy = ({ limit: { name, quota, seconds } }: Left) =>
    `"${name}";q=${quota}${seconds === null ? "" : `;w=${seconds}`}`;
  const state = ({ limit: { name, seconds }, left, resetSeconds }: Left) =>
    `"${name}";r=${left}${seconds === null ? "" : `;t=${resetSeconds}`}`;
  return { "ratelimit-policy": all.map(policy).join(", "), ratelimit: all.map(state).join(", ") };
}
