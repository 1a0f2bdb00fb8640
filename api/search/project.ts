/**
 * Keeps the search's tables as the indexer's are. The indexer's rows name the block of their last change. What may still be undone is
 * compared each time, by a hash: a reorg leaves no event behind, only other rows. When the views are new ones (the indexer started again,
 * or built its tables anew) everything is compared.
 */
import { inArray } from "drizzle-orm";
import { labels, scoreNames, toBits } from "../../sdk/records.ts";
import type { Deps } from "../deps.ts";
import { errorFields, log } from "../http/log.ts";
import { views } from "../queries/index-database.ts";
import { isShowable, tokenOf } from "../queries/summaries.ts";
import type { Queryable } from "../store/database.ts";
import { documentOf, type Source } from "./document.ts";
import { type Bonded, NEGATIVE, POSITIVE } from "./rank.ts";

/** Listings stored in one transaction, and how many of a run make it two. */
const CHUNK = 2_000;
const SLICE_MOST = 10_000;
/** Listings whose price or freshness has moved with time, at most so many a round, each no more often than this. */
const TIMED = 500;
const LOOK_AGAIN = "60 seconds";

export type Projection = {
  /** Names the deployment, as in the names of schemas. */
  tag: string;
  /** A connection of its own, in the API's schema. */
  sql: Queryable;
  deps: Pick<Deps, "chain" | "index">;
};

/** Where the indexer is; undefined while its views are not there. */
type Head = { source: string; checkpoint: string; finalized: string; policy: string; min_bond: string };
type State = { source: string; checkpoint: string; since: string; policy: string };

/** What a difference is: a listing to store (with what it is now) or, without it, one to remove. */
type Difference = { id: string; print: string | null; changed_in: string | null; bonded: Bonded | null };

/** Brings the tables up to the indexer's head. Only one may run at a time. Returns how many listings it stored or removed. */
export async function project(projection: Projection): Promise<number> {
  const head = await readHead(projection);
  if (!head) return 0;
  const { sql } = projection;
  const [state] = await sql<State[]>`select source, checkpoint, since, policy from search_state`;
  if (state?.checkpoint === head.checkpoint && state.source === head.source) return 0;
  const all = state?.source !== head.source || state.policy !== head.policy;
  const found = await differences(projection, head, all ? undefined : state?.since);
  for (let from = 0; from < found.length; from += CHUNK) {
    await apply(projection, found.slice(from, from + CHUNK));
    await cutSlices(sql);
  }
  await sql`
    insert into search_state (source, policy, checkpoint, since)
    values (${head.source}, ${head.policy}, ${head.checkpoint}, ${head.finalized})
    on conflict ((true)) do update set
      source = excluded.source, policy = excluded.policy, checkpoint = excluded.checkpoint, since = excluded.since`;
  return found.length;
}

/** Looks again at listings that time alone has changed. */
export async function projectTimed(projection: Projection): Promise<number> {
  const head = await readHead(projection);
  if (!head) return 0;
  const rows = await projection.sql<{ ek_id: string }[]>`
    (select ek_id from search_listings where timed and looked_at < now() - ${LOOK_AGAIN}::interval
      order by looked_at limit ${TIMED})
    union
    (select ek_id from search_listings
      where stale_at <= extract(epoch from now())
        and tags @> array(select id from search_tags where kind = 'fresh') limit ${TIMED})`;
  if (rows.length === 0) return 0;
  const sources = await readSources(
    projection,
    head,
    rows.map((row) => row.ek_id),
  );
  await apply(projection, sources);
  return rows.length;
}

async function readHead({ sql, tag, deps }: Projection): Promise<Head | undefined> {
  const live = `live_${tag}`;
  const [there] = await sql`
    select to_regclass(${`${live}.listing`}) is not null and to_regclass(${`${live}._ponder_checkpoint`}) is not null as here`;
  if (!there?.here) return undefined;
  // A checkpoint is made of timestamp (10 digits), chain id (16), block (16) and what is in the block.
  const [head] = await sql<Head[]>`
    select
      to_regclass(${`${live}.listing`})::oid::text as source, latest_checkpoint as checkpoint,
      substr(finalized_checkpoint, 27, 16)::numeric::text as finalized,
      coalesce(p.min_bond, 0)::text as min_bond, coalesce(p.min_bond, 0)::text as policy
    from ${sql(`${live}._ponder_checkpoint`)} c
    left join ${sql(`${live}.consensus_policy`)} p on p.chain_id = c.chain_id
    where c.chain_id = ${deps.chain.id}`;
  return head;
}

