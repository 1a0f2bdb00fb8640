/**
 * Quotes that nobody paid. Each request for a price stores one, so they are deleted a while after their end; what shows that money may have
 * come for one keeps it for ever, as the terms in it are what brings that money back.
 */
import type { Hash } from "viem";
import type { Sql } from "./database.ts";
import { type QuoteRow, type StoredQuote, toQuote } from "./quotes.ts";

/** Hours after its end for which a quote is kept. What stock clients sign for it ends with it, or a minute later. */
const KEPT_HOURS = 24;

/** What no payment was taken on for, that is over for long, and of which the till was not looked into yet; the oldest first. */
export async function unpaidQuotes(sql: Sql, limit: number): Promise<StoredQuote[]> {
  const rows = await sql<QuoteRow[]>`
    select * from quotes q
    where deadline < extract(epoch from now()) - ${KEPT_HOURS * 3600} and not kept and not refund_due
    order by deadline limit ${limit}`;
  return rows.map(toQuote);
}

/** Keeps the quotes for ever, for money that came without the API. */
export async function keepQuotes(sql: Sql, ids: readonly Hash[]): Promise<void> {
  if (ids.length > 0) await sql`update quotes set kept = true where quote_id in ${sql(ids)}`;
}

/**
 * Deletes those of the quotes that nothing hangs on, with the names of requests that came to nothing; the others are kept for ever. A
 * payment that is taken on meanwhile makes it fail as a whole: see the foreign keys. Returns how many are gone.
 */
export async function deleteUnpaid(sql: Sql, ids: readonly Hash[]): Promise<number> {
  if (ids.length === 0) return 0;
  return sql.begin(async (tx) => {
    await tx`
      update quotes q set kept = true
      where quote_id in ${tx(ids)} and (
        exists (select from payments p where p.quote_id = q.quote_id)
        or exists (select from tempo_challenges t where t.quote_id = q.quote_id)
      )`;
    await tx`
      delete from x402_payment_ids
      where quote_id in (select quote_id from quotes where quote_id in ${tx(ids)} and not kept)`;
    const gone = await tx`delete from quotes where quote_id in ${tx(ids)} and not kept and not refund_due`;
    return gone.count;
  }) as Promise<number>;
}
