/** All that the exchange's contracts ever logged, decoded and in order, straight from the chain. */
import { createPublicClient, http, parseEventLogs } from "viem";
import type { RunInfo } from "../../scripts/system/run-info.ts";
import * as abis from "../../sdk/abis/index.ts";
import type { ContractName } from "../../sdk/deployment.ts";

/** Contracts whose events are told apart by their names alone, but for PolicySet. */
const contracts = {
  AgentRegistry: abis.agentRegistryAbi,
  PointsLedger: abis.pointsLedgerAbi,
  Catalog: abis.catalogAbi,
  Exchange: abis.exchangeAbi,
  CardIssuer: abis.cardIssuerAbi,
  Disputes: abis.disputesAbi,
  LabelRegistry: abis.labelRegistryAbi,
  ValidatorBonds: abis.validatorBondsAbi,
  Consensus: abis.consensusAbi,
} as const satisfies Partial<Record<ContractName, unknown>>;

export type TimedEvent = {
  contract: keyof typeof contracts;
  eventName: string;
  // biome-ignore lint/suspicious/noExplicitAny: what an event's arguments are is known by its name alone
  args: any;
  /** The block's time, in Unix seconds. */
  at: bigint;
};

export async function readChainEvents({ rpcUrl, deployment }: RunInfo): Promise<TimedEvent[]> {
  const client = createPublicClient({ transport: http(rpcUrl, { batch: { batchSize: 500 } }), cacheTime: 0 });
  const names = Object.keys(contracts) as (keyof typeof contracts)[];
  const logs = await client.getLogs({
    address: names.map((name) => deployment.contracts[name]),
    fromBlock: BigInt(deployment.startBlock),
  });
  const numbers = [...new Set(logs.map(({ blockNumber }) => blockNumber))];
  const times = new Map(
    await Promise.all(
      numbers.map(async (blockNumber) => {
        const { timestamp } = await client.getBlock({ blockNumber });
        return [blockNumber, timestamp] as const;
      }),
    ),
  );
  const byAddress = new Map(names.map((name) => [deployment.contracts[name].toLowerCase(), name]));
  return logs.flatMap((log) => {
    const contract = byAddress.get(log.address.toLowerCase()) as keyof typeof contracts;
    const [event] = parseEventLogs({ abi: contracts[contract], logs: [log] });
    if (!event) return [];
    return [
      { contract, eventName: event.eventName, args: event.args, at: times.get(log.blockNumber) as bigint },
    ];
  });
}
