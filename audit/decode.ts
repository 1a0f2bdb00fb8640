/**
 * Reads events by the contracts' ABIs. A decoder of its own: an audit reads a million logs, and what it says must not hang on the decoder
 * that the indexer uses. Addresses come in lower case, whole numbers of up to 48 bits as number, wider ones as bigint, as viem has them.
 */
import { type Abi, type AbiEvent, type AbiParameter, type Address, type Hex, toEventSelector } from "viem";

/** A log as `eth_getLogs` has it, with the time of its block, in Unix seconds. */
export type RawLog = {
  address: Address;
  topics: readonly Hex[];
  data: Hex;
  block: number;
  blockHash: Hex;
  time: bigint;
  tx: Hex;
  txIndex: number;
  logIndex: number;
};

export type Decoded = { name: string; args: Record<string, unknown> };
export type Decoder = (log: Pick<RawLog, "topics" | "data">) => Decoded | undefined;

type Param = AbiParameter & { components?: readonly AbiParameter[] };
type Read = (data: string, at: number, base: number) => unknown;
type Reader = { isDynamic: boolean; words: number; read: Read };

const WORD = 64;

/** Throws a RangeError for data that ends too early. */
function word(data: string, at: number): string {
  const text = data.slice(at, at + WORD);
  if (text.length !== WORD) throw new RangeError("The log's data ends too early.");
  return text;
}

const toNumber = (text: string) => Number.parseInt(text, 16);

function elementary(type: string): (text: string) => unknown {
  const bits = Number(/^u?int(\d+)$/.exec(type)?.[1]);
  if (type.startsWith("uint")) return bits <= 48 ? toNumber : (text) => BigInt(`0x${text}`);
  if (type.startsWith("int")) return (text) => BigInt.asIntN(bits, BigInt(`0x${text}`));
  if (type === "address") return (text) => `0x${text.slice(24)}`;
  if (type === "bool") return (text) => text.endsWith("1");
  const bytes = Number(/^bytes(\d+)$/.exec(type)?.[1]);
  if (bytes) return (text) => `0x${text.slice(0, bytes * 2)}`;
  throw new TypeError(`Events with a ${type} can't be read.`);
}

function readerOf(param: Param): Reader {
  const { type, components } = param;
  if (type.endsWith("[]")) return arrayOf({ ...param, type: type.slice(0, -2) });
  if (type === "tuple") return tupleOf(components ?? []);
  if (type === "string" || type === "bytes") {
    return {
      isDynamic: true,
      words: 1,
      read(data, at, base) {
        const hex = bytesAt(data, base + toNumber(word(data, at)) * 2);
        return type === "bytes" ? `0x${hex}` : Buffer.from(hex, "hex").toString("utf8");
      },
    };
  }
  const parse = elementary(type);
  return { isDynamic: false, words: 1, read: (data, at) => parse(word(data, at)) };
}

function bytesAt(data: string, start: number): string {
  const length = toNumber(word(data, start));
  const hex = data.slice(start + WORD, start + WORD + length * 2);
  if (hex.length !== length * 2) throw new RangeError("The log's data ends too early.");
  return hex;
}

function arrayOf(member: Param): Reader {
  const { read, isDynamic, words } = readerOf(member);
  const step = (isDynamic ? 1 : words) * WORD;
  return {
    isDynamic: true,
    words: 1,
    read(data, at, base) {
      const start = base + toNumber(word(data, at)) * 2;
      const count = toNumber(word(data, start));
      const first = start + WORD;
      if (count * step > data.length) throw new RangeError("The log's data ends too early.");
      return Array.from({ length: count }, (_, i) => read(data, first + i * step, first));
    },
  };
}

function tupleOf(params: readonly AbiParameter[]): Reader {
  const readers = params.map((param) => readerOf(param as Param));
  const isDynamic = readers.some((reader) => reader.isDynamic);
  const words = isDynamic ? 1 : readers.reduce((sum, reader) => sum + reader.words, 0);
  const members = sideBySide(params, readers);
  return {
    isDynamic,
    words,
    read(data, at, base) {
      const start = isDynamic ? base + toNumber(word(data, at)) * 2 : at;
      return members(data, start);
    },
  };
}

/** Reads members that stand side by side from `start` on, each by its name. */
function sideBySide(params: readonly AbiParameter[], readers: readonly Reader[]) {
  let offset = 0;
  const places = readers.map(({ words }) => {
    const own = offset;
    offset += words * WORD;
    return own;
  });
  const names = params.map(({ name }, i) => name || String(i));
  return (data: string, start: number): Record<string, unknown> => {
    const values: Record<string, unknown> = {};
    for (let i = 0; i < readers.length; i++)
      values[names[i] as string] = (readers[i] as Reader).read(data, start + (places[i] as number), start);
    return values;
  };
}

/** A reader of one contract's events. It returns undefined for what is no event of the ABI, and throws a RangeError for broken data. */
export function createDecoder(abi: Abi): Decoder {
  const events = new Map(
    abi
      .filter((item): item is AbiEvent => item.type === "event")
      .map((event) => [toEventSelector(event), createReader(event)]),
  );
  return ({ topics, data }) => events.get(topics[0] as Hex)?.(topics, data);
}

function createReader(event: AbiEvent) {
  const indexed = event.inputs.filter(({ indexed }) => indexed);
  const rest = event.inputs.filter(({ indexed }) => !indexed);
  const topicReaders = indexed.map((param) => {
    const isHash = /^(string|bytes|tuple)$|\[/.test(param.type);
    return {
      name: param.name as string,
      parse: isHash ? (text: string) => `0x${text}` : elementary(param.type),
    };
  });
  const members = sideBySide(
    rest,
    rest.map((param) => readerOf(param as Param)),
  );
  return (topics: readonly Hex[], data: Hex): Decoded => {
    if (topics.length !== topicReaders.length + 1)
      throw new RangeError(
        `${event.name} has ${topicReaders.length} indexed values, not ${topics.length - 1}.`,
      );
    const args = members(data.slice(2), 0);
    for (let i = 0; i < topicReaders.length; i++) {
      const { name, parse } = topicReaders[i] as (typeof topicReaders)[number];
      args[name] = parse((topics[i + 1] as Hex).slice(2));
    }
    return { name: event.name, args };
  };
}

/** The bytes of a `string` or `bytes` in a log's data: `path` names the words that lead to it, each an offset from where the last one led. */
export function rawBytes(data: Hex, path: readonly number[]): Hex {
  const hex = data.slice(2);
  let start = 0;
  for (const index of path) start += toNumber(word(hex, start + index * WORD)) * 2;
  return `0x${bytesAt(hex, start)}`;
}
