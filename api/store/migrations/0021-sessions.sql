-- Sessions: one per sign-in. The access tokens of one name it, so that it can be ended.
create table sessions (
  id uuid primary key,
  eoa text not null,
  -- The agent's at sign-in; null where the EOA was none's yet.
  agent_id numeric(78, 0),
  epoch bigint,
  -- What signed in: its User-Agent, and the network (not the address) that it came from.
  client text not null,
  network text not null,
  created_at timestamptz not null default now(),
  last_used_at timestamptz not null default now(),
  -- Whatever happens.
  expires_at timestamptz not null,
  ended_at timestamptz,
  end_reason text
);
create index sessions_eoa on sessions (eoa, created_at desc, id desc);
create index sessions_expiry on sessions (expires_at);

-- Refresh tokens, by their SHA-256: each is used once. One that comes again has been copied, and ends its session.
create table session_refreshes (
  hash text primary key,
  session_id uuid not null references sessions on delete cascade,
  created_at timestamptz not null default now(),
  used_at timestamptz
);
create index session_refreshes_session on session_refreshes (session_id);

-- What was done for an agent, or tried in its name. Nothing in it changes, and nothing leaves it.
create table audit_log (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  action text not null,
  outcome text not null check (outcome in ('done', 'refused')),
  eoa text not null,
  agent_id numeric(78, 0),
  session_id uuid,
  network text not null,
  request_id text not null,
  -- Ids and names alone: no tokens, signatures or bodies.
  details jsonb not null default '{}'
);
create index audit_log_eoa on audit_log (eoa, id desc);
create index audit_log_agent on audit_log (agent_id, id desc);

create function audit_log_stays() returns trigger language plpgsql as $$
begin
  raise exception 'the audit log is append-only' using errcode = '42501';
end $$;
create trigger audit_log_stays before update or delete or truncate on audit_log
  for each statement execute function audit_log_stays();
