-- When a key begins to sign: until then it is published already, so that every verifier knows it. Null: it stands by for the next
-- rotation, or for the day when the present one has to be killed.
alter table signing_keys add column signs_from timestamptz;
update signing_keys set signs_from = created_at;
-- A killed key is not published and signs nothing, from that moment.
alter table signing_keys add column killed_at timestamptz;

-- What the exchange keeps to itself and must never change, by its name.
create table secrets (
  name text primary key,
  value bytea not null,
  created_at timestamptz not null default now()
);

-- Every capability token that was handed out, and what it was handed out for. The token itself is not here.
create sequence token_revocations;
create table issued_tokens (
  jti uuid primary key,
  ek_id numeric(78, 0) not null,
  version bigint not null,
  agent_id numeric(78, 0) not null,
  -- The agent's EOA at that time, and how often it had rotated: a rotation ends its tokens, also one there and back.
  eoa text not null,
  epoch bigint not null,
  purpose text not null check (purpose in ('use', 'validate')),
  -- The key's number on chain; none for a validator.
  key_number numeric(78, 0),
  -- The exchange's key that signed it, the client's key that it is bound to, and the handle in what is delivered for it.
  kid text not null,
  jkt text,
  watermark_id text not null,
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  -- The head of the chain that the right was read from.
  block_number bigint not null,
  block_hash text not null,
  -- The head at which the right was last seen to hold, and when.
  checked_hash text not null,
  checked_at timestamptz not null default now(),
  -- Its place in the feed of revocations, and why. Places are given out one transaction at a time, so that no reader passes one by.
  revocation bigint unique,
  revoked_at timestamptz,
  reason text
);
create index issued_tokens_live on issued_tokens (expires_at) where revocation is null;

-- The one token that a validator gets per version before it has labelled.
create table validator_grants (
  ek_id numeric(78, 0) not null,
  version bigint not null,
  agent_id numeric(78, 0) not null,
  jti uuid not null,
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  block_number bigint not null,
  primary key (ek_id, version, agent_id)
);

-- Who is behind a handle in delivered content. Kept for good: leaks come late.
create table watermarks (
  watermark_id text primary key,
  ek_id numeric(78, 0) not null,
  agent_id numeric(78, 0) not null,
  -- Of the seller's version that was bought or validated.
  version bigint not null,
  key_number numeric(78, 0),
  first_issued_at timestamptz not null default now()
);

-- DPoP proofs that were used: each counts once for its key.
create table dpop_proofs (
  jkt text not null,
  jti text not null,
  expires_at timestamptz not null,
  primary key (jkt, jti)
);
create index dpop_proofs_expires_at on dpop_proofs (expires_at);
create index usage_events_buyer on usage_events (buyer_agent_id, ek_id, at);
