/** How things stand, looked up when somebody asks: from the last look at the chain, and from Postgres by indexes alone. */
import { gauge, remembered } from "../../ops/metrics.ts";
import type { Facts, Health } from "../health.ts";
import type { Sql } from "../store/database.ts";
import { openStates } from "../store/payments.ts";

/** Milliseconds for which an answer of Postgres counts. */
const FRESH = 5_000;

/** Registers the gauges of an API: once in a process. */
export function observeState({ sql, health }: { sql: Sql; health: Pick<Health, "state" | "facts"> }): void {
  observeHealth(health);
  observePayments(sql);
  observeDatabase(sql);
}

function observeHealth(health: Pick<Health, "state" | "facts">): void {
  gauge("moa_check_ok", "1 where a check of the health is good, 0 where not", ["check"], (it) => {
    for (const [check, { ok }] of Object.entries(health.state().checks)) it.set({ check }, ok ? 1 : 0);
  });
  const fact = (name: string, help: string, read: (facts: Facts) => number | undefined) =>
    gauge(name, help, [], (it) => it.set(read(health.facts()) ?? Number.NaN));
  fact("moa_relayer_balance_ether", "Ether of the relayer's account", ({ balance }) =>
    balance === undefined ? undefined : Number(balance) / 1e18,
  );
  fact(
    "moa_relayer_low_balance_ether",
    "Ether below which the relayer needs some",
    ({ lowBalance }) => Number(lowBalance) / 1e18,
  );
  fact("moa_relayer_waiting", "Transactions that are not mined yet", ({ waiting }) => waiting);
  fact("moa_relayer_oldest_seconds", "Age of the oldest of them; 0 when none waits", ({ waiting, since }) =>
    since ? (Date.now() - since.getTime()) / 1_000 : waiting === 0 ? 0 : undefined,
  );
  fact(
    "moa_relayer_nonce_gaps",
    "Nonces below a waiting transaction's that nothing stands at",
    (facts) => facts.gaps,
  );
  fact("moa_index_lag_blocks", "Blocks that the indexer is behind the chain", ({ lagBlocks }) => lagBlocks);
  fact(
    "moa_index_lag_seconds",
    "Chain time that the indexer is behind the chain",
    ({ lagSeconds }) => lagSeconds,
  );
}

function observePayments(sql: Sql): void {
  const open = remembered(
    FRESH,
    () => sql<{ rail: string; state: string; count: string; oldest: number }[]>`
      select rail, state, count(*) as count, extract(epoch from now() - min(created_at))::float8 as oldest
      from payments where state in ${sql(openStates)} group by rail, state`,
  );
  gauge("moa_payments_open", "Payments that are not at their end", ["rail", "state"], async (it) => {
    for (const { rail, state, count } of await open()) it.set({ rail, state }, Number(count));
  });
  gauge(
    "moa_payments_oldest_open_seconds",
    "Age of the oldest of them; 0 when there is none",
    [],
    async (it) => {
      it.set(Math.max(0, ...(await open()).map(({ oldest }) => oldest)));
    },
  );
  const due = remembered(
    FRESH,
    () => sql<{ count: string }[]>`
      select count(*) as count from quotes
      where refund_due and deadline < extract(epoch from now() - interval '2 minutes')`,
  );
  gauge("moa_refunds_overdue", "Quotes whose money should have gone back two minutes ago", [], async (it) => {
    it.set(Number((await due())[0]?.count));
  });
}

/** Also for processes that have nothing else to look at. */
export function observeDatabase(sql: Sql): void {
  const connections = remembered(
    FRESH,
    () => sql<{ application: string; state: string; count: string }[]>`
      select application_name as application, coalesce(state, 'unknown') as state, count(*) as count
      from pg_stat_activity where datname = current_database() and application_name like 'moa-%'
      group by 1, 2`,
  );
  gauge(
    "moa_postgres_connections",
    "Connections of all copies of the exchange's processes",
    ["application", "state"],
    async (it) => {
      for (const { application, state, count } of await connections()) {
        it.set({ application, state }, Number(count));
      }
    },
  );
  gauge(
    "moa_postgres_wait_seconds",
    "Time for a statement that does nothing: waiting for one of this process's connections, and the way to the database",
    [],
    async (it) => {
      const started = performance.now();
      await sql`select 1`;
      it.set((performance.now() - started) / 1_000);
    },
  );
}
