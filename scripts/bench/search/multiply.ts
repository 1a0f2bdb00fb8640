/**
 * Makes several of each listing, in the indexer's tables and in those of the search: the same texts and tags under other numbers. To read
 * and weigh a million texts takes many minutes, and the search does not know that it has seen one before.
 */
import type postgres from "postgres";

/** Listings in a run of the search's order. */
const SLICE = 7_500;

/** `step`: above every number that there is. */
export async function multiply(
  sql: postgres.Sql,
  { schema, copies, step }: { schema: string; copies: number; step: number },
): Promise<void> {
  const columns = await sql<{ name: string }[]>`
    select column_name as name from information_schema.columns
    where table_schema = ${schema} and table_name = 'listing' and column_name <> 'id' order by ordinal_position`;
  const names = columns.map(({ name }) => `"${name}"`).join(", ");
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx.unsafe(`
      insert into "${schema}".listing (id, ${names})
      select 'ek_' || l.chain_id || '_' || (split_part(l.id, '_', 3)::bigint + c * ${step}), ${names}
      from "${schema}".listing l cross join generate_series(1, ${copies - 1}) c`);
  });
  await sql.unsafe(`
    create temp table places as
      select (place + c * ${step}::bigint) as place, row_number() over (order by place + c * ${step}::bigint) / ${SLICE} as run
      from search_listings cross join generate_series(0, ${copies - 1}) c;
    create temp table runs as select run, case run when 0 then 0 else min(place) end as low, count(*) as n from places group by run;
    truncate search_slices, search_texts;
    update search_tags set n = n * ${copies}, top = top + ${copies - 1} * ${step}::bigint where kind <> 'slice';
    update search_words set n = n * ${copies};
    update search_tags set n = 0 where kind = 'slice';
    insert into search_tags (kind, value, n) select 'slice', 'run ' || low, n from runs;
    insert into search_slices (tag, low) select t.id, r.low from runs r join search_tags t on t.kind = 'slice' and t.value = 'run ' || r.low;
    create temp table originals as select * from search_listings;
    truncate search_listings`);
  await sql.unsafe(`
    insert into search_listings (
      ek_id, number, print, changed_in, text_hash, place, sold, score, price, content_at, stale_at, timed, tags, doc
    )
    select
      regexp_replace(o.ek_id, '[0-9]+$', '') || (o.number + c * ${step}), o.number + c * ${step}, o.print, o.changed_in, o.text_hash,
      o.place + c * ${step}::bigint, o.sold, o.score, o.price, o.content_at, o.stale_at, o.timed,
      array_append(
        array_remove(o.tags, o.tags[array_length(o.tags, 1)]),
        (select tag from search_slices where low <= o.place + c * ${step}::bigint order by low desc limit 1)
      ), o.doc
    from originals o cross join generate_series(0, ${copies - 1}) c
    order by random();
    drop table originals, places, runs`);
}
