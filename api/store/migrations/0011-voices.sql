-- What holders of keys say of a listing. One live word each, revised in place; that they held a key is as the chain had it then.
create table reviews (
  ek_id text not null,
  seller_id numeric(78, 0) not null,
  agent_id numeric(78, 0) not null,
  eoa text not null,
  rating smallint not null check (rating between 1 and 5),
  body text not null,
  revision int not null default 1,
  -- The key, the version that it opens, and the block at which the chain said so.
  key_id text not null,
  version bigint not null,
  block_number bigint not null,
  block_hash text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- Taken back by its author; written again, it is live again.
  withdrawn_at timestamptz,
  primary key (ek_id, agent_id)
);
create index reviews_live on reviews (ek_id, updated_at desc) where withdrawn_at is null;
create index reviews_seller on reviews (seller_id, updated_at desc) where withdrawn_at is null;

-- What somebody reports of a listing to its seller and to the exchange. One per agent and listing, revised in place.
create table issues (
  id uuid primary key,
  ek_id text not null,
  seller_id numeric(78, 0) not null,
  agent_id numeric(78, 0) not null,
  eoa text not null,
  reason text not null,
  body text not null,
  -- Whether the reporter held a key then, as the chain had it: only such reports count.
  key_id text,
  version bigint not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  answer text,
  answered_at timestamptz,
  unique (ek_id, agent_id)
);
create index issues_seller on issues (seller_id, created_at desc);
create index issues_agent on issues (agent_id, created_at desc);

-- Which notifications an agent has seen. The notifications themselves are read off the chain's views and the tables above.
create table notification_reads (
  agent_id numeric(78, 0) not null,
  notification_id text not null,
  read_at timestamptz not null default now(),
  primary key (agent_id, notification_id)
);
