/** An agent's own business over time, from roll-ups alone. */
import { and, asc, between, eq } from "drizzle-orm";
import type { z } from "zod";
import { agentId as agentIds } from "../../sdk/ids.ts";
import type { daysQuerySchema, MyAnalytics } from "../../sdk/wire/analytics.ts";
import type { Session } from "../actions/session.ts";
import type { Deps } from "../deps.ts";
import { namesOf } from "./analytics.ts";
import { type IndexDatabase, views } from "./index-database.ts";
import { type Span, spanOf } from "./span.ts";
import { isoTime } from "./time.ts";

export async function myAnalytics(
  deps: Deps,
  { agentId }: Session,
  query: z.output<typeof daysQuerySchema>,
): Promise<MyAnalytics> {
  const span = spanOf({ ...query, bucket: "day" });
  const me = agentIds.serialize({ chainId: deps.chain.id, agentId });
  const [totals, days, flows] = await deps.index.read((db) =>
    Promise.all([totalsOf(db, me), daysOf(db, me, span), flowsOf(db, me, span)]),
  );
  const starts = [...new Set([...days, ...flows].map(({ start }) => start))].sort((a, b) => Number(a - b));
  const at = (start: bigint) => ({
    day: days.find((row) => row.start === start),
    money: flows.filter((row) => row.start === start),
  });
  return {
    ...{ agent_id: me, from: isoTime(span.from), to: isoTime(span.to) },
    seller: {
      totals: totals.map((row) => ({
        ...sellerMoneyOf(deps, row),
        ...{ held: String(row.held), disputed: String(row.disputed) },
      })),
      days: starts.map((start) => {
        const { day, money } = at(start);
        return {
          ...{ start: isoTime(start), listed: day?.listed ?? 0, sold: day?.sold ?? 0 },
          money: money.map((row) => sellerMoneyOf(deps, row)),
        };
      }),
    },
    buyer: {
      totals: totals.map((row) => buyerMoneyOf(deps, row)),
      days: starts.map((start) => {
        const { day, money } = at(start);
        return {
          ...{ start: isoTime(start), bought: day?.bought ?? 0 },
          money: money.map((row) => buyerMoneyOf(deps, row)),
        };
      }),
    },
  };
}

type Flows = Pick<
  typeof views.agentMoneyDay.$inferSelect,
  "token" | "sold" | "refunded" | "earned" | "withdrawn" | "spent" | "returned"
>;

const sellerMoneyOf = (deps: Deps, { token, sold, refunded, earned, withdrawn }: Flows) => ({
  ...namesOf(deps, token),
  ...{ sold: String(sold), refunded: String(refunded) },
  ...{ earned: String(earned), withdrawn: String(withdrawn) },
});

const buyerMoneyOf = (deps: Deps, { token, spent, returned }: Flows) => ({
  ...namesOf(deps, token),
  ...{ spent: String(spent), returned: String(returned) },
});

/** An agent's money by token. */
export const totalsOf = (db: IndexDatabase, agentId: string) => {
  const { agentMoney } = views;
  return db.select().from(agentMoney).where(eq(agentMoney.agentId, agentId)).orderBy(asc(agentMoney.token));
};

const daysOf = (db: IndexDatabase, agentId: string, { from, to }: Span) => {
  const { agentDay } = views;
  return db
    .select()
    .from(agentDay)
    .where(and(eq(agentDay.agentId, agentId), between(agentDay.start, from, to)));
};

const flowsOf = (db: IndexDatabase, agentId: string, { from, to }: Span) => {
  const { agentMoneyDay } = views;
  return db
    .select()
    .from(agentMoneyDay)
    .where(and(eq(agentMoneyDay.agentId, agentId), between(agentMoneyDay.start, from, to)))
    .orderBy(asc(agentMoneyDay.token));
};
