/**
 * A chain's logs from first to last, in pieces that the provider can bear. How they are checked for completeness is a choice:
 *
 * - `logs`: a block with logs of ours must be the chain's. A log that was left out shows by the gap that it leaves in the replay.
 * - `blooms`: every block's bloom filter is read as well. Where one names a contract of ours that served no log, the receipts decide.
 * - `receipts`: every block's header is hashed, its receipts are hashed against it, and the logs are read out of them.
 */
import { type Address, type Hash, type Hex, hexToBytes, keccak256, pad } from "viem";
import { encodeHeader, encodeReceipt } from "../sdk/receipt-proof.ts";
import { proveIndex } from "../sdk/trie.ts";
import { least, lower } from "./context.ts";
import type { RawLog } from "./decode.ts";
import type { Findings } from "./findings.ts";
import {
  AuditError,
  each,
  type Filter,
  type Header,
  lowered,
  type Node,
  type Receipt,
  reasonOf,
  type ServedLog,
} from "./node.ts";
import { TRANSFER_TOPIC } from "./vaults.ts";

export const modes = ["logs", "blooms", "receipts"] as const;
export type Mode = (typeof modes)[number];

export type LogSource = {
  contracts: readonly Address[];
  /** Whose transfers from and to `vaults` are read too. */
  tokens: readonly Address[];
  vaults: readonly Address[];
  from: bigint;
  to: bigint;
  mode: Mode;
};

/** Blocks in the first piece and in any, and logs that a piece should have: the next one is made to. */
const FIRST_SPAN = 200n;
const MAX_SPAN = 20_000n;
const PIECE_LOGS = 10_000n;
const AT_ONCE = 100;
const EMPTY_ROOT: Hash = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421";

function filtersOf({ contracts, tokens, vaults }: LogSource): Filter[] {
  const padded = vaults.map((vault) => pad(vault));
  if (tokens.length === 0) return [{ address: contracts }];
  return [
    { address: contracts },
    { address: tokens, topics: [TRANSFER_TOPIC, padded] },
    { address: tokens, topics: [TRANSFER_TOPIC, null, padded] },
  ];
}

const orderOf = (log: ServedLog) => Number(log.blockNumber) * 2 ** 20 + Number(log.logIndex);

/** Both filters of transfers find one that goes from vault to vault. */
function merged(parts: readonly ServedLog[][]): ServedLog[] {
  const found = parts.flat().map(lowered);
  found.sort((a, b) => orderOf(a) - orderOf(b));
  const isCopy = (log: ServedLog, i: number) =>
    i > 0 && orderOf(log) === orderOf(found[i - 1] as ServedLog) && log.data === found[i - 1]?.data;
  return found.filter((log, i) => !isCopy(log, i));
}

/** Logs by pieces of the range; a piece that the provider refuses is halved, down to one block. Throws an AuditError for that one. */
export async function* readLogs(node: Node, source: LogSource, findings: Findings): AsyncGenerator<RawLog[]> {
  const filters = filtersOf(source);
  let span = FIRST_SPAN;
  let parent: Hash | undefined;
  for (let from = source.from; from <= source.to; ) {
    const to = from + span - 1n < source.to ? from + span - 1n : source.to;
    let served: ServedLog[];
    try {
      served = merged(await Promise.all(filters.map((filter) => node.logs(filter, from, to))));
    } catch (error) {
      if (to === from) {
        const hint = "Try another RPC endpoint, or one without a limit on eth_getLogs.";
        throw new AuditError(`The node gives no logs of block ${from}: ${reasonOf(error)}`, {
          hint,
          cause: error,
        });
      }
      span = (to - from + 1n) / 2n;
      continue;
    }
    const checked = await complete(node, { source, findings, from, to, served, parent });
    parent = checked.parent;
    yield checked.logs;
    from = to + 1n;
    const fitting = (span * PIECE_LOGS) / BigInt(served.length + 1) + 1n;
    span = least(least(span * 4n, fitting), MAX_SPAN);
  }
}

type Piece = {
  source: LogSource;
  findings: Findings;
  from: bigint;
  to: bigint;
  served: readonly ServedLog[];
  /** The hash of the block before `from`, where headers are hashed. */
  parent: Hash | undefined;
};

async function complete(node: Node, piece: Piece): Promise<{ logs: RawLog[]; parent: Hash | undefined }> {
  const { source, findings, from, to } = piece;
  const byBlock = Map.groupBy(piece.served, ({ blockNumber }) => BigInt(blockNumber));
  const numbers =
    source.mode === "logs"
      ? [...byBlock.keys()].filter((number) => number >= from && number <= to)
      : Array.from({ length: Number(to - from + 1n) }, (_, i) => from + BigInt(i));
  for (const [number, [first]] of byBlock)
    findings.check("LOG_PLACE", number >= from && number <= to, () => ({
      subject: first?.address ?? "",
      expected: `block ${from} to ${to}`,
      said: number,
    }));
  const headers = await each(numbers, AT_ONCE, (number) => node.block(number));
  let parent = piece.parent;
  const logs: RawLog[] = [];
  for (const header of headers) {
    const own = byBlock.get(BigInt(header.number)) ?? [];
    const inDoubt = source.mode === "receipts" || (source.mode === "blooms" && isSilent(header, own, source));
    const receipts = inDoubt ? await node.receiptsOf(header) : undefined;
    if (source.mode === "receipts") parent = checkHeader(header, parent, findings);
    const truth = receipts ? compare(header, receipts, own, source, findings) : own;
    logs.push(...truth.map((log) => toRaw(log, header, findings)));
  }
  return { logs, parent };
}

