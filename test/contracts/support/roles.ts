/** Roles of the authority, as the deployment gives them. */
import { type Abi, type Address, getContract, parseAbi, toFunctionSelector } from "viem";
import { client, type Moa, type Person } from "./deploy.ts";

const authorityAbi = parseAbi([
  "function grantRole(uint64 roleId, address account, uint32 executionDelay)",
  "function revokeRole(uint64 roleId, address account)",
  "function setTargetFunctionRole(address target, bytes4[] selectors, uint64 roleId)",
]);

export const authorityOf = (moa: Moa) => getContract({ address: moa.authority, abi: authorityAbi, client });

let lastRole = 100n;

/** Gives these functions of a contract to a role of their own, which `holder` alone has. Returns the role. */
export async function allow(
  moa: Moa,
  target: { address: Address; abi: Abi },
  functions: string[],
  holder: Person,
): Promise<bigint> {
  lastRole += 1n;
  const role = lastRole;
  const selectors = target.abi.flatMap((item) =>
    item.type === "function" && functions.includes(item.name) ? [toFunctionSelector(item)] : [],
  );
  const { write } = authorityOf(moa);
  await write.setTargetFunctionRole([target.address, selectors, role]);
  await write.grantRole([role, holder.address, 0]);
  return role;
}
