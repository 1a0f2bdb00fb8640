/** Invariant 1 in the small: what the exchange owes in a token, added up from its own log and views. */
import { expect } from "chai";
import type { Address } from "viem";
import { erc20Abi } from "viem";
import { publicClient } from "./chain.ts";
import type { Moa } from "./deploy.ts";

/** Credits, open orders and bounties in `token`. */
export async function owedIn(moa: Moa, token: Address): Promise<bigint> {
  const { exchange } = moa;
  const events = await publicClient.getContractEvents({ ...exchange, fromBlock: 0n });
  const agents = new Set<bigint>();
  const keys = new Set<bigint>();
  const pots = new Set<bigint>();
  for (const { eventName, args } of events) {
    if (eventName === "Credited") agents.add(args.agentId as bigint);
    if (eventName === "KeySold") keys.add(args.keyId as bigint);
    if (eventName === "BountyFunded") pots.add(args.ekId as bigint);
  }
  const orders = await Promise.all([...keys].map((keyId) => exchange.read.orderOf([keyId])));
  const sums = await Promise.all([
    ...[...agents].map((id) => exchange.read.creditOf([id, token])),
    ...[...pots].map((id) => exchange.read.bountyOf([id, token])),
  ]);
  const open = orders.filter((o) => (o.status === 1 || o.status === 2) && isSame(o.token, token));
  return [...sums, ...open.map(({ amount }) => amount)].reduce((sum, part) => sum + part, 0n);
}

/** The exchange holds what it owes, to the unit, but for what was donated to it. */
export async function expectSolvent(
  moa: Moa,
  token: Address = moa.usdc.address,
  donated = 0n,
): Promise<void> {
  const args = [moa.exchange.address] as const;
  const read = { address: token, abi: erc20Abi, functionName: "balanceOf", args } as const;
  const held = await publicClient.readContract(read);
  expect(held, "held = owed").to.equal((await owedIn(moa, token)) + donated);
}

function isSame(a: Address, b: Address): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
