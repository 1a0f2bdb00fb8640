/** Logs as a liar would serve them: altered, dropped, repeated, made up. */
import {
  type Abi,
  type AbiEvent,
  type Address,
  decodeEventLog,
  encodeAbiParameters,
  encodeEventTopics,
  type Hex,
  toEventSelector,
} from "viem";
import type { RawLog } from "../../audit/decode.ts";
import * as abis from "../../sdk/abis/index.ts";
import type { Deployment } from "../../sdk/deployment.ts";

// Tests change whatever an event has; its types are those of every event there is.
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Args = Record<string, any>;

const abiOf: Readonly<Record<string, Abi>> = {
  AgentRegistry: abis.agentRegistryAbi,
  CardIssuer: abis.cardIssuerAbi,
  Catalog: abis.catalogAbi,
  Consensus: abis.consensusAbi,
  Disputes: abis.disputesAbi,
  Exchange: abis.exchangeAbi,
  ExperienceKey: abis.experienceKeyAbi,
  HouseArbitrator: abis.houseArbitratorAbi,
  LabelRegistry: abis.labelRegistryAbi,
  PointsLedger: abis.pointsLedgerAbi,
  ReceiptAnchor: abis.receiptAnchorAbi,
  Tills: abis.tillsAbi,
  Token: abis.testUSDCAbi,
  ValidatorBonds: abis.validatorBondsAbi,
};

export type Forger = ReturnType<typeof createForger>;

/** `event` is `Contract:Event`; `Token` is the payment token. */
export function createForger(logs: readonly RawLog[], deployment: Deployment) {
  const places: Readonly<Record<string, Address>> = {
    ...deployment.contracts,
    Token: deployment.tokens[0]?.address as Address,
  };

  function eventOf(event: string) {
    const [contract, name] = event.split(":") as [string, string];
    const abi = abiOf[contract] as Abi;
    const item = abi.find((entry) => entry.type === "event" && entry.name === name) as AbiEvent | undefined;
    if (!item) throw new Error(`There is no event ${event}.`);
    return { item, address: places[contract]?.toLowerCase() as Address, topic: toEventSelector(item) };
  }

  const isA = (event: string) => {
    const { address, topic } = eventOf(event);
    return (log: RawLog) => log.address === address && log.topics[0] === topic;
  };

  function read(event: string, log: RawLog): Args {
    const { topics, data } = log;
    const abi = [eventOf(event).item];
    return decodeEventLog({ abi, topics: topics as [Hex, ...Hex[]], data }).args as unknown as Args;
  }

  /** The log with other arguments. */
  function write(event: string, log: RawLog, args: Args): RawLog {
    const { item, address } = eventOf(event);
    const topics = encodeEventTopics({ abi: [item], eventName: item.name, args } as never) as Hex[];
    const rest = item.inputs.filter(({ indexed }) => !indexed);
    const data = encodeAbiParameters(rest, rest.map(({ name }) => args[name as string]) as never);
    return { ...log, address, topics, data };
  }

  const all = (event: string, fits: (args: Args) => boolean) => {
    const isEvent = isA(event);
    return logs.filter((log) => isEvent(log) && fits(read(event, log)));
  };
  const first = (event: string, fits: (args: Args) => boolean): RawLog => {
    const [log] = all(event, fits);
    if (!log) throw new Error(`The story has no ${event} of that kind.`);
    return log;
  };
  const any = () => true;

  return {
    logs,
    read,
    isA,
    first: (event: string, fits: (args: Args) => boolean = any) => first(event, fits),
    /** The first event of that kind with other arguments. */
    alter(event: string, change: (args: Args) => Args, fits: (args: Args) => boolean = any): RawLog[] {
      const log = first(event, fits);
      const args = read(event, log);
      return logs.map((each) => (each === log ? write(event, log, { ...args, ...change(args) }) : each));
    },
    /** All events of that kind with other arguments. */
    alterAll(event: string, change: (args: Args) => Args): RawLog[] {
      const chosen = new Set(all(event, any));
      return logs.map((log) => {
        if (!chosen.has(log)) return log;
        const args = read(event, log);
        return write(event, log, { ...args, ...change(args) });
      });
    },
    drop(event: string, fits: (args: Args) => boolean = any): RawLog[] {
      const log = first(event, fits);
      return logs.filter((each) => each !== log);
    },
    repeat(event: string, fits: (args: Args) => boolean = any): RawLog[] {
      const log = first(event, fits);
      return logs.flatMap((each) =>
        each === log ? [log, { ...log, logIndex: log.logIndex + 0.5 }] : [each],
      );
    },
    /** Events that nobody emitted, in transactions of their own after the last one. */
    append(...made: [event: string, args: Args][]): RawLog[] {
      const last = logs.at(-1) as RawLog;
      const forged = made.map(([event, args], i) => {
        const place = { block: last.block + 1 + i, tx: `0x${"ee".repeat(31)}0${i}` as Hex, logIndex: 0 };
        return write(event, { ...last, ...place }, args);
      });
      return [...logs, ...forged];
    },
    /** An event that nobody emitted, in the transaction of another one, after it. */
    insertAfter(
      event: string,
      made: string,
      argsOf: (args: Args) => Args,
      fits: (args: Args) => boolean = any,
    ): RawLog[] {
      const log = first(event, fits);
      const forged = write(made, { ...log, logIndex: log.logIndex + 0.5 }, argsOf(read(event, log)));
      return logs.flatMap((each) => (each === log ? [log, forged] : [each]));
    },
    /** An event before all others. */
    insertFirst(made: string, args: Args): RawLog[] {
      const log = logs[0] as RawLog;
      const place = { block: log.block - 1, tx: `0x${"dd".repeat(32)}` as Hex };
      return [write(made, { ...log, ...place }, args), ...logs];
    },
  };
}
