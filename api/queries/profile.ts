/** An agent's public face. */
import { eq } from "drizzle-orm";
import { ExchangeError } from "../../sdk/errors.ts";
import { agentId as agentIds } from "../../sdk/ids.ts";
import { toPoints } from "../../sdk/points.ts";
import type { AgentProfile } from "../../sdk/wire/agent.ts";
import type { Binding } from "../chain/agents.ts";
import type { Deps } from "../deps.ts";
import { views } from "./index-database.ts";
import { sellerReputations } from "./reputation.ts";

/**
 * Id, EOA and points come from the chain. Name, roles and reputation come from the index; while that can't be read they are empty, so
 * that signing in does not depend on it.
 */
export async function profileOf(deps: Deps, { eoa, agentId }: Binding): Promise<AgentProfile> {
  const unknown = {
    display_name: `${eoa.slice(0, 6)}…${eoa.slice(-4)}`,
    eoa,
    agent_type: "external" as const,
    roles: [],
    reputation: { seller: 0, validator: 0 },
  };
  if (agentId === 0n) return { ...unknown, points: { balance: 0, lifetime: 0 } };
  const id = agentIds.serialize({ chainId: deps.chain.id, agentId });
  const [indexed, balance, lifetime] = await Promise.all([
    readIndexed(deps, id),
    deps.chain.points.read.balanceOf([agentId]),
    deps.chain.points.read.lifetimeOf([agentId]),
  ]);
  return {
    agent_id: id,
    ...unknown,
    ...indexed,
    points: { balance: toPoints(balance), lifetime: toPoints(lifetime) },
  };
}

type Indexed = Pick<AgentProfile, "agent_type" | "roles" | "reputation"> & { display_name?: string };

async function readIndexed(deps: Deps, id: string): Promise<Indexed | undefined> {
  const { agent } = views;
  try {
    const [[row], sellers] = await Promise.all([
      deps.index.read((db) => db.select().from(agent).where(eq(agent.id, id))),
      sellerReputations(deps, [id]),
    ]);
    if (!row) return undefined;
    const { listed, bought, validated, displayName, agentType, validatorScore } = row;
    return {
      ...(displayName === null ? {} : { display_name: displayName }),
      agent_type: agentType === "openclaw" || agentType === "human" ? agentType : "external",
      roles: [
        ...(listed > 0 ? (["seller"] as const) : []),
        ...(bought > 0 ? (["buyer"] as const) : []),
        ...(validated > 0 ? (["validator"] as const) : []),
      ],
      reputation: { seller: sellers.get(id)?.score ?? 0, validator: validatorScore },
    };
  } catch (error) {
    if (error instanceof ExchangeError && error.code === "SERVICE_UNAVAILABLE") return undefined;
    throw error;
  }
}
