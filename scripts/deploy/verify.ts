/** Compares what is on the chain with the committed tables: code, wiring, calls, roles. Reads only. */
import { type Address, type PublicClient, toFunctionSelector } from "viem";
import type { Deployment } from "../../sdk/deployment.ts";
import { authorityAbi, authorityReader, functionsOf, type Holders, plannedGrantDelay } from "./access.ts";
import { artifactOf, isCodeOf } from "./artifact.ts";
import {
  type Addresses,
  allEntries,
  type Context,
  calls,
  type Entry,
  LOCAL_CHAIN_ID,
  localToken,
  readerOf,
} from "./plan.ts";
import { activeRoles, delaysOf, type Role, type RoleName, roleEntries } from "./roles.ts";

/** `fault` is what is wrong; without it the check passed. */
export type Check = { what: string; fault?: string | undefined };

export async function verifyDeployment(client: PublicClient, deployment: Deployment): Promise<Check[]> {
  const { deployer, tokens } = deployment;
  if (!deployer) {
    throw new Error(
      "The deployment file does not name its deployer: it was written before there were tables to check.",
    );
  }
  const at: Addresses = {
    ...deployment.contracts,
    curves: deployment.curves,
    token: tokens[0]?.address as Address,
  };
  const context: Context = { at, deployer };
  const chainId = await client.getChainId();
  const isLocal = chainId === LOCAL_CHAIN_ID;
  const start = await client.getBlock({ blockNumber: BigInt(deployment.startBlock) }).catch(() => undefined);
  const checks = [
    check("chain id", chainId, deployment.chainId),
    check("hash of the start block", start?.hash, deployment.startBlockHash),
  ];
  const entries = allEntries(at);
  if (isLocal) entries.push({ entry: localToken, address: at.token });
  for (const { entry, address } of entries) {
    const code = await checkCode(client, entry, address);
    checks.push(code);
    if (!code.fault) checks.push(...(await checkViews(client, entry, address, context)));
  }
  if (checks.some(({ fault }) => fault)) return checks; // on wrong code the other questions mean nothing
  return [
    ...checks,
    ...(await checkCalls(client, context)),
    ...(await checkRoles(client, deployment, isLocal)),
  ];
}

async function checkCode(client: PublicClient, entry: Entry, address: Address): Promise<Check> {
  const code = await client.getCode({ address });
  const what = `${entry.artifact} at ${address}: code`;
  if (!code) return { what, fault: "there is none" };
  return {
    what,
    fault: isCodeOf(artifactOf(entry.artifact), code) ? undefined : "is not what this repository builds",
  };
}

/** The getters named like constructor arguments, and those that the plan names. */
async function checkViews(
  client: PublicClient,
  entry: Entry,
  address: Address,
  context: Context,
): Promise<Check[]> {
  const { abi } = artifactOf(entry.artifact);
  const hasView = (name: string) =>
    abi.some((item) => item.type === "function" && item.name === name && item.inputs.length === 0);
  const wiring = Object.entries(entry.args(context)).filter(([name]) => hasView(name));
  const checks: Check[] = [];
  for (const [functionName, expected] of [...wiring, ...Object.entries(entry.views?.(context) ?? {})]) {
    const found = await client.readContract({ address, abi, functionName });
    checks.push(check(`${entry.artifact}.${functionName}`, found, expected));
  }
  return checks;
}

async function checkCalls(client: PublicClient, context: Context): Promise<Check[]> {
  const read = readerOf(client, context.at);
  const checks: Check[] = [];
  for (const call of calls) {
    const fault = (await call.isDone(context, read))
      ? undefined
      : `${call.functionName} has not been called so`;
    checks.push({ what: `${call.contract}: ${call.what}`, fault });
  }
  return checks;
}

