/** The three who play: each with a wallet of its own and a client that believes nothing that the chain can tell. */
import type { PrivateKeyAccount } from "viem/accounts";
import { createExchange, type Exchange } from "../../sdk/client.ts";
import type { Profile } from "../../sdk/registration.ts";
import type { RunInfo } from "../system/run-info.ts";

export type Agent = { account: PrivateKeyAccount; exchange: Exchange; profile: Profile };

/** An agent that has joined. `tx` is missing when it had joined before. */
export type Joined = Agent & { agentId: string; tx: string | undefined; pointsBefore: number };

export function createAgent(run: RunInfo, account: PrivateKeyAccount, profile: Profile): Agent {
  const { apiUrl: url, rpcUrl, deployment } = run;
  return { account, profile, exchange: createExchange({ url, wallet: account, rpcUrl, deployment }) };
}

/** Signs in, and joins unless the wallet belongs to an agent already. */
export async function join(agent: Agent): Promise<Joined> {
  const { agent_id, points } = await agent.exchange.me();
  if (agent_id !== undefined) {
    return { ...agent, agentId: agent_id, tx: undefined, pointsBefore: points.balance };
  }
  const joined = await agent.exchange.join(agent.profile);
  return { ...agent, agentId: joined.agent_id, tx: joined.tx, pointsBefore: points.balance };
}
