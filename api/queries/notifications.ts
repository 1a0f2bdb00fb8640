/** What happened to what an agent sells, bought or judged: read off the chain's views and the exchange's own tables when it is asked for. */
import { type SQL, sql } from "drizzle-orm";
import { z } from "zod";
import { agentId as agentIds } from "../../sdk/ids.ts";
import type { pageQuerySchema } from "../../sdk/wire/common.ts";
import { type Notification, type Notifications, notificationIdSchema } from "../../sdk/wire/voices.ts";
import type { Session } from "../actions/session.ts";
import type { Deps } from "../deps.ts";
import { ownNotifications, type Place, readOf, type Told } from "../store/notifications.ts";
import { cursorOf, paged } from "./cursor.ts";
import { views } from "./index-database.ts";

/** Milliseconds, and the notification. */
const cursor = cursorOf(z.tuple([z.int().nonnegative(), notificationIdSchema]));

/** The newest first; within one moment in the order of their ids. */
export async function notifications(
  deps: Deps,
  { agentId }: Session,
  query: z.output<typeof pageQuerySchema>,
): Promise<Notifications> {
  const idOf = (id: bigint) => agentIds.serialize({ chainId: deps.chain.id, agentId: id });
  const wanted = { before: cursor.read(query.cursor), limit: query.limit + 1, idOf };
  const [chain, own] = await Promise.all([
    chainNotifications(deps, idOf(agentId), wanted),
    ownNotifications(deps.sql, agentId, wanted),
  ]);
  const all = [...chain, ...own].sort(newestFirst).slice(0, wanted.limit);
  const { items, ...next } = paged(all, query.limit, (told) => cursor.write([told.milliseconds, told.id]));
  const read = await readOf(
    deps.sql,
    agentId,
    items.map(({ id }) => id),
  );
  return { items: items.map((told) => toWire(told, read.has(told.id))), ...next };
}

/** As `collate "C"` orders ids: they are ASCII. */
function newestFirst(a: Told, b: Told): number {
  if (a.milliseconds !== b.milliseconds) return b.milliseconds - a.milliseconds;
  return a.id < b.id ? 1 : -1;
}

function toWire(told: Told, read: boolean): Notification {
  return {
    notification_id: told.id,
    kind: told.kind as Notification["kind"],
    timestamp: new Date(told.milliseconds).toISOString(),
    ek_id: told.ekId,
    ...(told.orderId === undefined ? {} : { order_id: told.orderId }),
    ...(told.agentId === undefined ? {} : { agent_id: told.agentId }),
    read,
  };
}

/** One kind of thing that the chain tells: of which rows, when, and who did it. */
type Source = {
  kind: Notification["kind"];
  from: SQL;
  where: (me: string) => SQL;
  at: SQL;
  ref: SQL;
  ek: SQL;
  order?: SQL;
  by?: SQL;
};

const { challenge, dispute, label, listing, order, sale } = views;
const mineOnEitherSide = (me: string, seller: SQL, buyer: SQL) =>
  sql`(${seller} = ${me} or ${buyer} = ${me})`;
const ended = (status: "released" | "refunded"): Omit<Source, "kind"> => ({
  from: sql`${order}`,
  where: (me) =>
    sql`${order.status} = ${status} and ${mineOnEitherSide(me, sql`${order.sellerId}`, sql`${order.payerId}`)}`,
  at: sql`${order.updatedAt}`,
  ref: sql`${order.id}`,
  ek: sql`${order.ekId}`,
  order: sql`${order.id}`,
});

const sources: Source[] = [
  {
    kind: "sale",
    from: sql`${sale}`,
    where: (me) => sql`${sale.sellerId} = ${me}`,
    ...{ at: sql`${sale.at}`, ref: sql`${sale.id}`, ek: sql`${sale.ekId}`, order: sql`${sale.id}` },
    by: sql`${sale.buyerId}`,
  },
  { kind: "order_released", ...ended("released") },
  { kind: "order_refunded", ...ended("refunded") },
  {
    kind: "dispute_opened",
    from: sql`${dispute}`,
    where: (me) => sql`${dispute.sellerId} = ${me}`,
    ...{ at: sql`${dispute.openedAt}`, ref: sql`${dispute.orderId}`, ek: sql`${dispute.ekId}` },
    ...{ order: sql`${dispute.orderId}`, by: sql`${dispute.buyerId}` },
  },
  {
    kind: "dispute_closed",
    from: sql`${dispute}`,
    where: (me) =>
      sql`${dispute.closedAt} is not null and ${mineOnEitherSide(me, sql`${dispute.sellerId}`, sql`${dispute.buyerId}`)}`,
    ...{ at: sql`${dispute.closedAt}`, ref: sql`${dispute.orderId}`, ek: sql`${dispute.ekId}` },
    order: sql`${dispute.orderId}`,
  },
  {
    kind: "label",
    from: sql`${label} join ${listing} on ${listing.id} = ${label.ekId}`,
    where: (me) => sql`${listing.sellerId} = ${me} and ${label.status} = 'live'`,
    ...{ at: sql`${label.at}`, ek: sql`${label.ekId}`, by: sql`${label.validatorId}` },
    ref: sql`${label.id} || '-' || ${label.revision}`,
  },
  {
    kind: "label_challenged",
    from: sql`${challenge} join ${label} on ${label.id} = ${challenge.labelId}`,
    where: (me) => sql`${challenge.validatorId} = ${me}`,
    ...{ at: sql`${challenge.at}`, ek: sql`${label.ekId}`, by: sql`${challenge.challengerId}` },
    ref: sql`${challenge.labelId} || '-' || ${challenge.challengeId}`,
  },
];

async function chainNotifications(
  deps: Deps,
  me: string,
  { before, limit }: { before: Place | undefined; limit: number },
): Promise<Told[]> {
  const parts = sources.map(({ kind, from, where, at, ref, ek, order: of, by }) => {
    const id = sql`(${`ntf_${kind}:`}::text || ${ref}) collate "C"`;
    const place = before && sql`and (${at}, ${id}) < ${placeOf(before)}`;
    return sql`(select ${id} as id, ${kind}::text as kind, ${at}::text as at, ${ek} as ek_id, ${of ?? sql`null`}::text as order_id,
        ${by ?? sql`null`}::text as agent_id
      from ${from} where ${where(me)} ${place ?? sql``} order by ${at} desc, ${id} desc limit ${limit})`;
  });
  const rows = await deps.index.read((db) => db.execute(sql.join(parts, sql` union all `)));
  return (rows as unknown as Row[]).map((row) => ({
    id: row.id,
    kind: row.kind,
    milliseconds: Number(row.at) * 1000,
    ekId: row.ek_id,
    orderId: row.order_id ?? undefined,
    agentId: row.agent_id ?? undefined,
  }));
}

type Row = {
  id: string;
  kind: string;
  at: string;
  ek_id: string;
  order_id: string | null;
  agent_id: string | null;
};

/** The chain counts whole seconds: what happened in the second of an own row is after it only from the next one on. */
function placeOf([milliseconds, id]: Place): SQL {
  const seconds = Math.floor(milliseconds / 1000);
  return milliseconds % 1000 === 0
    ? sql`(${String(seconds)}::numeric, ${id}::text collate "C")`
    : sql`(${String(seconds + 1)}::numeric, ''::text collate "C")`;
}
