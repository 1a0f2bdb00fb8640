/** The ledger's tables, in the words that SQLite and Postgres share. Times are Unix seconds unless they say otherwise. */
export const tables: readonly string[] = [
  // How often something was done in the window that began at `start`.
  `create table if not exists counters (
    name text primary key,
    start bigint not null,
    used bigint not null,
    until bigint not null
  )`,
  // Uses under way: how many bytes of the item may still be fetched in ranges before that is another use.
  `create table if not exists openings (
    name text primary key,
    bytes_left bigint not null,
    until bigint not null
  )`,
  // DPoP proofs that were seen.
  `create table if not exists proofs (
    name text primary key,
    until bigint not null
  )`,
  // Receipts, numbered per key without a gap from 1. `queued`: it is in the outbox, so it will reach the exchange.
  `create table if not exists receipts (
    id text primary key,
    chain text not null,
    number bigint not null,
    at_ms bigint not null,
    day text not null,
    buyer text not null,
    jkt text,
    watermark text,
    jws text not null,
    countersignature text,
    queued bigint not null default 0,
    unique (chain, number)
  )`,
  "create index if not exists receipts_day on receipts (day)",
  "create index if not exists receipts_watermark on receipts (watermark)",
  "create index if not exists receipts_unqueued on receipts (at_ms) where queued = 0",
  // Calls that were paid for: each is run and answered for one payment.
  `create table if not exists paid_calls (
    payment text primary key,
    request_hash text not null,
    state text not null check (state in ('settling', 'settled', 'done', 'refused')),
    lease_until bigint not null,
    settlement text,
    answer text,
    at bigint not null
  )`,
];
