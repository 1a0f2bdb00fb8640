/** Rate limits that all processes share: the generic cell rate algorithm in one statement. See `api/limits/gcra.ts`. */
import { WINDOW } from "../limits/gcra.ts";
import type { Queryable } from "./database.ts";

export type Wanted = { bucket: string; subject: string; limit: number; wanted: number };

/** Takes up to `wanted` permits by the database's clock. `ahead`: milliseconds until the bucket is full again. */
export async function takePermits(
  sql: Queryable,
  { bucket, subject, limit, wanted }: Wanted,
): Promise<{ granted: number; ahead: number }> {
  const first = Math.min(wanted, limit);
  const interval = WINDOW / limit;
  const now = sql`(extract(epoch from now()) * 1000)::double precision`;
  const start = sql`greatest(known.tat, ${now})`;
  const granted = sql`least(${wanted}::double precision, greatest(0, floor((${now} + ${WINDOW}::double precision - ${start}) / ${interval}::double precision + 1e-6)))`;
  const [row] = await sql<{ granted: number; ahead: number }[]>`
    insert into rate_limits as known (bucket, subject, tat, granted)
    values (${bucket}, ${subject}, ${now} + ${first * interval}::double precision, ${first})
    on conflict (bucket, subject) do update set tat = ${start} + ${granted} * ${interval}::double precision, granted = ${granted}
    returning granted, tat - ${now} as ahead`;
  if (!row) throw new Error("An upsert returned nothing.");
  return row;
}

/** Forgets buckets that are full. */
export async function dropFullBuckets(sql: Queryable): Promise<void> {
  await sql`delete from rate_limits where tat < extract(epoch from now()) * 1000`;
}
