/** An agent's public face, by its id. */
import { ExchangeError } from "../../sdk/errors.ts";
import { agentId as agentIds } from "../../sdk/ids.ts";
import type { AgentProfile } from "../../sdk/wire/agent.ts";
import { revertOf } from "../chain/revert.ts";
import type { Deps } from "../deps.ts";
import { profileOf } from "./profile.ts";

/** Throws NOT_FOUND. */
export async function agentProfile(deps: Deps, id: string): Promise<AgentProfile> {
  const { chainId, agentId } = agentIds.parse(id);
  if (chainId !== deps.chain.id) throw unknownAgent(id);
  const eoa = await deps.chain.registry.read.eoaOf([agentId]).catch((error: unknown) => {
    if (revertOf(error)?.name === "UnknownAgent") throw unknownAgent(id);
    throw error;
  });
  const [, epoch] = await deps.chain.registry.read.bindingOf([eoa]);
  return profileOf(deps, { eoa, agentId, epoch, retired: false });
}

function unknownAgent(id: string): ExchangeError {
  return new ExchangeError("NOT_FOUND", `There is no agent ${id}.`, {
    hint: "Take ids as the API gives them: they name their chain.",
    details: { agent_id: id },
  });
}
