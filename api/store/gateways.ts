/** Gateways that sellers named, and how the exchange found them. */
import type { Gateway } from "../../sdk/wire/dashboard.ts";
import type { Queryable, Sql } from "./database.ts";

/** Seconds between two looks at a gateway, and how long whoever looks has for it. */
const EVERY = 300;
const LEASE = 30;
/** How many failures are kept. */
const KEPT_ERRORS = 10;

export type StoredGateway = {
  agentId: bigint;
  url: string;
  status: NonNullable<Gateway["status"]> | undefined;
  storageType: string | undefined;
  gatewayKey: string | undefined;
  /** The newest first. */
  errors: readonly { at: string; error: string }[];
  checkedAt: Date | undefined;
};

/** What a look at a gateway found. */
export type Finding = {
  status: NonNullable<Gateway["status"]>;
  storageType?: string | undefined;
  gatewayKey?: string | undefined;
  error?: string | undefined;
};

type Row = {
  agent_id: string;
  url: string;
  status: StoredGateway["status"] | null;
  storage_type: string | null;
  gateway_key: string | null;
  errors: StoredGateway["errors"];
  checked_at: Date | null;
};

const toGateway = (row: Row): StoredGateway => ({
  agentId: BigInt(row.agent_id),
  url: row.url,
  status: row.status ?? undefined,
  storageType: row.storage_type ?? undefined,
  gatewayKey: row.gateway_key ?? undefined,
  errors: row.errors,
  checkedAt: row.checked_at ?? undefined,
});

const columns = (sql: Queryable) => sql`agent_id, url, status, storage_type, gateway_key, errors, checked_at`;

export async function gatewaysOf(sql: Sql, agentId: bigint): Promise<StoredGateway[]> {
  const rows = await sql<Row[]>`
    select ${columns(sql)} from gateways where agent_id = ${String(agentId)} order by created_at, url`;
  return rows.map(toGateway);
}

export async function findGateway(
  sql: Sql,
  { agentId, url }: { agentId: bigint; url: string },
): Promise<StoredGateway | undefined> {
  const [row] = await sql<Row[]>`
    select ${columns(sql)} from gateways where agent_id = ${String(agentId)} and url = ${url}`;
  return row && toGateway(row);
}

/** Keeps what was found, also of a gateway that was not there before; answers it as it stands then. */
export async function saveFinding(
  sql: Sql,
  { agentId, url }: { agentId: bigint; url: string },
  { status, storageType, gatewayKey, error }: Finding,
): Promise<StoredGateway> {
  const failed = error === undefined ? [] : [{ at: new Date().toISOString(), error: error.slice(0, 300) }];
  const [row] = await sql<Row[]>`
    insert into gateways as g (agent_id, url, status, storage_type, gateway_key, errors, checked_at, check_at)
    values (
      ${String(agentId)}, ${url}, ${status}, ${storageType ?? null}, ${gatewayKey ?? null},
      ${JSON.stringify(failed)}::text::jsonb, now(), now() + ${EVERY} * interval '1 second'
    )
    on conflict (agent_id, url) do update set
      status = excluded.status,
      storage_type = coalesce(excluded.storage_type, g.storage_type),
      gateway_key = coalesce(excluded.gateway_key, g.gateway_key),
      errors = jsonb_path_query_array(excluded.errors || g.errors, ${`$[0 to ${KEPT_ERRORS - 1}]`}::text::jsonpath),
      checked_at = excluded.checked_at,
      check_at = excluded.check_at
    returning ${columns(sql)}`;
  return toGateway(row as Row);
}

/** Gateways that it is time to look at, each for one caller only. */
export async function dueGateways(sql: Sql, limit: number): Promise<{ agentId: bigint; url: string }[]> {
  const rows = await sql<{ agent_id: string; url: string }[]>`
    update gateways set check_at = now() + ${LEASE} * interval '1 second'
    where (agent_id, url) in (
      select agent_id, url from gateways where check_at <= now() order by check_at limit ${limit}
      for update skip locked
    )
    returning agent_id, url`;
  return rows.map(({ agent_id, url }) => ({ agentId: BigInt(agent_id), url }));
}

export async function countGateways(sql: Sql, agentId: bigint): Promise<number> {
  const [row] = await sql<{ of: string }[]>`
    select count(*) as of from gateways where agent_id = ${String(agentId)}`;
  return Number(row?.of ?? 0);
}

/** False where there was none. */
export async function dropGateway(
  sql: Sql,
  { agentId, url }: { agentId: bigint; url: string },
): Promise<boolean> {
  const rows = await sql`
    delete from gateways where agent_id = ${String(agentId)} and url = ${url} returning url`;
  return rows.length === 1;
}
