/** Which chain and contracts an exchange works on: what its health says, checked against whatever the caller knows better. */
import type { Address } from "viem";
import type { Chain, Place } from "./chain.ts";
import type { Deployment } from "./deployment.ts";
import { ExchangeError } from "./errors.ts";
import { call, type Server } from "./http.ts";
import { addressSchema } from "./wire/common.ts";
import { healthSchema } from "./wire/public.ts";

/** Where the exchange's contracts are, and the account that writes for agents. */
export type ExchangePlace = Place & {
  relayer: Address | undefined;
  /** Where orders are, and what may be done with them; undefined where the exchange does not say. */
  exchange: Address | undefined;
  disputes: Address | undefined;
};

/** The part of a deployment file that a client can pin. */
export type PinnedDeployment = Pick<Deployment, "chainId" | "contracts"> & { startBlock?: number };

export type PlaceOptions = {
  server: Server;
  chain: Chain | undefined;
  deployment: PinnedDeployment | undefined;
};

/** Answers the place; asks once, and again only after a failure. */
export function createPlace(options: PlaceOptions): () => Promise<ExchangePlace> {
  let known: Promise<ExchangePlace> | undefined;
  return () => {
    known ??= findPlace(options).catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  };
}

async function findPlace({ server, chain, deployment }: PlaceOptions): Promise<ExchangePlace> {
  const health = await call(server, { path: "/health", schema: healthSchema });
  const contract = (name: "AgentRegistry" | "ExperienceKey" | "Catalog" | "Tills"): Address => {
    const told = addressSchema.safeParse(health.contracts?.[name]).data;
    const pinned = deployment?.contracts[name];
    if (told && (!pinned || pinned.toLowerCase() === told.toLowerCase())) return told;
    throw mismatch(server, `its ${name}`, pinned ?? "an address", told ?? "nothing");
  };
  const optional = (name: "Exchange" | "Disputes"): Address | undefined => {
    const told = addressSchema.safeParse(health.contracts?.[name]).data;
    const pinned = deployment?.contracts[name];
    if (!told || !pinned || pinned.toLowerCase() === told.toLowerCase()) return told;
    throw mismatch(server, `its ${name}`, pinned, told);
  };
  const chainIds: [string, number | undefined][] = [
    ["pinned", deployment?.chainId],
    ["at rpcUrl", await chain?.chainId()],
  ];
  for (const [what, chainId] of chainIds) {
    if (chainId === undefined || chainId === health.chain_id) continue;
    throw mismatch(server, `its chain, while the one ${what} is another,`, chainId, health.chain_id);
  }
  return {
    chainId: health.chain_id,
    registry: contract("AgentRegistry"),
    keys: contract("ExperienceKey"),
    catalog: contract("Catalog"),
    tills: contract("Tills"),
    exchange: optional("Exchange"),
    disputes: optional("Disputes"),
    relayer: addressSchema.optional().parse(health.relayer?.address),
  };
}

function mismatch(server: Server, what: string, expected: unknown, actual: unknown): ExchangeError {
  return new ExchangeError(
    "SERVICE_UNAVAILABLE",
    `${server.url} gives ${what} as ${actual}; expected ${expected}.`,
    {
      hint: "Url, rpcUrl and deployment must all be of one exchange.",
      details: { url: server.url, expected: String(expected), actual: String(actual) },
    },
  );
}
