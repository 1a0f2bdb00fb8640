/** First uses that wait to be recorded on chain. */
import type { Queryable } from "./database.ts";

/** Notes that the key was used; once is enough. */
export async function noteAccess(sql: Queryable, keyId: string): Promise<void> {
  await sql`insert into accesses (key_id) values (${keyId}) on conflict do nothing`;
}

/** The oldest first, each for one caller for a minute. */
export async function unrecordedKeys(sql: Queryable, limit: number): Promise<string[]> {
  const rows = await sql<{ key_id: string }[]>`
    update accesses set next_at = now() + interval '1 minute'
    where key_id in (
      select key_id from accesses where next_at <= now() order by next_at limit ${limit} for update skip locked
    )
    returning key_id`;
  return rows.map(({ key_id }) => key_id);
}

export async function forgetRecorded(sql: Queryable, keyIds: readonly string[]): Promise<void> {
  await sql`delete from accesses where key_id in ${sql(keyIds)}`;
}
