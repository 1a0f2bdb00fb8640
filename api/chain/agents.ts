/** Who an EOA is, and what the exchange may do for it: asked from the chain, every time. */
import type { Address } from "viem";
import type { ActionName } from "../../sdk/records.ts";
import { actions } from "../../sdk/records.ts";
import type { Chain } from "./client.ts";

/** An EOA's agent. `agentId` 0 = none yet. */
export type Binding = {
  eoa: Address;
  agentId: bigint;
  /** How often the agent has rotated. */
  epoch: number;
  /** The EOA was an agent's once and is none's now: it may do nothing. */
  retired: boolean;
};

/** `blockNumber`: as of that block's end; the node that is asked must have it. */
export async function bindingOf(
  { registry }: Chain,
  eoa: Address,
  { blockNumber }: { blockNumber?: bigint } = {},
): Promise<Binding> {
  const [agentId, epoch] = await registry.read.bindingOf([eoa], at(blockNumber));
  const retired = agentId === 0n && (await registry.read.lastAgentOf([eoa], at(blockNumber))) !== 0n;
  return { eoa, agentId, epoch, retired };
}

const at = (blockNumber: bigint | undefined) => (blockNumber === undefined ? {} : { blockNumber });

/** Whether `operator` may perform the action for the agent now. */
export function mayAct(
  { registry }: Chain,
  { agentId, operator, action }: { agentId: bigint; operator: Address; action: ActionName },
): Promise<boolean> {
  return registry.read.canAct([agentId, operator, 1n << BigInt(actions[action].bit)]);
}
