/** How many of what was found have which domain, task, modality and so on. */
import type { z } from "zod";
import type { facetsSchema } from "../../sdk/wire/listing.ts";
import type { Sql } from "../store/database.ts";
import { find } from "./find.ts";
import type { Resolved } from "./resolve.ts";

type Facets = z.infer<typeof facetsSchema>;

/** What is counted by, and how many values of each are told. */
const kinds = ["domain", "task_type", "modality", "validation"] as const;
const MOST_VALUES = 20;
/** So many listings are counted, the best ones; when there are more, the counts are those of these. */
const MOST_COUNTED = 500;

type Row = { kind: (typeof kinds)[number]; value: string; count: string };

export async function countFacets(sql: Sql, what: Resolved): Promise<Facets> {
  const unfiltered = what.tags.length === 0 && what.text === null && what.contentFrom === null;
  if (unfiltered) {
    const rows = await sql<Row[]>`
      select k.kind, t.value, t.n as count from unnest(${kinds}::text[]) k (kind)
      cross join lateral (
        select value, n from search_tags where kind = k.kind and n > 0 order by n desc, value limit ${MOST_VALUES}
      ) t`;
    return { ...byKind(rows), counted: what.total, approximate: false };
  }
  const found = await find(sql, what, { sort: "best", after: undefined, count: MOST_COUNTED + 1 });
  const counted = found.slice(0, MOST_COUNTED).map(({ number }) => number);
  const rows = await sql<Row[]>`
    with counts as materialized (
      select x.id, count(*) as n from search_listings l cross join lateral unnest(l.tags) x (id)
      where l.number = any (${counted}::bigint[]) group by x.id
    )
    select kind, value, n as count from (
      select t.kind, t.value, c.n, row_number() over (partition by t.kind order by c.n desc, t.value) as place
      from counts c join search_tags t on t.id = c.id where t.kind in ${sql(kinds)}
    ) k where place <= ${MOST_VALUES} order by kind, place`;
  return { ...byKind(rows), counted: counted.length, approximate: found.length > MOST_COUNTED };
}

function byKind(rows: readonly Row[]) {
  const of = (kind: Row["kind"]) =>
    rows.filter((row) => row.kind === kind).map(({ value, count }) => ({ value, count: Number(count) }));
  return {
    domain: of("domain"),
    task_type: of("task_type"),
    modality: of("modality"),
    validation: of("validation"),
  };
}
