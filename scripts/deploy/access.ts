/** The roles as the chain has them, and the one transaction that makes them what the table says. */

import type { AbiFunction } from "viem";
import {
  type Abi,
  type Address,
  encodeFunctionData,
  type Hex,
  type PublicClient,
  toFunctionSelector,
} from "viem";
import type { ContractName } from "../../sdk/deployment.ts";
import { artifactOf } from "./artifact.ts";
import { contracts } from "./plan.ts";
import { activeRoles, delaysOf, type Role, type RoleName, roles } from "./roles.ts";
import type { Sender } from "./sender.ts";

/** Who holds each role that is set up. */
export type Holders = Partial<Record<RoleName, Address>>;

export type AccessContext = {
  authority: Address;
  at: Record<ContractName, Address>;
  holders: Holders;
  isLocal: boolean;
  /** Block of the first contract: older logs say nothing. */
  startBlock: bigint;
};

export const authorityAbi = (): Abi => artifactOf("Authority").abi;

/** The privileged functions of a role, each with its contract and selector. */
export function functionsOf(role: Role): { contract: ContractName; name: string; selector: Hex }[] {
  return Object.entries(role.functions).flatMap(([key, names]) => {
    const contract = key as ContractName;
    return names.flatMap((name) => {
      const found = artifactOf(contracts[contract].artifact).abi.filter(
        (item): item is AbiFunction => item.type === "function" && item.name === name,
      );
      if (found.length === 0)
        throw new Error(`${contract} has no function ${name}: mend scripts/deploy/roles.ts.`);
      return found.map((item) => ({ contract, name, selector: toFunctionSelector(item) }));
    });
  });
}

/** What the chain's authority says, asked through one function. */
export function authorityReader(client: PublicClient, authority: Address) {
  const abi = authorityAbi();
  return <T>(functionName: string, args: unknown[]): Promise<T> =>
    client.readContract({ address: authority, abi, functionName, args }) as Promise<T>;
}

/**
 * Sets up everything that is not yet as the table has it, in one transaction: the roles are never half there. ADMIN's own delay and the
 * deployer's leave come last, because everything before needs an administrator without delay.
 */
export async function ensureRoles(
  client: PublicClient,
  sender: Sender,
  context: AccessContext,
): Promise<boolean> {
  const operations = [
    ...(await functionOperations(client, context)),
    ...(await grantOperations(client, context)),
    ...(await adminOperations(client, context, sender.address)),
  ];
  if (operations.length === 0) return false;
  const abi = authorityAbi();
  const data = operations.map(([functionName, args]) => encodeFunctionData({ abi, functionName, args }));
  await sender.call({ address: context.authority, abi }, "multicall", [data]);
  return true;
}

type Operation = [functionName: string, args: unknown[]];

async function functionOperations(
  client: PublicClient,
  { authority, at }: AccessContext,
): Promise<Operation[]> {
  const read = authorityReader(client, authority);
  const operations: Operation[] = [];
  for (const [name, role] of activeRoles) {
    let changed = false;
    for (const { contract, selector } of functionsOf(role)) {
      if ((await read<bigint>("getTargetFunctionRole", [at[contract], selector])) === role.id) continue;
      operations.push(["setTargetFunctionRole", [at[contract], [selector], role.id]]);
      changed = true;
    }
    if (changed) operations.push(["labelRole", [role.id, name]]);
  }
  return operations;
}

/** Grants, and after them the delays of future grants. */
async function grantOperations(client: PublicClient, context: AccessContext): Promise<Operation[]> {
  const read = authorityReader(client, context.authority);
  const operations: Operation[] = [];
  for (const [name, role] of activeRoles) {
    const { grantDelay, executionDelay } = delaysOf(role, context.isLocal);
    if (name !== "ADMIN") {
      const holder = holderOf(context.holders, name);
      const [isMember, delay] = await read<[boolean, number]>("hasRole", [role.id, holder]);
      if (!isMember || delay !== executionDelay)
        operations.push(["grantRole", [role.id, holder, executionDelay]]);
    }
    if ((await plannedGrantDelay(client, context, role)) !== grantDelay) {
      operations.push(["setGrantDelay", [role.id, grantDelay]]);
    }
  }
  return operations;
}

async function adminOperations(
  client: PublicClient,
  { authority, holders, isLocal }: AccessContext,
  deployer: Address,
): Promise<Operation[]> {
  const read = authorityReader(client, authority);
  const admin = holderOf(holders, "ADMIN");
  const { executionDelay } = delaysOf(roles.ADMIN, isLocal);
  const operations: Operation[] = [];
  const [isMember, delay] = await read<[boolean, number]>("hasRole", [roles.ADMIN.id, admin]);
  if (!isMember || delay !== executionDelay) {
    operations.push(["grantRole", [roles.ADMIN.id, admin, executionDelay]]);
  }
  const [deployerAdministers] = await read<[boolean, number]>("hasRole", [roles.ADMIN.id, deployer]);
  if (deployerAdministers && deployer !== admin) {
    operations.push(["renounceRole", [roles.ADMIN.id, deployer]]);
  }
  return operations;
}

/**
 * The delay of future grants, as it is or is going to be: the authority lets a change take effect only after five days, and shows what
 * is coming nowhere but in its log.
 */
export async function plannedGrantDelay(
  client: PublicClient,
  { authority, startBlock }: Pick<AccessContext, "authority" | "startBlock">,
  role: Role,
): Promise<number> {
  const logs = await client.getContractEvents({
    address: authority,
    abi: authorityAbi(),
    eventName: "RoleGrantDelayChanged",
    args: { roleId: role.id },
    fromBlock: startBlock,
  });
  const last = logs.at(-1)?.args as { delay: number } | undefined;
  return last?.delay ?? 0;
}

export function holderOf(holders: Holders, name: RoleName): Address {
  const holder = holders[name];
  if (!holder) throw new Error(`Nobody is named to hold the role ${name}.`);
  return holder;
}
