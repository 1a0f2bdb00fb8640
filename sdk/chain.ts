/** What the client reads from the chain itself, when it is given an RPC url: then neither exchange nor gateway has to be believed. */
import { type Address, createPublicClient, type Hash, http, type PublicClient } from "viem";
import { agentRegistryAbi, catalogAbi, experienceKeyAbi, tillsAbi } from "./abis/index.ts";
import { ExchangeError } from "./errors.ts";
import type { Quote } from "./till.ts";

/** Where things are. The exchange's health names it; a pinned deployment proves it. */
export type Place = { chainId: number; registry: Address; keys: Address; catalog: Address; tills: Address };

export type Chain = {
  chainId(): Promise<number>;
  /** The nonce that the next signature of `owner` for the registry must carry. */
  nonceOf(place: Place, owner: Address): Promise<bigint>;
  tillOf(place: Place, quote: Quote): Promise<Address>;
  /** The manifest's hash that the seller committed to for one version. */
  manifestHashOf(place: Place, ekId: bigint, version: number): Promise<Hash>;
  /** The version that the account's key opens; undefined when it holds none. */
  boughtVersion(place: Place, ekId: bigint, account: Address): Promise<number | undefined>;
};

/** `startBlock`: no listing is older; some RPC providers search no log range from the beginning of the chain. */
export function createChain(rpcUrl: string, startBlock: number | undefined): Chain {
  const client = createPublicClient({ transport: http(rpcUrl) });
  const read = async <T>(ask: () => Promise<T>): Promise<T> => {
    try {
      return await ask();
    } catch (cause) {
      if (cause instanceof ExchangeError) throw cause;
      const reason = cause instanceof Error ? (cause.message.split("\n")[0] ?? cause.name) : String(cause);
      throw new ExchangeError("SERVICE_UNAVAILABLE", `The chain could not be asked: ${reason}`, {
        hint: "Check rpcUrl. Without it the client trusts what the exchange says of the chain.",
        details: { rpc_url: rpcUrl },
        cause,
      });
    }
  };
  return {
    chainId: () => read(() => client.getChainId()),
    nonceOf: ({ registry }, owner) =>
      read(() =>
        client.readContract({
          address: registry,
          abi: agentRegistryAbi,
          functionName: "nonces",
          args: [owner],
        }),
      ),
    tillOf: ({ tills }, quote) =>
      read(() =>
        client.readContract({ address: tills, abi: tillsAbi, functionName: "tillOf", args: [quote] }),
      ),
    manifestHashOf: (place, ekId, version) =>
      read(() => manifestHash(client, place, { ekId, version, startBlock })),
    boughtVersion: (place, ekId, account) => read(() => boughtVersion(client, place, { ekId, account })),
  };
}

async function manifestHash(
  client: PublicClient,
  { catalog }: Place,
  { ekId, version, startBlock }: { ekId: bigint; version: number; startBlock: number | undefined },
): Promise<Hash> {
  const logs = await client.getContractEvents({
    address: catalog,
    abi: catalogAbi,
    eventName: "ListingVersion",
    args: { ekId, version },
    fromBlock: startBlock === undefined ? "earliest" : BigInt(startBlock),
    strict: true,
  });
  const [log] = logs;
  if (!log) {
    throw new ExchangeError("EK_NOT_FOUND", `The chain has no version ${version} of listing ${ekId}.`, {
      hint: "Does rpcUrl lead to the exchange's chain, and is its node up to date?",
      details: { ek_id: String(ekId), version },
    });
  }
  return log.args.content.manifestHash;
}

async function boughtVersion(
  client: PublicClient,
  { registry, keys }: Place,
  { ekId, account }: { ekId: bigint; account: Address },
): Promise<number | undefined> {
  const agentId = await client.readContract({
    address: registry,
    abi: agentRegistryAbi,
    functionName: "agentOf",
    args: [account],
  });
  const [keyId, key] = await client.readContract({
    address: keys,
    abi: experienceKeyAbi,
    functionName: "accessOf",
    args: [ekId, agentId],
  });
  return keyId === 0n ? undefined : key.version;
}