/** Listings that differ from what is stored, of those that may have changed after block `since`, or of all. */
async function differences(projection: Projection, head: Head, since?: string): Promise<Difference[]> {
  const { sql, tag } = projection;
  const live = (name: string) => sql(`live_${tag}.${name}`);
  const candidates =
    since === undefined
      ? sql`select id from ${live("listing")} union select ek_id from search_listings`
      : sql`
          select id from ${live("listing")} where changed_in > ${since}
          union select ek_id from search_listings where changed_in > ${since}
          union select l.ek_id from ${live("validator_bond")} b join ${live("label")} l using (validator_id)
            where b.changed_in > ${since}`;
  return sql<Difference[]>`
    select c.id, n.print, n.changed_in, n.bonded
    from (${candidates}) c
    left join (${sources(projection, head)}) n on n.id = c.id
    left join search_listings s on s.ek_id = c.id
    where n.print is distinct from s.print`;
}

async function readSources(
  projection: Projection,
  head: Head,
  ids: readonly string[],
): Promise<Difference[]> {
  return projection.sql<Difference[]>`
    select c.id, n.print::text, n.changed_in::text, n.bonded
    from unnest(${ids}::text[]) c (id) left join (${sources(projection, head)}) n on n.id = c.id`;
}

/** What can be found now, each with a hash of all that its row is made of. */
function sources({ sql, tag, deps }: Projection, head: Head) {
  const live = (name: string) => sql(`live_${tag}.${name}`);
  const counts = sql`v.bonded > 0 and v.bonded >= ${head.min_bond}::numeric and not a.disputed`;
  const [good, bad] = [toBits(labels, POSITIVE), toBits(labels, NEGATIVE)];
  return sql`
    select
      l.id, b.bonded, greatest(l.changed_in, b.changed_in)::bigint as changed_in,
      hashtextextended(concat_ws('|',
        l.changed_in, l.summary_hash, l.token, l.curve, l.curve_params, l.scopes, l.sold, l.label_count, l.label_type_counts,
        l.authenticity, l.utility, l.reproducibility, l.freshness, l.safety, b.bonded, b.changed_in
      ), 0) as print
    from ${live("listing")} l
    cross join lateral (
      select
        max(v.changed_in) as changed_in,
        json_build_object(
          'heard', count(*) filter (where ${counts}),
          'good', count(*) filter (where ${counts} and a.types & ${good} <> 0 and a.types & ${bad} = 0),
          'bad', count(*) filter (where ${counts} and a.types & ${bad} <> 0),
          'score', coalesce(sum(${sql.unsafe(scoreNames.map((name) => `a.${name}`).join(" + "))}) filter (where ${counts}), 0)
            / ${scoreNames.length}::numeric
        ) as bonded
      from ${live("label")} a join ${live("validator_bond")} v using (validator_id)
      where a.ek_id = l.id and a.status = 'live'
    ) b
    where l.chain_id = ${deps.chain.id} and l.status = 'active' and l.indexable and l.curve_type is not null`;
}

async function apply(projection: Projection, found: readonly Difference[]): Promise<void> {
  const there = new Map(found.flatMap((one) => (one.print === null ? [] : [[one.id, one]])));
  const incoming = await readDocuments(projection, there);
  const kept = new Set(incoming.map((document) => document.ek_id));
  const gone = found.map(({ id }) => id).filter((id) => !kept.has(id));
  await projection.sql`select search_apply(${JSON.stringify(incoming)}::text::jsonb, ${gone}::text[])`;
}

async function readDocuments({ deps }: Projection, there: ReadonlyMap<string, Difference>) {
  const ids = [...there.keys()];
  if (ids.length === 0) return [];
  const rows = await deps.index.read((db) =>
    db.select().from(views.listing).where(inArray(views.listing.id, ids)),
  );
  const time = BigInt(Math.floor(Date.now() / 1000));
  return rows.flatMap((row) => {
    const found = there.get(row.id);
    if (!found?.bonded || row.status !== "active" || !isShowable(deps, row)) return [];
    const source: Source = {
      print: String(found.print),
      changedIn: String(found.changed_in),
      bonded: found.bonded,
    };
    try {
      return [documentOf(row, source, { time, decimals: tokenOf(deps, row)?.decimals ?? 0 })];
    } catch (error) {
      // One listing that can't be priced must not keep all others from being found.
      log("error", "search: a listing is left out", { ek_id: row.id, ...errorFields(error) });
      return [];
    }
  });
}

/** Cuts runs that have grown beyond what one look may cost. */
async function cutSlices(sql: Queryable): Promise<void> {
  for (;;) {
    const [long] = await sql<{ id: number }[]>`
      select id from search_tags where kind = 'slice' and n > ${SLICE_MOST} limit 1`;
    if (!long) return;
    await sql`select search_split(${long.id})`;
  }
}
