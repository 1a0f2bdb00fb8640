/** What the index's facts and the exchange's own records come to: scores, ranks, and what they are made of. */
import { and, eq, inArray, sql } from "drizzle-orm";
import { ExchangeError } from "../../sdk/errors.ts";
import { agentId as agentIds } from "../../sdk/ids.ts";
import { type Component, REPUTATION_VERSION, type Reputation } from "../../sdk/reputation/score.ts";
import { NO_SELLER_USE, sellerReputation, toSellerFacts } from "../../sdk/reputation/seller.ts";
import { toValidatorFacts, validatorReputation } from "../../sdk/reputation/validator.ts";
import type { AgentReputation, RoleReputation } from "../../sdk/wire/reputation.ts";
import type { Deps } from "../deps.ts";
import { sellerUsage } from "../store/usage.ts";
import { views } from "./index-database.ts";

type Role = "seller" | "validator";

/** Each seller's reputation, from rows by their keys; those that never listed anything are missing. */
export async function sellerReputations(
  deps: Deps,
  ids: readonly string[],
): Promise<Map<string, Reputation>> {
  if (ids.length === 0) return new Map();
  const [rows, usage] = await Promise.all([readSellerFacts(deps, ids), sellerUsage(deps.sql, ids)]);
  return new Map(
    rows.map((row) => {
      const useWeight = usage.get(row.agentId)?.weight ?? 0;
      return [row.agentId, sellerReputation(toSellerFacts(row), { ...NO_SELLER_USE, useWeight })];
    }),
  );
}

function readSellerFacts(deps: Deps, ids: readonly string[]) {
  const { sellerFacts } = views;
  return deps.index.read((db) =>
    db
      .select()
      .from(sellerFacts)
      .where(inArray(sellerFacts.agentId, [...ids])),
  );
}

/** Of all that was sold, the part that was refunded, disputed or charged back: 0 to 1, to four decimals. */
export function disputeRate({ sales, troubled }: { sales: number; troubled: number }): number {
  return sales === 0 ? 0 : Math.round((10_000 * troubled) / sales) / 10_000;
}

/** Everything about an agent's reputation. Throws NOT_FOUND for an id that no agent has. */
export async function reputationOf(deps: Deps, agentId: string): Promise<AgentReputation> {
  const { agent } = views;
  const [row] = await deps.index.read((db) =>
    db.select({ id: agent.id }).from(agent).where(eq(agent.id, agentId)),
  );
  if (!row || agentIds.parse(agentId).chainId !== deps.chain.id) {
    throw new ExchangeError("NOT_FOUND", `There is no agent ${agentId} here.`, {
      hint: "Ids are like agt_<chain>_<number>; a new agent is indexed a moment after it joined.",
      details: { agent_id: agentId },
    });
  }
  const [seller, validator] = await Promise.all([sellerPart(deps, agentId), validatorPart(deps, agentId)]);
  return {
    agent_id: agentId,
    version: REPUTATION_VERSION,
    ...(seller && { seller }),
    ...(validator && { validator }),
  };
}

async function sellerPart(deps: Deps, agentId: string): Promise<RoleReputation | undefined> {
  const [[row], usage] = await Promise.all([
    readSellerFacts(deps, [agentId]),
    sellerUsage(deps.sql, [agentId]),
  ]);
  if (!row) return undefined;
  const facts = toSellerFacts(row);
  const used = usage.get(agentId) ?? { uses: 0, quotes: 0, weight: 0 };
  const use = { ...NO_SELLER_USE, useWeight: used.weight };
  const { sales, trades, relatedTrades, troubled } = row;
  return {
    ...toRole(sellerReputation(facts, use)),
    ...(await standingOf(deps, "seller", row.chainScore)),
    facts: { chain: toSnake({ ...facts, sales, trades, relatedTrades, troubled }), receipts: toSnake(use) },
    dispute_rate: disputeRate(row),
    as_of_block: String(row.blockNumber),
  };
}

async function validatorPart(deps: Deps, agentId: string): Promise<RoleReputation | undefined> {
  const { validatorFacts } = views;
  const [row] = await deps.index.read((db) =>
    db.select().from(validatorFacts).where(eq(validatorFacts.agentId, agentId)),
  );
  if (!row) return undefined;
  const facts = toValidatorFacts(row);
  return {
    ...toRole(validatorReputation(facts)),
    ...(await standingOf(deps, "validator", row.chainScore)),
    facts: { chain: toSnake(facts) },
    as_of_block: String(row.blockNumber),
  };
}

function toRole({ score, chainScore, components }: Reputation) {
  return { score, chain_score: chainScore, components: components.map(toWire) };
}

function toWire({ name, source, weight, value, contribution }: Component) {
  return { name, source, weight, value_bps: value, contribution: contribution / 100 };
}

function toSnake(facts: Readonly<Record<string, number>>): Record<string, number> {
  const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(facts).map(([name, value]) => [snake(name), value]));
}

/** Where a score by the chain alone stands among all of its role: at most 101 rows tell it, however many agents there are. */
export async function standingOf(
  deps: Deps,
  role: Role,
  score: number,
): Promise<{ rank: number; of: number; percentile: number }> {
  const { scoreCount } = views;
  const sum = (when: ReturnType<typeof sql>) =>
    sql<number>`coalesce(sum(${scoreCount.agents}) filter (where ${when}), 0)::int`;
  const [row] = await deps.index.read((db) =>
    db
      .select({
        above: sum(sql`${scoreCount.score} > ${score}`),
        below: sum(sql`${scoreCount.score} < ${score}`),
        all: sum(sql`true`),
      })
      .from(scoreCount)
      .where(and(eq(scoreCount.chainId, deps.chain.id), eq(scoreCount.role, role))),
  );
  const { above, below, all } = row ?? { above: 0, below: 0, all: 0 };
  return { rank: above + 1, of: all, percentile: all === 0 ? 0 : Math.floor((100 * below) / all) };
}
