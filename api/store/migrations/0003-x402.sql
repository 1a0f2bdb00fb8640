-- How the authorization pays: to the quote's till, or bound to the purchase by its nonce.
alter table x402_authorizations
  add column scheme text not null default 'exact' check (scheme in ('exact', 'ek-purchase')),
  -- The facilitator that was asked to submit it; nobody but this API where it is null.
  add column facilitator text;

-- x402's payment-identifier: what a payer called its request, and the quote that answers it.
create table x402_payment_ids (
  payer text not null,
  payment_id text not null,
  -- Of what makes two requests the same one.
  fingerprint text not null,
  quote_id text not null references quotes,
  named_at timestamptz not null default now(),
  primary key (payer, payment_id)
);

-- x402's sign-in-with-x: messages by which a holder was let in, each once.
create table siwx_nonces (
  address text not null,
  nonce text not null,
  -- After that the message itself is refused.
  expires_at timestamptz not null,
  primary key (address, nonce)
);
create index siwx_nonces_expires_at on siwx_nonces (expires_at);
