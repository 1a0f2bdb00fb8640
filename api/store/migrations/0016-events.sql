-- What is told on the streams: the log of the market's events, of each agent's own, and of those that a reorg took back.
create table events (
  id bigint generated always as identity primary key,
  -- Its place on the streams. Given by one process at a time, after the row is there: who has read up to a place has read all before it.
  seq bigint unique,
  -- "public", an agent by its id on the wire or by its number, or an EOA in lower case.
  audience text not null,
  kind text not null,
  domain text,
  -- What names it where it comes from: it is told once.
  origin text not null,
  payload jsonb not null,
  -- Where the chain had it, for what comes off the indexer's tables.
  block numeric(78, 0),
  log_index int,
  tx text,
  -- The chain has it no more.
  retracted boolean not null default false,
  at timestamptz not null default now()
);
create sequence event_seq;
create unique index events_origin on events (origin, audience) where not retracted;
create index events_audience on events (audience, seq);
create index events_waiting on events (id) where seq is null;
create index events_block on events (block) where block is not null and not retracted;
create index events_at on events (at);

-- Up to which place events have been dropped.
create table event_log (one boolean primary key default true check (one), pruned_to bigint not null default 0);
insert into event_log default values;

create function tell_event() returns trigger language plpgsql as $$
begin
  perform pg_notify(tg_table_schema || '_events', '');
  return null;
end $$;
create trigger tell after insert on events for each statement execute function tell_event();

-- Each step of a payment, told in the statement that makes it to who gets the key.
create function log_payment_step() returns trigger language plpgsql set search_path from current as $$
begin
  insert into events (audience, kind, origin, payload)
  select lower(p.buyer), 'payment', 'payment:' || new.id, jsonb_strip_nulls(jsonb_build_object(
    'payment_id', p.id::text, 'rail', p.rail, 'quote_id', p.quote_id, 'state', new.state, 'from_state', new.from_state,
    'ek_number', p.ek_id::text, 'key_id', p.key_id, 'tx', p.tx, 'amount', p.amount::text, 'currency', p.currency,
    'reason', p.reason, 'at', extract(epoch from new.at)
  ))
  from payments p where p.id = new.payment_id;
  return null;
end $$;
create trigger log_step after insert on payment_transitions for each row execute function log_payment_step();

-- Each use that a gateway reports, told to who sells.
create function log_usage() returns trigger language plpgsql set search_path from current as $$
begin
  insert into events (audience, kind, origin, payload)
  values (new.seller_id, 'usage', 'usage:' || new.event_id, jsonb_strip_nulls(jsonb_build_object(
    'event_id', new.event_id, 'event_type', new.event_type, 'ek_id', new.ek_id, 'agent_id', new.buyer_agent_id,
    'action', new.action, 'result', new.result, 'reason', new.event -> 'reason', 'item_id', new.event -> 'item_id',
    'bytes', new.event -> 'bytes', 'latency_ms', new.event -> 'latency_ms', 'at', extract(epoch from new.at)
  )));
  return null;
end $$;
create trigger log_use after insert on usage_events for each row execute function log_usage();

-- What holders say of a listing and what is reported of it, told to who sells; the answer, to who reported. See `ownNotifications`.
create function log_review() returns trigger language plpgsql set search_path from current as $$
begin
  insert into events (audience, kind, origin, payload)
  values (new.seller_id::text, 'review', 'review:' || new.ek_id || '-' || new.agent_id || '-' || new.revision, jsonb_build_object(
    'ek_id', new.ek_id, 'agent_number', new.agent_id::text, 'at', extract(epoch from new.updated_at),
    'notification_id', 'ntf_review:' || new.ek_id || '-' || new.agent_id || '-' || new.revision
  )) on conflict (origin, audience) where not retracted do nothing;
  return null;
end $$;
create trigger log_review after insert or update of revision on reviews
  for each row when (new.withdrawn_at is null) execute function log_review();

create function log_issue() returns trigger language plpgsql set search_path from current as $$
begin
  insert into events (audience, kind, origin, payload)
  values (new.seller_id::text, 'issue', 'issue:' || new.id, jsonb_build_object(
    'ek_id', new.ek_id, 'reason', new.reason, 'at', extract(epoch from new.created_at), 'notification_id', 'ntf_issue:' || new.id
  ));
  return null;
end $$;
create trigger log_issue after insert on issues for each row execute function log_issue();

create function log_issue_answer() returns trigger language plpgsql set search_path from current as $$
begin
  insert into events (audience, kind, origin, payload)
  values (new.agent_id::text, 'issue_answered', 'issue_answered:' || new.id || ':' || extract(epoch from new.answered_at), jsonb_build_object(
    'ek_id', new.ek_id, 'at', extract(epoch from new.answered_at), 'notification_id', 'ntf_issue_answered:' || new.id
  )) on conflict (origin, audience) where not retracted do nothing;
  return null;
end $$;
create trigger log_issue_answer after update of answered_at on issues
  for each row when (new.answered_at is not null) execute function log_issue_answer();

-- How a gateway is found, told to its seller when that changes.
create function log_store_status() returns trigger language plpgsql set search_path from current as $$
begin
  insert into events (audience, kind, origin, payload)
  values (new.agent_id::text, 'store_status', 'store_status:' || md5(new.url) || ':' || extract(epoch from clock_timestamp()), jsonb_build_object(
    'store', jsonb_strip_nulls(jsonb_build_object('gateway', new.url, 'status', new.status, 'before', old.status, 'error', new.errors -> 0 -> 'error')),
    'at', extract(epoch from coalesce(new.checked_at, now()))
  ));
  return null;
end $$;
create trigger log_status after update of status on gateways
  for each row when (new.status is distinct from old.status and new.status is not null) execute function log_store_status();
