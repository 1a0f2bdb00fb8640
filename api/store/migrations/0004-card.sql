-- Purchases by card, from the request on. It becomes a payment when the card's holder has let the money be reserved.
create table card_purchases (
  -- Names it to its buyer and to the provider: metadata and idempotency key.
  id uuid primary key,
  payment_id bigint unique references payments,
  agent_id numeric(78, 0) not null,
  -- The session's EOA, in lower case.
  eoa text not null,
  -- The client's Idempotency-Key, and the hash of what it asked for under it.
  request_key text,
  request_hash text not null,
  -- What was quoted: no other version, and no more than this, in the token's smallest units.
  ek_id numeric(78, 0) not null,
  version bigint not null,
  token text not null,
  max_price numeric(78, 0) not null,
  -- US cents that the card is asked for.
  cents integer not null check (cents > 0),
  -- The chain's head at that time: its sale is in no older block.
  block_number bigint not null,
  -- The provider's PaymentIntent; null while nobody knows whether there is one.
  intent_id text unique,
  -- The latest Unix second at which a transaction that was signed for it can still issue a key; 0 while there is none.
  issue_deadline bigint not null default 0,
  -- Why there will be no key; written before the money is let go.
  reason text,
  -- No key is issued later.
  expires_at timestamptz not null,
  -- When somebody has to look at it again; null: when the provider says something.
  look_at timestamptz,
  -- How often the provider said something. Who looked away meanwhile must look again.
  notices integer not null default 0,
  lease_until timestamptz not null default now(),
  created_at timestamptz not null default now(),
  unique (eoa, request_key)
);
create index card_purchases_look on card_purchases (look_at) where look_at is not null;

-- The provider's events, each once, in the transaction of its effect: somebody has to look. Nothing else of them is kept.
create table card_events (
  event_id text primary key,
  type text not null,
  -- Unix seconds, by the provider.
  created bigint not null,
  intent_id text,
  -- The purchase that it concerns; null for what is not ours, or needs nothing.
  purchase_id uuid references card_purchases,
  received_at timestamptz not null default now()
);
create index card_events_purchase on card_events (purchase_id);

-- Up to where the provider's list of events was read to its end.
create table card_feed (
  id boolean primary key default true check (id),
  read_until bigint not null default extract(epoch from now()),
  read_at timestamptz not null default now()
);
insert into card_feed default values;
