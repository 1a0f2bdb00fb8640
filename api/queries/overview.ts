/** An agent's dashboard in numbers. */
import { and, count, eq, gte, or } from "drizzle-orm";
import { agentId as agentIds } from "../../sdk/ids.ts";
import { toPoints } from "../../sdk/points.ts";
import { type MeOverview, RECENT_DAYS } from "../../sdk/wire/dashboard.ts";
import type { Session } from "../actions/session.ts";
import type { Deps } from "../deps.ts";
import { countUses } from "../store/usage-log.ts";
import { views } from "./index-database.ts";

const DAY = 24 * 3600;

/** Points come from the chain, the rest from the index. An EOA that is no agent's yet has done nothing. */
export async function overviewOf(deps: Deps, { agentId }: Session): Promise<MeOverview> {
  const since = Math.floor(Date.now() / 1000) - RECENT_DAYS * DAY;
  const me = agentIds.serialize({ chainId: deps.chain.id, agentId });
  const [balance, lifetime, done, usage] = await Promise.all([
    deps.chain.points.read.balanceOf([agentId]),
    deps.chain.points.read.lifetimeOf([agentId]),
    readDeeds(deps, me, BigInt(since)),
    countUses(deps.sql, me, new Date(since * 1000)),
  ]);
  return {
    points: { balance: toPoints(balance), lifetime: toPoints(lifetime) },
    activity_summary: {
      sold: done.agent?.sold ?? 0,
      bought: done.agent?.bought ?? 0,
      validated: done.agent?.validated ?? 0,
    },
    recent: { trades: done.trades, usage, validations: done.validations },
  };
}

async function readDeeds(deps: Deps, me: string, since: bigint) {
  const { agent, label, sale } = views;
  const [[row], [trades], [validations]] = await deps.index.read((db) =>
    Promise.all([
      db.select().from(agent).where(eq(agent.id, me)),
      db
        .select({ of: count() })
        .from(sale)
        .where(and(or(eq(sale.sellerId, me), eq(sale.buyerId, me)), gte(sale.at, since))),
      db
        .select({ of: count() })
        .from(label)
        .where(and(eq(label.validatorId, me), eq(label.status, "live"), gte(label.createdAt, since))),
    ]),
  );
  return { agent: row, trades: trades?.of ?? 0, validations: validations?.of ?? 0 };
}
