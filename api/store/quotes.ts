/** Quotes, as they were given. A row exists for every quote that the API ever answered with. */
import type { Address, Hash } from "viem";
import type { Quote } from "../../sdk/till.ts";
import type { Sql } from "./database.ts";

export type StoredQuote = Quote & {
  id: Hash;
  till: Address;
  /** The most that a payment by `upto` may be charged; absent where the price does not move. */
  ceiling?: bigint;
  /** The chain's head when it was made: what became of it stands in later blocks. */
  blockNumber: bigint;
};

export type QuoteRow = {
  quote_id: Hash;
  till: Address;
  ek_id: string;
  version: string;
  buyer: Address;
  token: Address;
  max_price: string;
  deadline: string;
  salt: Hash;
  ceiling: string | null;
  block_number: string;
};

/** Stores the quote, unless it is there: what has the same id is the same quote. */
export async function saveQuote(sql: Sql, quote: StoredQuote): Promise<void> {
  await sql`
    insert into quotes (
      quote_id, till, ek_id, version, buyer, token, max_price, deadline, salt, ceiling, block_number
    ) values (
      ${quote.id}, ${quote.till}, ${String(quote.ekId)}, ${quote.version}, ${quote.buyer}, ${quote.token},
      ${String(quote.maxPrice)}, ${String(quote.deadline)}, ${quote.salt},
      ${quote.ceiling === undefined ? null : String(quote.ceiling)}, ${String(quote.blockNumber)}
    )
    on conflict (quote_id) do nothing`;
}

export async function findQuote(sql: Sql, id: string): Promise<StoredQuote | undefined> {
  const [row] = await sql<QuoteRow[]>`select * from quotes where quote_id = ${id}`;
  return row && toQuote(row);
}

/** The quote that a till stands for: the one thing that a payment names. */
export async function findQuoteByTill(sql: Sql, till: string): Promise<StoredQuote | undefined> {
  const [row] = await sql<QuoteRow[]>`select * from quotes where till = ${till}`;
  return row && toQuote(row);
}

/** Notes that the till holds money that no key can be had for. */
export async function markRefundDue(sql: Sql, id: Hash, due: boolean): Promise<void> {
  await sql`update quotes set refund_due = ${due} where quote_id = ${id} and refund_due <> ${due}`;
}

/** Lets one process at a time send what ends the quote. True for one caller only. */
export async function leaseQuote(sql: Sql, id: Hash): Promise<boolean> {
  const rows = await sql`
    update quotes set lease_until = now() + interval '30 seconds'
    where quote_id = ${id} and lease_until <= now()
    returning quote_id`;
  return rows.length === 1;
}

/** Quotes past their deadline whose money waits to go back. */
export async function quotesToRefund(sql: Sql, limit: number): Promise<StoredQuote[]> {
  const rows = await sql<QuoteRow[]>`
    select * from quotes
    where refund_due and deadline < extract(epoch from now())
    order by deadline limit ${limit}`;
  return rows.map(toQuote);
}

export function toQuote(row: QuoteRow): StoredQuote {
  return {
    id: row.quote_id,
    till: row.till,
    ekId: BigInt(row.ek_id),
    version: Number(row.version),
    buyer: row.buyer,
    token: row.token,
    maxPrice: BigInt(row.max_price),
    deadline: BigInt(row.deadline),
    salt: row.salt,
    ...(row.ceiling === null ? {} : { ceiling: BigInt(row.ceiling) }),
    blockNumber: BigInt(row.block_number),
  };
}