/** Whether the bloom filter names a contract of ours that none of the logs is of. */
function isSilent(header: Header, own: readonly ServedLog[], { contracts }: LogSource): boolean {
  return contracts.some(
    (address) => isInBloom(header.logsBloom, address) && !own.some((log) => log.address === address),
  );
}

/** Whether a block's filter may hold an address: three bits of its hash (Ethereum yellow paper, 4.3.1). */
function isInBloom(bloom: Hex, address: Address): boolean {
  const bits = hexToBytes(bloom);
  const hash = keccak256(address, "bytes");
  return [0, 2, 4].every((i) => {
    const bit = (((hash[i] as number) << 8) | (hash[i + 1] as number)) & 2047;
    return ((bits[255 - (bit >> 3)] as number) & (1 << (bit & 7))) !== 0;
  });
}

/** Hashes the header; returns its hash, which the next one must name. */
function checkHeader(header: Header, parent: Hash | undefined, findings: Findings): Hash {
  const subject = `block ${BigInt(header.number)}`;
  findings.equal("HEADER_HASH", {
    subject,
    field: "hash",
    expected: keccak256(encodeHeader(header)),
    said: header.hash,
  });
  if (parent !== undefined)
    findings.equal("HEADER_HASH", {
      subject,
      field: "parentHash",
      expected: parent,
      said: header.parentHash,
    });
  return header.hash;
}

/** Holds the logs that were served against the block's receipts, and those against its header. Returns the receipts' own. */
function compare(
  header: Header,
  receipts: readonly Receipt[],
  served: readonly ServedLog[],
  source: LogSource,
  findings: Findings,
): ServedLog[] {
  const root = receipts.length === 0 ? EMPTY_ROOT : proveIndex(receipts.map(encodeReceipt), 0).root;
  findings.equal("RECEIPTS_ROOT", {
    subject: `block ${BigInt(header.number)}`,
    expected: header.receiptsRoot,
    said: root,
  });
  const truth = receipts.flatMap((receipt) => ownLogs(receipt, header, source));
  const left = new Map(served.map((log) => [Number(log.logIndex), log]));
  for (const log of truth) {
    const place = placeOf(log);
    const other = left.get(Number(log.logIndex));
    left.delete(Number(log.logIndex));
    findings.check("LOG_MISSING", other !== undefined, () => ({
      subject: log.address,
      expected: contentOf(log),
      said: "no log",
      place,
    }));
    if (other)
      findings.equal("LOG_ALTERED", {
        subject: log.address,
        expected: contentOf(log),
        said: contentOf(other),
        place,
      });
  }
  const [invented] = left.values();
  findings.check("LOG_INVENTED", !invented, () => ({
    subject: (invented as ServedLog).address,
    expected: "no log",
    said: contentOf(invented as ServedLog),
    place: placeOf(invented as ServedLog),
  }));
  return truth;
}

function ownLogs(receipt: Receipt, header: Header, { contracts, tokens, vaults }: LogSource): ServedLog[] {
  const padded = vaults.map((vault) => pad(vault));
  const isOwn = ({ address, topics }: { address: Address; topics: readonly string[] }) => {
    if (contracts.includes(lower(address))) return true;
    const isMove = tokens.includes(lower(address)) && topics[0] === TRANSFER_TOPIC;
    return isMove && topics.slice(1).some((topic) => (padded as string[]).includes(topic));
  };
  return receipt.logs.filter(isOwn).map(({ address, topics, data, logIndex }) => ({
    ...{ address: lower(address), topics, data, logIndex },
    ...{ blockNumber: header.number, blockHash: header.hash },
    ...{ transactionHash: receipt.transactionHash, transactionIndex: receipt.transactionIndex },
  }));
}

const contentOf = ({ address, topics, data, transactionHash }: ServedLog) =>
  JSON.stringify({ address, topics, data, tx: transactionHash });
const placeOf = (log: ServedLog) => ({
  block: Number(log.blockNumber),
  tx: log.transactionHash,
  logIndex: Number(log.logIndex),
});

function toRaw(log: ServedLog, header: Header, findings: Findings): RawLog {
  findings.equal("LOG_BLOCK", {
    subject: `block ${BigInt(header.number)}`,
    expected: header.hash,
    said: log.blockHash,
    place: placeOf(log),
  });
  return {
    ...{ address: log.address, topics: log.topics, data: log.data, blockHash: log.blockHash },
    ...{ block: Number(log.blockNumber), time: BigInt(header.timestamp), tx: log.transactionHash },
    ...{ txIndex: Number(log.transactionIndex), logIndex: Number(log.logIndex) },
  };
}
