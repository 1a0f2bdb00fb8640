-- The most that a payment by x402's `upto` may be charged, where the price moves; null where it does not.
alter table quotes add column ceiling numeric(78, 0);

-- A Permit2 permission instead of an ERC-3009 authorization: `value` is the most, `nonce` its number as 32 bytes, `valid_before` its
-- deadline, which is inclusive.
alter table x402_authorizations drop constraint x402_authorizations_scheme_check;
alter table x402_authorizations
  add constraint x402_authorizations_scheme_check check (scheme in ('exact', 'ek-purchase', 'upto'));

-- Quotes that nobody paid are deleted some time after their end. Something hangs on these: a payment, a challenge on Tempo, or money that
-- was seen in the till.
alter table quotes add column kept boolean not null default false;
create index quotes_unpaid on quotes (deadline) where not kept and not refund_due;
create index x402_payment_ids_quote on x402_payment_ids (quote_id);
create index tempo_challenges_quote on tempo_challenges (quote_id);
create index payments_quote on payments (quote_id);
