-- What the search reads: one row per listing that can be found now, made from the indexer's tables and made anew when they say otherwise.
-- All of it can be dropped and is rebuilt. Only `api/search/project.ts` writes here, one process at a time.
select pg_advisory_xact_lock(hashtextextended('extensions', 0));
create extension if not exists unaccent with schema public;
create extension if not exists pg_trgm with schema public;

create text search configuration listing_text (copy = pg_catalog.english);
alter text search configuration listing_text
  alter mapping for hword, hword_part, word with public.unaccent, english_stem;
-- Words as they are written, for suggestions.
create text search configuration listing_words (copy = pg_catalog.simple);
alter text search configuration listing_words
  alter mapping for hword, hword_part, word with public.unaccent, simple;

-- How far it has come.
create table search_state (
  -- The view that it was made from: another one means that everything is compared again.
  source oid not null,
  -- What the worth of a bond depends on.
  policy text not null,
  -- The indexer's checkpoint that it has seen.
  checkpoint text not null,
  -- The indexer's last block that can't be undone any more: later ones are compared each time.
  since bigint not null,
  built_at timestamptz not null default now()
);
create unique index search_state_one on search_state ((true));

-- Everything that a listing can be filtered by, and how many have it.
create table search_tags (
  id integer generated always as identity primary key,
  kind text not null,
  value text not null,
  n bigint not null default 0,
  -- No listing with it has or had a greater place: what only the last of all have is not looked for among the first.
  top bigint not null default 0,
  unique (kind, value)
);

create index search_tags_top on search_tags (kind, n desc) where kind in ('domain', 'task_type', 'modality', 'validation');

-- Runs of the order by `place`, each with a tag: a word that many listings hold is looked for from the top, run by run.
create table search_slices (
  tag integer primary key references search_tags,
  low bigint not null unique
);
with first as (insert into search_tags (kind, value) values ('slice', '0') returning id)
insert into search_slices (tag, low) select id, 0 from first;

create table search_listings (
  ek_id text primary key,
  number bigint not null check (number between 0 and 1099511627775),
  -- Hash of what it was made from.
  print bigint not null,
  changed_in bigint not null,
  text_hash text not null,
  -- The rank times 2^40, plus the number: the better, the greater; of equals the newest.
  place bigint not null,
  sold integer not null,
  score integer not null,
  -- In whole tokens, as of the last change or the last look at the clock.
  price numeric not null,
  content_at bigint not null,
  -- From then on it is past the time that its seller gave it; null: never.
  stale_at bigint,
  -- Whether the price changes by itself as time passes.
  timed boolean not null,
  looked_at timestamptz not null default now(),
  tags integer[] not null,
  doc tsvector not null
);
create unique index search_listings_place on search_listings (place) include (tags);
create unique index search_listings_number on search_listings (number) include (tags);
create index search_listings_price on search_listings (price, number) include (tags);
create index search_listings_sold on search_listings (sold, number) include (tags);
create index search_listings_score on search_listings (score, number) include (tags);
create index search_listings_match on search_listings using gin (tags, doc);
create index search_listings_changed_in on search_listings (changed_in);
create index search_listings_stale_at on search_listings (stale_at) where stale_at is not null;
create index search_listings_timed on search_listings (looked_at) where timed;

-- Words as they are written, their stem, and how many listings hold them.
create table search_words (
  word text primary key,
  stem text not null,
  n bigint not null
);
create index search_words_stem on search_words (stem);
create index search_words_like on search_words using gin (word public.gin_trgm_ops);
create table search_texts (
  ek_id text primary key,
  words text[] not null
);

