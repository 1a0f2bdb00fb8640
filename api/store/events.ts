/**
 * The log that streams are read from. Whatever tells of something adds a row in its own transaction; the row gets its place later, from
 * whoever holds {@link lockLog}. So places are visible in their order, and who has read up to one has missed none before it.
 */
import type { Queryable, Sql } from "./database.ts";

/** Days for which a stream can be taken up again. */
const KEPT_DAYS = 7;
/** Rows that get their places at once. */
const BATCH = 1_000;

/**
 * Who may see an event: everybody; an agent, by its id on the wire or by its number, as whatever tells of it knows it; or an EOA in lower
 * case, which may be no agent yet.
 */
export type Audience = string;
export const PUBLIC: Audience = "public";

/** What was left out of the public feed: it keeps its row, so that it is not looked at again. */
export const HIDDEN = "hidden";

export type LoggedEvent = {
  seq: number;
  audience: Audience;
  kind: string;
  domain: string | null;
  payload: Readonly<Record<string, unknown>>;
};

/** One process at a time gives places, until its transaction ends. */
export async function lockLog(tx: Queryable): Promise<void> {
  await tx`select pg_advisory_xact_lock(hashtextextended('events ' || current_schema(), 0))`;
}

/** Gives places to what waits for one, in the order of its making. True while there is more. For who holds the lock. */
export async function placeWaiting(tx: Queryable): Promise<boolean> {
  const placed = await tx`
    with placed as (
      select id, nextval('event_seq') as seq from (
        select id from events where seq is null order by id limit ${BATCH}
      ) waiting
    )
    update events e set seq = placed.seq from placed where e.id = placed.id returning e.id`;
  return placed.length === BATCH;
}

export type ChainEvent = Omit<LoggedEvent, "seq"> & { block: string; logIndex: number; tx: string };

/** Adds what the chain tells, in this order. For who holds the lock. */
export async function logChainEvents(tx: Queryable, events: readonly ChainEvent[]): Promise<void> {
  for (const { audience, kind, domain, payload, block, logIndex, tx: hash } of events) {
    await tx`
      insert into events (seq, audience, kind, domain, origin, payload, block, log_index, tx) values (
        nextval('event_seq'), ${audience}, ${kind}, ${domain}, ${`chain:${block}:${logIndex}`},
        ${JSON.stringify(payload)}::text::jsonb, ${block}, ${logIndex}, ${hash}
      ) on conflict (origin, audience) where not retracted do nothing`;
  }
}

/** Takes back what the chain has no more, and says so at the end of the log. For who holds the lock. */
export async function retract(tx: Queryable, seqs: readonly number[]): Promise<void> {
  if (seqs.length === 0) return;
  await tx`
    with gone as (
      update events set retracted = true where seq = any(${[...seqs]}::bigint[]) and not retracted
      returning seq, audience, kind, domain, block, tx, payload
    )
    insert into events (seq, audience, kind, domain, origin, payload)
    select nextval('event_seq'), audience, 'retracted', domain, 'retracted:' || seq, jsonb_build_object(
      'seq', seq, 'kind', kind, 'tx', tx, 'ek_id', coalesce(payload -> 'ek_id', payload #> '{ek_summary,ek_id}')
    )
    from (select * from gone where kind <> ${HIDDEN} order by seq desc) told`;
}

/** Adds an agent's own event, unless it was told already. */
export async function tellAgent(
  sql: Queryable,
  event: { audience: Audience; kind: string; origin: string; payload: Readonly<Record<string, unknown>> },
): Promise<void> {
  await sql`
    insert into events (audience, kind, origin, payload)
    values (${event.audience}, ${event.kind}, ${event.origin}, ${JSON.stringify(event.payload)}::text::jsonb)
    on conflict (origin, audience) where not retracted do nothing`;
}

/** The log's end, and up to where it has been dropped. */
export async function logBounds(sql: Sql): Promise<{ head: number; prunedTo: number }> {
  const [row] = await sql<{ head: string; pruned_to: string }[]>`
    select pruned_to, greatest(pruned_to, (select max(seq) from events)) as head from event_log`;
  if (!row) throw new Error("The log of events has lost its row.");
  return { head: Number(row.head), prunedTo: Number(row.pruned_to) };
}

/** Events after a place, up to another one, in order; of these audiences, or of all. */
export async function readLog(
  sql: Sql,
  {
    after,
    upTo,
    audiences,
    limit,
  }: { after: number; upTo?: number; audiences?: readonly Audience[]; limit: number },
): Promise<LoggedEvent[]> {
  const rows = await sql<(Omit<LoggedEvent, "seq"> & { seq: string })[]>`
    select seq, audience, kind, domain, payload from events
    where seq > ${after} and (${upTo ?? null}::bigint is null or seq <= ${upTo ?? null})
      and (${audiences === undefined} or audience = any(${audiences ? [...audiences] : []}::text[]))
    order by seq limit ${limit}`;
  return rows.map((row) => ({ ...row, seq: Number(row.seq) }));
}

/** Drops what nobody can ask for any more, and notes up to where. */
export async function dropOldEvents(sql: Sql): Promise<void> {
  await sql`
    with old as (
      delete from events where seq is not null and at < now() - ${KEPT_DAYS} * interval '1 day' returning seq
    )
    update event_log set pruned_to = greatest(pruned_to, (select max(seq) from old))
    where exists (select from old)`;
}

/** Seconds from now back, within which events off the chain are logged. */
export const KEPT_SECONDS = KEPT_DAYS * 86_400;
