/** What a validator has said so far. */
import { and, desc, eq, sql } from "drizzle-orm";
import { z } from "zod";
import { agentId as agentIds } from "../../sdk/ids.ts";
import type { pageQuerySchema } from "../../sdk/wire/common.ts";
import type { ValidationHistory } from "../../sdk/wire/dashboard.ts";
import type { Session } from "../actions/session.ts";
import type { Deps } from "../deps.ts";
import { cursorOf, paged } from "./cursor.ts";
import { views } from "./index-database.ts";
import { toValidationRecord } from "./labels.ts";
import { reputationOf } from "./reputation.ts";

/** When it was published, and the label. */
const cursor = cursorOf(z.tuple([z.string().regex(/^[0-9]{1,20}$/), z.string().max(100)]));

export async function validationHistory(
  deps: Deps,
  { agentId }: Session,
  query: z.output<typeof pageQuerySchema>,
): Promise<ValidationHistory> {
  const { agent, label } = views;
  const { id: chainId } = deps.chain;
  const me = agentIds.serialize({ chainId, agentId });
  const after = cursor.read(query.cursor);
  const [rows, [mine]] = await deps.index.read((db) =>
    Promise.all([
      db
        .select({ label, agent })
        .from(label)
        .innerJoin(agent, eq(agent.id, label.validatorId))
        .where(
          and(
            eq(label.validatorId, me),
            eq(label.status, "live"),
            after && sql`(${label.createdAt}, ${label.id}) < (${after[0]}::numeric, ${after[1]})`,
          ),
        )
        .orderBy(desc(label.createdAt), desc(label.id))
        .limit(query.limit + 1),
      db.select({ validated: agent.validated }).from(agent).where(eq(agent.id, me)),
    ]),
  );
  const { items, ...next } = paged(rows, query.limit, (row) =>
    cursor.write([String(row.label.createdAt), row.label.id]),
  );
  return {
    items: items.map((row) => toValidationRecord(row.label, row.agent)),
    reputation: await standing(deps, me, mine?.validated ?? 0),
    ...next,
  };
}

async function standing(deps: Deps, me: string, validated: number): Promise<ValidationHistory["reputation"]> {
  if (validated === 0) return { score: 0, rank: 0 };
  const { validator } = await reputationOf(deps, me);
  return { score: validator?.score ?? 0, rank: validator?.rank ?? 0 };
}
