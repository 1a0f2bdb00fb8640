-- Sign-in nonces: each works once, for the EOA that it was made for.
create table nonces (
  nonce text primary key,
  eoa text not null,
  message text not null,
  expires_at timestamptz not null,
  used_at timestamptz
);
create index nonces_expires_at on nonces (expires_at);

-- The keys by which the exchange signs sessions and capability tokens. A key is published until `retired_at`, so that keys can overlap.
create table signing_keys (
  kid text primary key,
  private_jwk jsonb not null,
  created_at timestamptz not null default now(),
  retired_at timestamptz
);

-- Quotes, as the contract knows them: the hash is the id.
create table quotes (
  quote_id text primary key,
  till text not null unique,
  ek_id numeric(78, 0) not null,
  version bigint not null,
  buyer text not null,
  token text not null,
  max_price numeric(78, 0) not null,
  deadline bigint not null,
  salt text not null,
  -- The chain's head at that time: no sale of this quote is older.
  block_number bigint not null,
  -- Money was seen in the till that no key can be had for: it goes back after the deadline.
  refund_due boolean not null default false,
  -- Until then one process sends what turns the till into a key or a refund.
  lease_until timestamptz not null default now(),
  created_at timestamptz not null default now()
);
create index quotes_refund_due on quotes (deadline) where refund_due;

-- Payments by x402: one row per authorization, at most one live one per quote.
create table payments (
  id bigint generated always as identity primary key,
  quote_id text not null references quotes,
  chain_id integer not null,
  token text not null,
  payer text not null,
  nonce text not null,
  value numeric(78, 0) not null,
  valid_after numeric(78, 0) not null,
  valid_before numeric(78, 0) not null,
  signature text not null,
  state text not null check (
    state in ('PaymentAuthorized', 'PaymentConfirmed', 'EKIssued', 'AccessGranted', 'Unknown', 'Failed')
  ),
  -- Stored before the transaction is sent.
  tx text,
  key_id text,
  -- The answer to the buyer, once there is one.
  purchase jsonb,
  -- Why it failed.
  reason text,
  -- Until then one process works on it; afterwards any may take it over.
  lease_until timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (chain_id, token, payer, nonce)
);
create unique index payments_live on payments (quote_id) where state <> 'Failed';
create index payments_open on payments (lease_until) where state in ('PaymentAuthorized', 'Unknown');
create index payments_key on payments (key_id);

-- What became of a payment, step by step.
create table payment_transitions (
  payment_id bigint not null references payments,
  state text not null,
  at timestamptz not null default now(),
  evidence jsonb
);
create index payment_transitions_payment on payment_transitions (payment_id);

-- What gateways reported, once each.
create table usage_events (
  event_id uuid primary key,
  ek_id text not null,
  seller_id text not null,
  buyer_agent_id text not null,
  event_type text not null,
  action text not null,
  result text not null,
  at timestamptz not null,
  event jsonb not null,
  jws text not null,
  received_at timestamptz not null default now()
);
create index usage_events_ek on usage_events (ek_id, at desc);

-- How often an Experience was used and cited, kept with the events.
create table usage_totals (
  ek_id text primary key,
  usage_count bigint not null default 0,
  quote_count bigint not null default 0
);