-- Stores listings, and removes those that are gone, with all counts.
create function search_apply(incoming jsonb, gone text[]) returns void language plpgsql
set search_path from current set plan_cache_mode = force_custom_plan as $$
begin
  -- Postgres does not know how many are coming: for many of them, loops within loops would take minutes.
  perform set_config('enable_nestloop', case when jsonb_array_length(incoming) > 20 then 'off' else 'on' end, true);
  insert into search_tags (kind, value)
  select distinct t.tag->>0, t.tag->>1
  from jsonb_array_elements(incoming) r, jsonb_array_elements(r->'tags') t (tag)
  where not exists (select 1 from search_tags s where s.kind = t.tag->>0 and s.value = t.tag->>1);

  with r as materialized (
    select * from jsonb_to_recordset(incoming) as r (
      ek_id text, number bigint, print bigint, changed_in bigint, text_hash text, place bigint, sold integer, score integer,
      price numeric, content_at bigint, stale_at bigint, timed boolean, title text, topic text, summary text, tags jsonb
    )
  ), old as materialized (
    select ek_id, tags, text_hash, doc from search_listings where ek_id = any (gone) or ek_id in (select ek_id from r)
  ), tagged as materialized (
    select t.ek_id, array_agg(s.id order by s.id) as ids
    from (select ek_id, tag->>0 as kind, tag->>1 as value from r, jsonb_array_elements(r.tags) x (tag)) t
    join search_tags s using (kind, value) group by t.ek_id
  ), fresh as materialized (
    select
      r.*,
      array_append(
        tagged.ids, (select tag from search_slices where low <= r.place order by low desc limit 1)
      ) as all_ids,
      old.text_hash is not distinct from r.text_hash as same_text,
      case when old.text_hash is not distinct from r.text_hash then old.doc else
        setweight(to_tsvector('listing_text', r.title), 'A')
          || setweight(to_tsvector('listing_text', r.topic), 'B')
          || setweight(to_tsvector('listing_text', r.summary), 'C')
      end as new_doc
    from r join tagged using (ek_id) left join old using (ek_id)
  ), lost as materialized (
    select ek_id from old where ek_id not in (select ek_id from r)
  ), removed as (
    delete from search_listings where ek_id in (select ek_id from lost)
  ), stored as (
    insert into search_listings (
      ek_id, number, print, changed_in, text_hash, place, sold, score, price, content_at, stale_at, timed, tags, doc
    )
    select
      ek_id, number, print, changed_in, text_hash, place, sold, score, price, content_at, stale_at, timed, all_ids, new_doc
    from fresh
    on conflict (ek_id) do update set
      print = excluded.print, changed_in = excluded.changed_in, text_hash = excluded.text_hash, place = excluded.place,
      sold = excluded.sold, score = excluded.score, price = excluded.price, content_at = excluded.content_at,
      stale_at = excluded.stale_at, timed = excluded.timed, looked_at = now(), tags = excluded.tags, doc = excluded.doc
  ), tag_change as (
    select id, sum(d) as d, max(place) as top from (
      select unnest(tags), -1, 0 from old union all select unnest(all_ids), 1, place from fresh
    ) x (id, d, place) group by id
  ), counted as (
    update search_tags t set n = t.n + c.d, top = greatest(t.top, c.top) from tag_change c
    where c.id = t.id and (c.d <> 0 or c.top > t.top)
  ), texts as materialized (
    select ek_id, array(
      select w from unnest(tsvector_to_array(to_tsvector('listing_words', concat_ws(' ', title, topic, summary)))) w
      where w ~ '^[[:alpha:]]{3,40}$'
    ) as words
    from fresh where not same_text
  ), old_texts as materialized (
    select ek_id, words from search_texts
    where ek_id in (select ek_id from texts) or ek_id in (select ek_id from lost)
  ), forgotten as (
    delete from search_texts where ek_id in (select ek_id from lost)
  ), written as (
    insert into search_texts (ek_id, words) select ek_id, words from texts
    on conflict (ek_id) do update set words = excluded.words
  ), word_change as (
    select word, sum(d) as d from (
      select unnest(words), -1 from old_texts union all select unnest(words), 1 from texts
    ) x (word, d) group by word having sum(d) <> 0
  )
  insert into search_words as w (word, stem, n)
  select word, coalesce(k.stem, (tsvector_to_array(to_tsvector('listing_text', word)))[1], word), d
  from word_change left join search_words k using (word)
  on conflict (word) do update set n = w.n + excluded.n;
end $$;

-- Cuts a run in two equal parts.
create function search_split(whole integer) returns void language plpgsql set search_path from current as $$
declare
  bottom bigint;
  top bigint;
  middle bigint;
  part integer;
  moved bigint;
begin
  select low into strict bottom from search_slices where tag = whole;
  select coalesce(min(low), 9223372036854775807) into top from search_slices where low > bottom;
  select place into middle from search_listings where place >= bottom and place < top
  order by place offset (select n / 2 from search_tags where id = whole) limit 1;
  if middle is null or middle = bottom then return; end if;
  insert into search_tags (kind, value) values ('slice', middle::text) returning id into part;
  insert into search_slices (tag, low) values (part, middle);
  update search_listings set tags = array_replace(tags, whole, part) where place >= middle and place < top;
  get diagnostics moved = row_count;
  update search_tags set n = n + case id when part then moved else -moved end where id in (whole, part);
end $$;
