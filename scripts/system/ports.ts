/** The TCP ports of the system, all on 127.0.0.1. */
import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { LaunchError } from "./launch-error.ts";

export type Ports = { chain: number; postgres: number; api: number; indexer: number; gateway: number };

type PortUse = { standard: number; env: string; purpose: string };

export const portUses = {
  chain: { standard: 8545, env: "CHAIN_PORT", purpose: "the local chain" },
  postgres: { standard: 54329, env: "POSTGRES_PORT", purpose: "Postgres" },
  api: { standard: 8787, env: "API_PORT", purpose: "the exchange's API" },
  indexer: { standard: 42069, env: "INDEXER_PORT", purpose: "the indexer" },
  gateway: { standard: 8788, env: "GATEWAY_PORT", purpose: "the demo seller's gateway" },
} as const satisfies Record<keyof Ports, PortUse>;

// Below 32768, where Linux begins to hand out source ports: one of those could take a port between choosing and using it.
const FREE_FROM = 20_000;
const FREE_TO = 30_000;

/** Names of all ports, in the order in which their processes start. */
export const portNames = ["postgres", "chain", "indexer", "api", "gateway"] as const;

/** Fills up what is absent or 0 with ports that nobody listens on. */
export async function choosePorts(wanted: Partial<Ports>): Promise<Ports> {
  const chosen: Partial<Ports> = {};
  const taken = new Set<number>(Object.values(wanted));
  for (const name of portNames) {
    const port = wanted[name] || (await freePort(taken));
    taken.add(port);
    chosen[name] = port;
  }
  return chosen as Ports;
}

/** Throws a {@link LaunchError} for the first of `names` whose port somebody else has, or that two of them share. */
export async function assertPortsFree(ports: Ports, names: readonly (keyof Ports)[]): Promise<void> {
  const seen = new Map<number, keyof Ports>();
  for (const name of names) {
    const { env, purpose } = portUses[name];
    const port = ports[name];
    const twin = seen.get(port);
    if (twin) {
      throw new LaunchError(
        `Port ${port} is wanted twice: for ${portUses[twin].purpose} and for ${purpose}.`,
        {
          hint: `Set ${portUses[twin].env} or ${env} to another port.`,
        },
      );
    }
    seen.set(port, name);
    const fault = await listenFault(port);
    if (fault) {
      const what = fault === "EADDRINUSE" ? "is in use by another program" : `cannot be opened (${fault})`;
      throw new LaunchError(`Port ${port}, wanted for ${purpose}, ${what}.`, {
        hint: `Stop that program, or set ${env} to a free port.`,
        details: { port, env },
      });
    }
  }
}

async function freePort(taken: ReadonlySet<number>): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = randomInt(FREE_FROM, FREE_TO);
    if (!taken.has(port) && (await listenFault(port)) === undefined) return port;
  }
  throw new LaunchError(`No free port found between ${FREE_FROM} and ${FREE_TO}.`, {
    hint: "Stop some programs that listen there.",
  });
}

/** The error code with which listening on 127.0.0.1 fails, if it does. */
async function listenFault(port: number): Promise<string | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, host: "127.0.0.1" }, () => server.close(() => resolve(undefined)));
  });
}
