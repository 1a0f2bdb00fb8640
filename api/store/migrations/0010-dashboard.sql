-- Who asked to be told. Once per address, in lower case.
create table waitlist (
  email text primary key,
  agent_type text not null,
  notes text,
  created_at timestamptz not null default now()
);

-- A seller's view of its uses.
create index usage_events_seller on usage_events (seller_id, at desc);
-- Which of an agent's keys has a token.
create index issued_tokens_agent on issued_tokens (agent_id, expires_at) where revocation is null;

-- Gateways that sellers named, as the exchange found them last.
create table gateways (
  agent_id numeric(78, 0) not null,
  -- As in the listing, without a trailing slash.
  url text not null,
  status text check (status in ('healthy', 'degraded', 'down')),
  storage_type text,
  gateway_key text,
  -- The last failures, the newest first: {at, error}.
  errors jsonb not null default '[]',
  checked_at timestamptz,
  -- When it is looked at again; also the lease of whoever is looking.
  check_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  primary key (agent_id, url)
);
create index gateways_due on gateways (check_at);
