/** The whole system on one machine, for `npm start` and for the tests. */
import { mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Address, Hex } from "viem";
import { deploymentTag } from "../../sdk/deployment.ts";
import { prepareCards } from "./cards.ts";
import { type ChainOfRun, LOCAL_CHAIN_ID, localKey, startFreshChain, useForeignChain } from "./chain.ts";
import { indexerUrlOf } from "./indexer-role.ts";
import {
  claimDataDir,
  endOrphans,
  type Journal,
  type JournalProcess,
  releaseDataDir,
  writeJournal,
} from "./journal.ts";
import { LaunchError } from "./launch-error.ts";
import { assertPortsFree, choosePorts, type Ports } from "./ports.ts";
import { checkDatabase, describeDatabase, dropEphemeral, startPostgres } from "./postgres.ts";
import {
  type Crash,
  crashError,
  createSupervisor,
  type ProcessName,
  type RunningProcess,
  type Supervisor,
} from "./process.ts";
import { repoRoot } from "./repo.ts";
import { type RunInfo, writeRunInfo } from "./run-info.ts";
import { type ServiceName, type ServiceSettings, serviceNames, serviceSpec } from "./services.ts";

export type SystemOptions = {
  /** Everything that the system writes goes here. */
  dataDir: string;
  /** Absent or 0: any free port. */
  ports?: Partial<Ports>;
  /** A Postgres to use instead of the bundled one. */
  databaseUrl?: string | undefined;
  /** With `databaseUrl`: the indexer's own user of that database. Without it the indexer connects by `databaseUrl`. */
  indexerDatabaseUrl?: string | undefined;
  /** A chain to use instead of a fresh local one. */
  rpcUrl?: string | undefined;
  /** Only for `rpcUrl`: where deployments are found and written. Default: the repository's `deployments/`. */
  deploymentsDir?: string;
  /** Only for `rpcUrl`: pays for a deployment where there is none. */
  deployerKey?: Hex | undefined;
  /** Only for `rpcUrl`: the ERC-20 to pay with, where a deployment is made. */
  paymentToken?: Address | undefined;
  /** Signs what the API relays. Default on chain 31337: the second well-known test account. */
  relayerKey?: Hex | undefined;
  /** The card rail's part of the API's environment. Default: cards are not taken. */
  cardEnv?: Record<string, string>;
  /** More of the API's environment. */
  apiEnv?: Record<string, string>;
  /** Whose gateway to start. Without it there is no gateway. */
  sellerEoa?: Address | undefined;
  /** Services to start on top of database, chain and contracts. Default: all. */
  only?: readonly ServiceName[];
  /** One line per step. */
  log?: (line: string) => void;
  /** A process ended that nobody had asked to. The others still run. */
  onCrash?: (crash: Crash) => void;
  /** Gives up starting: what was started so far is stopped. */
  signal?: AbortSignal;
};

export type System = {
  /** Where everything is; `pids` follow restarts. */
  readonly run: RunInfo;
  kill(name: ProcessName, signal?: NodeJS.Signals): Promise<void>;
  restart(name: ProcessName): Promise<void>;
  logsOf(name: ProcessName): string;
  /** Ends every process, within 5 s. Safe to call again. */
  stop(): Promise<void>;
};

/** Brings the system up. Throws a {@link LaunchError}, with everything stopped again, when something expected is in the way. */
export async function startSystem(options: SystemOptions): Promise<System> {
  const dataDir = resolve(options.dataDir);
  const { previous, journal } = claimDataDir(dataDir);
  const log = options.log ?? (() => {});
  let crashed: LaunchError | undefined;
  const supervisor = createSupervisor({
    logDir: join(dataDir, "logs"),
    onChange: (running) => {
      journal.processes = running.map(journalEntry);
      writeJournal(dataDir, journal);
    },
    onCrash: (crash) => {
      crashed = crashError(crash);
      if (up) options.onCrash?.(crash);
      else void supervisor.stop();
    },
  });
  let up = false;
  const giveUp = () => void supervisor.stop();
  options.signal?.addEventListener("abort", giveUp);
  try {
    if (options.signal?.aborted) giveUp();
    const orphans = await endOrphans(previous);
    if (orphans.length > 0) log(`ended what an earlier run had left behind: ${orphans.join(", ")}`);
    const run = await bringUp({ options, dataDir, journal, supervisor, log });
    if (crashed) throw crashed;
    up = true;
    return createSystem({ run, dataDir, journal, supervisor });
  } catch (error) {
    await supervisor.stop();
    releaseDataDir(dataDir, journal);
    throw crashed ?? error;
  } finally {
    options.signal?.removeEventListener("abort", giveUp);
  }
}

function createSystem({
  run,
  dataDir,
  journal,
  supervisor,
}: Pick<Context, "dataDir" | "journal" | "supervisor"> & { run: RunInfo }): System {
  const current = () => ({ ...run, pids: supervisor.pids() });
  writeRunInfo(dataDir, current());
  return {
    get run() {
      return current();
    },
    kill: supervisor.kill,
    async restart(name) {
      await supervisor.restart(name);
      writeRunInfo(dataDir, current());
    },
    logsOf: supervisor.logsOf,
    async stop() {
      await supervisor.stop();
      releaseDataDir(dataDir, journal);
      writeRunInfo(dataDir, current());
    },
  };
}

type Context = {
  options: SystemOptions;
  dataDir: string;
  journal: Journal;
  supervisor: Supervisor;
  log: (line: string) => void;
};

