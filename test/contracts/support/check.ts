/** What the tests assert beyond chai: the whole log of a transaction, and custom errors with all their values. */
import { expect } from "chai";
import {
  type Abi,
  type Address,
  type ContractErrorName,
  decodeErrorResult,
  type Hash,
  type Hex,
  parseEventLogs,
} from "viem";
import { testUSDCAbi } from "../../../sdk/abis/index.ts";
import { publicClient, viem } from "./chain.ts";
import type { Moa } from "./deploy.ts";

type Holder = { abi: Abi; address: Address };

/** One event: `Contract.Event` and its arguments, by name. */
export type Log = [event: string, args: Record<string, unknown>];

function nameOf(moa: Moa, address: Address): [name: string, abi: Abi] {
  const known: [string, Holder][] = [
    ["AgentRegistry", moa.registry],
    ["ExperienceKey", moa.keys],
    ["PointsLedger", moa.points],
    ["Exchange", moa.exchange],
    ["Catalog", moa.catalog],
    ["Tills", moa.tills],
    ["CardIssuer", moa.cards],
    ["LabelRegistry", moa.labels],
    ["ValidatorBonds", moa.bonds],
    ["Consensus", moa.consensus],
    ["Arbitrator", moa.arbitrator],
    ["Authority", { address: moa.authority, abi: [] }],
  ];
  const found = known.find(([, { address: at }]) => at.toLowerCase() === address.toLowerCase());
  return found ? [found[0], found[1].abi] : ["Token", testUSDCAbi];
}

/** Everything that a transaction logged, in order. Any token is called `Token`; events of none of our ABIs are left out. */
export async function logsOf(moa: Moa, hash: Hash | Promise<Hash>): Promise<Log[]> {
  const { logs } = await publicClient.waitForTransactionReceipt({ hash: await hash });
  return logs.flatMap((log): Log[] => {
    const [name, abi] = nameOf(moa, log.address);
    const [event] = parseEventLogs({ abi, logs: [log] });
    return event ? [[`${name}.${event.eventName}`, (event.args ?? {}) as Record<string, unknown>]] : [];
  });
}

/** The arguments of the transaction's only event of that name. */
export async function eventOf(
  moa: Moa,
  hash: Hash | Promise<Hash>,
  event: string,
): Promise<Record<string, unknown>> {
  const found = (await logsOf(moa, hash)).filter(([name]) => name === event);
  expect(found, `events ${event}`).to.have.length(1);
  return (found[0] as Log)[1];
}

/** Asserts that the call reverts with this error of the contract's ABI and these values, in order. */
export async function reverts<const A extends Abi>(
  call: Promise<unknown>,
  contract: { abi: A; address: Address },
  error: ContractErrorName<A>,
  args: readonly unknown[] = [],
): Promise<void> {
  await viem.assertions.revertWithCustomErrorWithArgs(
    call as Promise<Hash>,
    contract as Holder,
    error,
    args as never, // their types are the error's, which only the caller's ABI knows
  );
}

/** The name of the error in returned data, of whichever contract of the house. */
export function errorIn(moa: Moa, data: Hex): string {
  const abi = [moa.exchange, moa.catalog, moa.tills, moa.cards, moa.registry, moa.keys].flatMap(
    (contract): Abi => contract.abi as Abi,
  );
  return decodeErrorResult({ abi, data }).errorName;
}
