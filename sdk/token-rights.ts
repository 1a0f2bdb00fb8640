/**
 * What a capability token rests on, read from the chain at one block: whose the EOA is, which key lets it in, whether the money can still
 * go back. One `eth_call` answers it all, for everybody who asked while the one before was under way (contracts/lenses/TokenRights.sol).
 */
import { type Address, concat, type Hash, type Hex, type PublicClient, toHex } from "viem";
import { tokenRightsCode } from "./abis/TokenRights.ts";
import type { Deployment } from "./deployment.ts";

export type TokenRight = {
  /** The EOA's agent; 0 when there is none. */
  agentId: bigint;
  epoch: number;
  /** The EOA was an agent's once and is none's now. */
  retired: boolean;
  /** The key by which the agent may use the Experience; 0 when there is none. */
  keyId: bigint;
  /** What was bought, as `IExperienceKey.Key` has it; zeros without a key. */
  version: number;
  expiry: number;
  scopes: number;
  flags: number;
  /** The key's money can still go back. */
  held: boolean;
  /** The block that all of it was read at. */
  block: BlockRef;
};

export type BlockRef = { number: bigint; hash: Hash };

export type TokenRights = (eoa: Address, ekId: bigint) => Promise<TokenRight>;

type Contracts = Pick<Deployment["contracts"], "AgentRegistry" | "ExperienceKey" | "Exchange">;

type Ask = {
  eoa: Address;
  ekId: bigint;
  done(right: TokenRight): void;
  failed(error: unknown): void;
};

/** Calls under way at a time. Who comes meanwhile shares the next one. */
const UNDER_WAY = 2;
/** Questions in one call: some 40,000 gas each, far from what nodes allow. */
const MOST = 50;
/** Words of a right in the answer. */
const WORDS = 9;

/** Each question is put to the chain after it was asked, never answered from what was read before. */
export function createTokenRights(client: PublicClient, contracts: Contracts): TokenRights {
  const code = codeFor(contracts);
  const headOf = createHeads(client);
  const waiting: Ask[] = [];
  let underWay = 0;

  const read = async (asks: readonly Ask[]): Promise<void> => {
    try {
      const { block, rights } = await readAt(client, code, asks, headOf);
      for (const [i, { done }] of asks.entries()) done({ ...(rights[i] as Right), block });
    } catch (error) {
      // Nobody is refused for what another one asked.
      if (asks.length === 1) asks[0]?.failed(error);
      else await Promise.all(asks.map((ask) => read([ask])));
    }
  };
  const carryOn = async (): Promise<void> => {
    if (underWay >= UNDER_WAY) return;
    underWay += 1;
    // One macrotask later, so that requests that were read from the network together are asked together.
    await new Promise((resolve) => setImmediate(resolve));
    while (waiting.length > 0) await read(waiting.splice(0, MOST));
    underWay -= 1;
  };
  return (eoa, ekId) =>
    new Promise((done, failed) => {
      waiting.push({ eoa, ekId, done, failed });
      void carryOn();
    });
}

/** The lens with its first arguments, up to the questions. */
function codeFor({ AgentRegistry, ExperienceKey, Exchange }: Contracts): Hex {
  const words = [AgentRegistry, ExperienceKey, Exchange].map((address) =>
    toHex(BigInt(address), { size: 32 }),
  );
  return concat([tokenRightsCode as Hex, ...words, toHex(128, { size: 32 })]);
}

/** The same at an earlier block. */
export async function tokenRightAt(
  client: PublicClient,
  contracts: Contracts,
  { eoa, ekId, number }: { eoa: Address; ekId: bigint; number: bigint },
): Promise<Omit<TokenRight, "block">> {
  const data = concat([codeFor(contracts), toHex(1, { size: 32 }), encode({ eoa, ekId })]);
  return decode(await call(client, data, toHex(number))).rights[0] as Right;
}

type Right = Omit<TokenRight, "block">;
type Seen = { number: bigint; timestamp: bigint; parentHash: Hash; rights: Right[] };
type Heads = (seen: Omit<Seen, "rights">) => Promise<BlockRef | undefined>;

async function readAt(
  client: PublicClient,
  code: Hex,
  asks: readonly Ask[],
  headOf: Heads,
): Promise<{ block: BlockRef; rights: Right[] }> {
  const data = concat([code, toHex(asks.length, { size: 32 }), ...asks.map(encode)]);
  const { rights, ...seen } = decode(await call(client, data, "latest"));
  const block = await headOf(seen);
  if (block) return { block, rights };
  // The head moved meanwhile, or the chain's blocks don't call themselves by their own number: so the block is chosen first.
  const { number, hash } = await client.getBlock({ blockTag: "latest" });
  return { block: { number, hash }, rights: decode(await call(client, data, toHex(number))).rights };
}

async function call(client: PublicClient, data: Hex, block: Hex | "latest"): Promise<Hex> {
  return client.request({ method: "eth_call", params: [{ data }, block] });
}

/**
 * The head as the node names it, if it is the block that was seen from inside. It is kept, so a quiet chain is asked once per block. Two
 * blocks that agree in all three are rivals for one place: the sweep that holds tokens against the chain finds out at its next head.
 */
function createHeads(client: PublicClient): Heads {
  let known: Awaited<ReturnType<typeof client.getBlock>> | undefined;
  const isKnown = (seen: Omit<Seen, "rights">) =>
    known?.number === seen.number &&
    known.timestamp === seen.timestamp &&
    known.parentHash === seen.parentHash;
  return async (seen) => {
    if (!isKnown(seen)) known = await client.getBlock({ blockTag: "latest" });
    return known && isKnown(seen) ? { number: seen.number, hash: known.hash as Hash } : undefined;
  };
}

function encode({ eoa, ekId }: Pick<Ask, "eoa" | "ekId">): Hex {
  return concat([toHex(BigInt(eoa), { size: 32 }), toHex(ekId, { size: 32 })]);
}

/** ABI words, all of static types: three of the block, then the offset and the length of the rights. */
function decode(answer: Hex): Seen {
  const at = (i: number) => `0x${answer.slice(2 + i * 64, 2 + (i + 1) * 64)}` as Hex;
  const count = Number(at(4));
  if (answer.length !== 2 + (5 + count * WORDS) * 64)
    throw new Error(`The chain answered ${answer.length} characters where it was asked for ${count} rights.`);
  const rights = Array.from({ length: count }, (_, i): Right => {
    const word = (n: number) => at(5 + i * WORDS + n);
    return {
      ...{ agentId: BigInt(word(0)), epoch: Number(word(1)), retired: Number(word(2)) === 1 },
      ...{ keyId: BigInt(word(3)), version: Number(word(4)), expiry: Number(word(5)) },
      ...{ scopes: Number(word(6)), flags: Number(word(7)), held: Number(word(8)) === 1 },
    };
  });
  return { number: BigInt(at(0)), timestamp: BigInt(at(1)), parentHash: at(2) as Hash, rights };
}
