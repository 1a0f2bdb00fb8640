/**
 * Brings the log of events up to the indexer's tables: adds what is new, takes back what a reorg took. Any process may do it at any time;
 * one at a time does.
 */
import { notificationKinds } from "../../sdk/wire/voices.ts";
import type { Deps } from "../deps.ts";
import { activityItems } from "../queries/public.ts";
import { isoTime } from "../queries/time.ts";
import type { Queryable, Sql } from "../store/database.ts";
import {
  type ChainEvent,
  HIDDEN,
  KEPT_SECONDS,
  lockLog,
  logChainEvents,
  PUBLIC,
  retract,
} from "../store/events.ts";

/** Blocks back from the last one told in which a reorg is looked for: more than the indexer takes back on any chain. */
const REORG_BLOCKS = 300;
/** Events that are added at once. */
const BATCH = 500;

type Row = {
  audience: string;
  kind: string;
  ek_id: string;
  ref_id: string;
  agent_id: string | null;
  due: string | null;
  reason: string | null;
  domain: string | null;
  tx: `0x${string}`;
  block: string;
  log_index: number;
  at: string;
};

/** True while there is more. Throws when the views are not there. */
export async function followIndex(deps: Deps, sql: Sql, views: string): Promise<boolean> {
  return sql.begin(async (tx) => {
    await lockLog(tx);
    const { gone, fresh } = await compare(deps, tx, views);
    await retract(tx, gone);
    await logChainEvents(tx, await toEvents(deps, fresh));
    return fresh.length === BATCH;
  }) as Promise<boolean>;
}

/**
 * What the log has and the tables have not, and the other way round, in one look. Nothing is gone while the indexer reads the chain anew
 * (after a crash it starts from the last final block), or has not come to its block again; but a transaction in another block is.
 */
async function compare(deps: Deps, tx: Queryable, views: string): Promise<{ gone: number[]; fresh: Row[] }> {
  const of = (table: string) => tx(`${views}.${table}`);
  const chainId = deps.chain.id;
  const since = Math.floor(Date.now() / 1000) - KEPT_SECONDS;
  const rows = await tx<(Row & { gone: string | null })[]>`
    with floor as (
      select coalesce(
        (select max(block) - ${REORG_BLOCKS} from events where block is not null),
        -- The log is empty: it begins with what a stream could still ask for.
        least(
          (select min(block_number) from ${of("activity")} where chain_id = ${chainId} and at >= ${since}),
          (select min(block_number) from ${of("notice")} where chain_id = ${chainId} and at >= ${since})
        ), 0
      ) as block
    ),
    head as (
      select substring(latest_checkpoint from 27 for 16)::numeric as block from ${of("_ponder_checkpoint")}
      where chain_id = ${chainId} and exists (
        select from ${of("_ponder_meta")} where key = 'app' and (value ->> 'is_ready')::int = 1
      )
    ),
    told as materialized (
      select ${PUBLIC}::text as audience, type as kind, ek_id, ref_id, agent_id, null::numeric as due, null::text as reason,
        tx, block_number, log_index, at
      from ${of("activity")} where chain_id = ${chainId} and block_number >= (select block from floor)
      union all
      select agent_id, kind, ek_id, ref_id, by, due, reason, tx, block_number, log_index, at
      from ${of("notice")} where chain_id = ${chainId} and block_number >= (select block from floor)
    ),
    logged as materialized (
      select seq, audience, block, log_index, tx from events
      where block is not null and not retracted and block >= (select block from floor)
    ),
    fresh as (
      select t.* from told t, head where t.at >= ${since} and not exists (
        select from logged e
        where e.block = t.block_number and e.log_index = t.log_index and e.audience = t.audience and e.tx = t.tx
      ) order by t.block_number, t.log_index, t.audience limit ${BATCH}
    )
    select null as gone, fresh.audience, fresh.kind, fresh.ek_id, ref_id, agent_id, due::text, fresh.reason, fresh.tx,
      block_number::text as block, log_index, fresh.at::text, l.domain
    from fresh left join ${of("listing")} l on l.id = fresh.ek_id
    union all
    select e.seq::text, null, null, null, null, null, null, null, null, null, null, null, null from logged e, head
    where not exists (
      select from told t
      where t.block_number = e.block and t.log_index = e.log_index and t.audience = e.audience and t.tx = e.tx
    ) and (
      e.block <= head.block
      or exists (select from told t where t.tx = e.tx and t.audience = e.audience and t.block_number <> e.block)
    )`;
  return {
    gone: rows.flatMap(({ gone }) => (gone === null ? [] : [Number(gone)])),
    fresh: rows.filter(({ gone }) => gone === null).sort(inOrder),
  };
}

function inOrder(a: Row, b: Row): number {
  const blocks = BigInt(a.block) - BigInt(b.block);
  if (blocks !== 0n) return blocks < 0n ? -1 : 1;
  return a.log_index - b.log_index;
}

async function toEvents(deps: Deps, rows: readonly Row[]): Promise<ChainEvent[]> {
  const isPublic = ({ audience }: Row) => audience === PUBLIC;
  const items = await activityItems(
    deps,
    rows.filter(isPublic).map((row) => ({
      type: row.kind as "ek_trade" | "exp_listed" | "validation",
      ...{ ekId: row.ek_id, agentId: row.agent_id ?? "", refId: row.ref_id, tx: row.tx, at: BigInt(row.at) },
    })),
  );
  let next = 0;
  return rows.map((row) => {
    const place = { audience: row.audience, block: row.block, logIndex: row.log_index, tx: row.tx };
    if (!isPublic(row)) return { ...place, kind: row.kind, domain: row.domain, payload: toNotice(row) };
    const item = items[next++];
    return {
      ...place,
      kind: item?.type ?? HIDDEN,
      domain: row.domain,
      payload: item ?? { ek_id: row.ek_id },
    };
  });
}

/** Whether GET /me/notifications lists it. */
const isNotified = (kind: string) => (notificationKinds as readonly string[]).includes(kind);

/** As `ownEventSchema` has it. */
function toNotice(row: Row): Record<string, unknown> {
  return {
    kind: row.kind,
    timestamp: isoTime(BigInt(row.at)),
    ek_id: row.ek_id,
    ...(isNotified(row.kind) ? { notification_id: `ntf_${row.kind}:${row.ref_id}` } : {}),
    ...(row.ref_id.startsWith("ord_") ? { order_id: row.ref_id } : {}),
    ...(row.agent_id === null ? {} : { agent_id: row.agent_id }),
    ...(row.due === null ? {} : { due: isoTime(BigInt(row.due)) }),
    ...(row.reason === null ? {} : { reason: row.reason }),
    tx: row.tx,
  };
}
