-- How often each buyer used each Experience: one buyer's thousand uses must not weigh as much as a thousand buyers'.
create table usage_pairs (
  ek_id text not null,
  buyer_agent_id text not null,
  uses bigint not null,
  primary key (ek_id, buyer_agent_id)
);

-- What a seller's buyers made of it. `weight` is in thousandths: the n-th use of an Experience by the same buyer weighs half of the one
-- before (`useWeight` of sdk/reputation/seller.ts), kept with the events.
create table seller_usage (
  seller_id text primary key,
  uses bigint not null default 0,
  quotes bigint not null default 0,
  weight bigint not null default 0
);

-- Uses by the UTC day that the gateway gives.
create table usage_days (
  day date primary key,
  uses bigint not null default 0,
  quotes bigint not null default 0
);

insert into usage_pairs (ek_id, buyer_agent_id, uses)
select ek_id, buyer_agent_id, count(*) from usage_events
where event_type = 'UsageEvent' and result = 'ok' and action <> 'quote'
group by ek_id, buyer_agent_id;

insert into seller_usage (seller_id, uses, quotes, weight)
select s.seller_id, s.uses, s.quotes, coalesce(w.weight, 0)
from (
  select seller_id,
    count(*) filter (where event_type = 'UsageEvent' and action <> 'quote') as uses,
    count(*) filter (where action = 'quote') as quotes
  from usage_events where result = 'ok' group by seller_id
) s
left join (
  select e.seller_id, sum(2000 - (2000 >> least(p.uses, 11)::int)) as weight
  from usage_pairs p
  join (select distinct ek_id, seller_id from usage_events) e using (ek_id)
  group by e.seller_id
) w using (seller_id);

insert into usage_days (day, uses, quotes)
select (at at time zone 'UTC')::date,
  count(*) filter (where event_type = 'UsageEvent' and action <> 'quote'),
  count(*) filter (where action = 'quote')
from usage_events where result = 'ok'
group by 1;