async function checkRoles(client: PublicClient, deployment: Deployment, isLocal: boolean): Promise<Check[]> {
  const checks: Check[] = [];
  for (const [name, role] of roleEntries) {
    checks.push(await checkMembers(client, deployment, name, role));
    if (!activeRoles.some(([active]) => active === name)) continue;
    checks.push(...(await checkRole(client, deployment, { name, role, isLocal })));
  }
  checks.push(...(await checkFunctions(client, deployment)));
  return checks;
}

async function checkRole(
  client: PublicClient,
  { contracts, holders = {}, startBlock }: Deployment,
  { name, role, isLocal }: { name: RoleName; role: Role; isLocal: boolean },
): Promise<Check[]> {
  const authority = contracts.Authority;
  const read = authorityReader(client, authority);
  const { grantDelay, executionDelay } = delaysOf(role, isLocal);
  const holder = (holders as Holders)[name];
  if (!holder) return [{ what: `role ${name}: holder`, fault: "the deployment file names none" }];
  const [isMember, delay] = await read<[boolean, number]>("hasRole", [role.id, holder]);
  const planned = await plannedGrantDelay(client, { authority, startBlock: BigInt(startBlock) }, role);
  return [
    check(`role ${name}: ${holder} holds it`, isMember, true),
    check(`role ${name}: execution delay`, delay, executionDelay),
    check(`role ${name}: grant delay`, planned, grantDelay),
    check(`role ${name}: admin`, await read("getRoleAdmin", [role.id]), 0n),
    check(`role ${name}: guardian`, await read("getRoleGuardian", [role.id]), 0n),
  ];
}

/** That nobody else was given the role, by the authority's log. */
async function checkMembers(
  client: PublicClient,
  { contracts, holders = {}, startBlock }: Deployment,
  name: RoleName,
  role: Role,
): Promise<Check> {
  const logs = await client.getContractEvents({
    address: contracts.Authority,
    abi: authorityAbi(),
    eventName: "RoleGranted",
    args: { roleId: role.id },
    fromBlock: BigInt(startBlock),
  });
  const granted = new Set(logs.map((log) => (log.args as { account: Address }).account));
  const read = authorityReader(client, contracts.Authority);
  const others: Address[] = [];
  for (const account of granted) {
    // `since` and not `hasRole`: whoever is going to have it counts as well.
    const [since] = await read<[number]>("getAccess", [role.id, account]);
    if (since !== 0 && account !== (holders as Holders)[name]) others.push(account);
  }
  return {
    what: `role ${name}: nobody else holds it`,
    fault: others.length === 0 ? undefined : `so does ${others.join(", ")}`,
  };
}

/** That every function of every wired contract has the role of the table, which for most is none but ADMIN. */
async function checkFunctions(client: PublicClient, { contracts: at }: Deployment): Promise<Check[]> {
  const read = authorityReader(client, at.Authority);
  const expected = new Map<string, bigint>();
  for (const [, role] of activeRoles) {
    for (const { contract, selector } of functionsOf(role)) expected.set(`${contract}.${selector}`, role.id);
  }
  const checks: Check[] = [];
  for (const [name, address] of Object.entries(at) as [keyof typeof at, Address][]) {
    if (await read<boolean>("isTargetClosed", [address])) {
      checks.push({ what: `${name}: open`, fault: "the authority has closed it" });
    }
    for (const item of artifactOf(name).abi) {
      if (item.type !== "function" || item.stateMutability === "view" || item.stateMutability === "pure")
        continue;
      const selector = toFunctionSelector(item);
      const found = await read<bigint>("getTargetFunctionRole", [address, selector]);
      const wanted = expected.get(`${name}.${selector}`) ?? 0n;
      if (found !== wanted || wanted !== 0n) checks.push(check(`${name}.${item.name}: role`, found, wanted));
    }
  }
  return checks;
}

function check(what: string, found: unknown, expected: unknown): Check {
  const same = String(found).toLowerCase() === String(expected).toLowerCase();
  return { what, fault: same ? undefined : `is ${String(found)}, not ${String(expected)}` };
}
