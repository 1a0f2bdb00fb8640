/** One audit, from the node's answers to a report. */
import { type Address, getAbiItem, toEventSelector } from "viem";
import { catalogAbi } from "../sdk/abis/index.ts";
import type { Deployment } from "../sdk/deployment.ts";
import { deploymentTag } from "../sdk/deployment.ts";
import { compareApi } from "./api.ts";
import { checkConsents } from "./consents.ts";
import type { Constants } from "./context.ts";
import { createFindings, type Findings } from "./findings.ts";
import { type Mode, readLogs } from "./logs.ts";
import { AuditError, createNode, type Node, reasonOf } from "./node.ts";
import { createReplay, followed, type Replay } from "./replay.ts";
import { type Report, reportOf } from "./report.ts";
import { tablesOf } from "./rows.ts";
import { compareStorage } from "./storage.ts";
import { checkTrust, readConstants } from "./trust.ts";

export type AuditOptions = {
  rpcUrl: string;
  deployment: Deployment;
  mode: Mode;
  /** The last block; left out, the chain's head. */
  to?: bigint | undefined;
  /** How much of each kind of storage is asked for at most; 0 = no storage at all. */
  sample: number;
  apiUrl?: string | undefined;
  database?: { url: string; schema?: string | undefined } | undefined;
  say: (line: string) => void;
};

/** Throws an AuditError when it can't be made; what is wrong with the exchange is in the report. */
export async function audit(options: AuditOptions): Promise<Report> {
  const started = performance.now();
  const findings = createFindings();
  const node = createNode(options.rpcUrl);
  try {
    const done = await examine(node, options, findings);
    return reportOf(findings, { ...done, seconds: (performance.now() - started) / 1000 });
  } catch (error) {
    if (error instanceof AuditError) throw error;
    throw new AuditError(`The audit broke off: ${reasonOf(error)}`, { cause: error });
  }
}

async function examine(
  node: Node,
  options: AuditOptions,
  findings: Findings,
): Promise<Omit<Parameters<typeof reportOf>[1], "seconds">> {
  const { deployment, mode, say, apiUrl, database, sample } = options;
  const from = BigInt(deployment.startBlock);
  const nothing = { storage: false, api: null, database: false };
  const about = { chain_id: deployment.chainId, mode };
  if (!(await checkTrust(node, deployment, findings)))
    return {
      ...about,
      blocks: { from: Number(from), to: Number(from), to_hash: "" },
      compared: nothing,
      counts: {},
    };
  const to = options.to ?? (await node.head());
  const last = await node.block(to);
  const constants = await readConstants(node, deployment);
  const replay = await replayAll(node, { constants, findings, from, to, mode, say });
  await checkConsents(node, replay.context);
  if (sample > 0) {
    say("Comparing with the chain's storage …");
    await compareStorage(node, replay.context, { block: to, sample });
  }
  if (apiUrl !== undefined) {
    say(`Comparing with ${apiUrl} …`);
    await compareApi(apiUrl, node, replay.context, to);
  }
  if (database) {
    say("Comparing with the index's database …");
    const schema = database.schema ?? `live_${deploymentTag(deployment)}`;
    await compareDatabase({ url: database.url, schema, chainId: deployment.chainId }, replay, findings);
  }
  return {
    ...{
      ...about,
      blocks: { from: Number(from), to: Number(to), to_hash: last.hash },
      counts: countsOf(replay),
    },
    compared: { storage: sample > 0, api: apiUrl ?? null, database: database !== undefined },
  };
}

/** Only operators need the database's driver. */
async function compareDatabase(
  place: { url: string; schema: string; chainId: number },
  replay: Replay,
  findings: Findings,
): Promise<void> {
  const database = await import("./database.ts");
  await database.compareDatabase(place, tablesOf(replay.books, place.chainId), findings);
}

type Range = {
  constants: Constants;
  findings: Findings;
  from: bigint;
  to: bigint;
  mode: Mode;
  say: AuditOptions["say"];
};

async function replayAll(node: Node, { constants, findings, from, to, mode, say }: Range): Promise<Replay> {
  const replay = createReplay(constants, findings);
  const contracts = followed.map((name) => constants.contracts[name]);
  const vaults = [constants.contracts.Exchange, constants.contracts.ValidatorBonds];
  const tokens = await tokensOf(node, constants, from, to);
  const source = { contracts, tokens, vaults, from, to, mode };
  for await (const logs of readLogs(node, source, findings)) {
    for (const log of logs) replay.take(log);
    const block = logs.at(-1)?.block;
    if (block !== undefined)
      say(`Block ${block} of ${to}: ${replay.events} events, ${findings.total} faults`);
  }
  replay.end();
  return replay;
}

/** The bonds' token, and every one that the catalogue ever allowed. */
async function tokensOf(
  node: Node,
  { contracts, bondToken }: Constants,
  from: bigint,
  to: bigint,
): Promise<Address[]> {
  const tokens = new Set([bondToken]);
  const topics = [toEventSelector(getAbiItem({ abi: catalogAbi, name: "TokenAllowed" }))];
  const logs = await node.logsOf({ address: [contracts.Catalog], topics }, from, to);
  for (const {
    topics: [, token],
  } of logs)
    if (token) tokens.add(`0x${token.slice(26)}`);
  return [...tokens];
}

function countsOf({ books, events }: Replay): Record<string, number> {
  let labels = 0;
  for (const listing of books.listings.values()) labels += listing.labels.size;
  return {
    ...{ events, agents: books.agents.size, listings: books.listings.size, trades: books.trades.length },
    ...{ keys: books.keys.size, orders: books.orders.size, labels, disputes: books.disputes.size },
    ...{ challenges: books.challenges.size, rotations: books.rotations.length },
  };
}
