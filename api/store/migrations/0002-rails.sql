-- Payments on every rail in one table. What only one rail knows of a payment stands in a table of that rail's own.
create table x402_authorizations (
  payment_id bigint primary key references payments,
  chain_id integer not null,
  token text not null,
  payer text not null,
  nonce text not null,
  value numeric(78, 0) not null,
  valid_after numeric(78, 0) not null,
  valid_before numeric(78, 0) not null,
  signature text not null,
  unique (chain_id, token, payer, nonce)
);
insert into x402_authorizations (
  payment_id, chain_id, token, payer, nonce, value, valid_after, valid_before, signature
)
select id, chain_id, token, payer, nonce, value, valid_after, valid_before, signature from payments;

alter table payments
  add column rail text,
  -- What names the payment on its rail; with it, one payment is one row.
  add column reference text,
  -- The EOA that gets the key, in lower case.
  add column buyer text,
  add column ek_id numeric(78, 0),
  add column version bigint,
  -- What was authorized, in smallest units of `currency`: a token's address in lower case, an ISO 4217 code, or "points".
  add column amount numeric(78, 0),
  add column currency text,
  -- The block that issued the key: should it be gone one day, so is the key.
  add column block_number bigint,
  add column block_hash text;
update payments p set
  rail = 'x402',
  reference = p.chain_id || '/' || p.token || '/' || p.payer || '/' || p.nonce,
  buyer = lower(q.buyer),
  ek_id = q.ek_id,
  version = q.version,
  amount = p.value,
  currency = p.token
from quotes q where q.quote_id = p.quote_id;
alter table payments
  alter column rail set not null,
  alter column reference set not null,
  alter column buyer set not null,
  alter column ek_id set not null,
  alter column version set not null,
  alter column amount set not null,
  alter column currency set not null,
  -- Claims and points need no quote.
  alter column quote_id drop not null,
  add constraint payments_rail_check check (rail in ('x402', 'mpp', 'card', 'free', 'points')),
  add constraint payments_reference unique (rail, reference),
  drop constraint payments_state_check,
  add constraint payments_state_check check (
    state in (
      'PaymentAuthorized', 'PaymentConfirmed', 'EKIssued', 'AccessGranted', 'Unknown', 'Failed', 'Refunded', 'Disputed'
    )
  ),
  -- Their unique constraint goes with them; the one on (rail, reference) says the same.
  drop column chain_id,
  drop column token,
  drop column payer,
  drop column nonce,
  drop column value,
  drop column valid_after,
  drop column valid_before,
  drop column signature;
drop index payments_open;
create index payments_open on payments (lease_until)
  where state in ('PaymentAuthorized', 'PaymentConfirmed', 'Unknown');
create index payments_block on payments (block_number) where block_number is not null;

-- The steps in their order, and where each came from.
alter table payment_transitions
  add column id bigint generated always as identity primary key,
  add column from_state text;
update payment_transitions set evidence = '{}' where evidence is null;
alter table payment_transitions alter column evidence set not null;

-- Every transaction that the relayer signs: one row per call, at most one waiting per nonce. Written before it is sent.
create table relayed_transactions (
  id bigint generated always as identity primary key,
  chain_id integer not null,
  sender text not null,
  nonce bigint not null,
  -- Who caused the gas: an EOA in lower case, or "house".
  asker text not null,
  target text not null,
  data text not null,
  -- The limit while it waits, what it used once it is mined.
  gas numeric(78, 0) not null,
  -- signed: noted, perhaps sent. sent: a node has taken it. mined, reverted: in a block. replaced: its nonce went to something else.
  -- dropped: never sent, its nonce is free.
  state text not null default 'signed' check (
    state in ('signed', 'sent', 'mined', 'reverted', 'replaced', 'dropped')
  ),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index relayed_waiting on relayed_transactions (chain_id, sender, nonce) where state in ('signed', 'sent');
create index relayed_asker on relayed_transactions (chain_id, sender, asker, created_at);

-- The signed forms of one: the first, and those that replace it at a higher fee. Whichever is mined counts.
create table relayed_attempts (
  hash text primary key,
  transaction_id bigint not null references relayed_transactions on delete cascade,
  raw text not null,
  max_fee numeric(78, 0) not null,
  priority_fee numeric(78, 0) not null,
  -- It does nothing but use up the nonce.
  cancels boolean not null,
  at timestamptz not null default now()
);
create index relayed_attempts_transaction on relayed_attempts (transaction_id, at);

-- When the chain is asked again what became of the key; null = its order is over, and buried.
alter table payments add column review_at timestamptz;
update payments set review_at = now() where state in ('EKIssued', 'AccessGranted');
create index payments_review on payments (review_at) where review_at is not null;

-- How far the chain was read, and the hash that tells whether that block is still there.
create table chain_cursors (
  name text primary key,
  block_number bigint not null,
  block_hash text not null
);

-- Requests that are done once, however often they are sent: stored with the payment that they made.
create table idempotency_keys (
  eoa text not null,
  key text not null,
  request_hash text not null,
  payment_id bigint not null references payments,
  created_at timestamptz not null default now(),
  primary key (eoa, key)
);

-- First uses that wait to be recorded on chain, many in one transaction.
create table accesses (
  key_id text primary key,
  next_at timestamptz not null default now() + interval '30 seconds'
);
create index accesses_next on accesses (next_at);