async function bringUp(context: Context): Promise<RunInfo> {
  const { options, dataDir, supervisor } = context;
  const services = (options.only ?? serviceNames).filter((name) => name !== "gateway" || options.sellerEoa);
  const ports = await choosePorts(options.ports ?? {});
  await assertPortsFree(ports, [
    ...(options.databaseUrl ? [] : (["postgres"] as const)),
    ...(options.rpcUrl ? [] : (["chain"] as const)),
    ...services,
  ]);
  const [databaseUrl, chain] = await allOrStop(supervisor, [
    bringUpDatabase(context, ports),
    bringUpChain(context, ports),
  ]);
  const tag = deploymentTag(chain.deployment);
  if (chain.ephemeral) await replaceEphemeral(context, { databaseUrl, tag });

  const settings: ServiceSettings = {
    indexerDatabaseUrl: options.databaseUrl
      ? (options.indexerDatabaseUrl ?? databaseUrl)
      : await indexerUrlOf(databaseUrl),
    ...{ ports, databaseUrl, tag, rpcUrl: chain.rpcUrl, deploymentFile: chain.deploymentFile },
    relayerKey: relayerKeyFor(chain.chainId, options),
    cardEnv: await prepareCards(chain, options.cardEnv ?? {}),
    apiEnv: options.apiEnv ?? {},
    sellerEoa: options.sellerEoa ?? "",
    dataDir,
    ...makeStores(dataDir, chain),
  };
  await bringUpServices(services, { supervisor, settings, log: context.log });
  const urlOf = (name: ServiceName) => `http://127.0.0.1:${ports[name]}`;
  return {
    ...chain,
    ...{ databaseUrl, apiUrl: urlOf("api"), indexerUrl: urlOf("indexer"), gatewayUrl: urlOf("gateway") },
    ...{ storeDir: settings.storeDir, logDir: join(dataDir, "logs"), pids: {} },
  };
}

async function bringUpDatabase(context: Context, ports: Ports): Promise<string> {
  const { options, dataDir, supervisor, log } = context;
  if (options.databaseUrl) {
    await checkDatabase(options.databaseUrl);
    log(`database   ${describeDatabase(options.databaseUrl)} (DATABASE_URL)`);
    return options.databaseUrl;
  }
  const { url, data } = await startPostgres(supervisor, { dataDir, port: ports.postgres });
  log(`database   ${describeDatabase(url)} (bundled, data in ${data})`);
  return url;
}

async function bringUpChain(
  { options, dataDir, supervisor, log }: Context,
  ports: Ports,
): Promise<ChainOfRun> {
  if (!options.rpcUrl) return startFreshChain(supervisor, { dataDir, port: ports.chain, log });
  const deploymentsDir = options.deploymentsDir ?? join(repoRoot, "deployments");
  return useForeignChain({ ...options, rpcUrl: options.rpcUrl, deploymentsDir }, log);
}

function relayerKeyFor(chainId: number, { relayerKey }: SystemOptions): Hex {
  if (relayerKey) return relayerKey;
  if (chainId === LOCAL_CHAIN_ID) return localKey(1);
  throw new LaunchError(`On chain ${chainId} the API needs an account of its own to relay with.`, {
    hint: "Set RELAYER_KEY (0x…) to a funded account that is used for nothing else.",
  });
}

/** The demo seller's folders; what they hold was sold on the chain that they were used with, and ends with it. */
function makeStores(dataDir: string, { ephemeral }: ChainOfRun): { storeDir: string; stateDir: string } {
  const stores = { storeDir: join(dataDir, "store"), stateDir: join(dataDir, "gateway") };
  for (const dir of Object.values(stores)) {
    if (ephemeral) rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true });
  }
  return stores;
}

/** Like `Promise.all`, but at the first failure it stops everything and waits until nobody is at work any more. */
async function allOrStop<const T extends readonly Promise<unknown>[]>(supervisor: Supervisor, works: T) {
  try {
    return await Promise.all(works);
  } catch (error) {
    await supervisor.stop();
    await Promise.allSettled(works);
    throw error;
  }
}

/** Notes the new chain's schemas before there are any, and drops those of chains that are gone. */
async function replaceEphemeral(
  { options, dataDir, journal }: Context,
  { databaseUrl, tag }: { databaseUrl: string; tag: string },
): Promise<void> {
  const database = options.databaseUrl ? describeDatabase(databaseUrl) : "bundled";
  const isHere = (entry: Journal["ephemeral"][number]) => entry.database === database;
  const gone = journal.ephemeral.filter((entry) => isHere(entry) && entry.tag !== tag);
  journal.ephemeral = [...journal.ephemeral, { database, tag }];
  writeJournal(dataDir, journal);
  await dropEphemeral(databaseUrl, { tags: gone.map((entry) => entry.tag), chainId: LOCAL_CHAIN_ID });
  journal.ephemeral = journal.ephemeral.filter((entry) => !gone.includes(entry));
  writeJournal(dataDir, journal);
}

async function bringUpServices(
  names: readonly ServiceName[],
  { supervisor, settings, log }: { supervisor: Supervisor; settings: ServiceSettings; log: Context["log"] },
): Promise<void> {
  const starts = names.map(async (name) => {
    await supervisor.start(serviceSpec(name, settings));
    log(`${name.padEnd(10)} http://127.0.0.1:${settings.ports[name]}`);
  });
  await allOrStop(supervisor, starts);
}

function journalEntry({ spec, pid, identity }: RunningProcess): JournalProcess {
  const { name, stopSignal, lastSignal, grace } = spec;
  return { name, pid, identity, stopSignal, lastSignal, grace };
}
