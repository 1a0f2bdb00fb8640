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
