/** A node that has nothing but the made-up log: answers `eth_getLogs` and `eth_getBlockByNumber` out of its memory. For the benchmark. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { stream } from "./stream.ts";

type Call = { id: number; method: string; params: [never, never] };
type Filter = {
  address: string[];
  topics?: (string | string[] | null)[];
  fromBlock: string;
  toBlock: string;
};
/** A block's logs, as they are served, and its time. */
type Block = { time: string; logs: { address: string; topics: readonly string[] }[] };

const hex = (value: number | bigint) => `0x${value.toString(16)}`;
const blocks = new Map<number, Block>();
let head = 0;
for (const transaction of stream(Number(process.argv[2]))) {
  for (const { address, topics, data, block, blockHash, time, tx, txIndex, logIndex } of transaction) {
    const known = blocks.get(block) ?? { time: hex(time), logs: [] };
    blocks.set(block, known);
    head = block;
    const origin = {
      blockNumber: hex(block),
      blockHash,
      transactionHash: tx,
      transactionIndex: hex(txIndex),
    };
    known.logs.push(Object.assign({ address, topics, data, logIndex: hex(logIndex) }, origin));
  }
}

function logsOf({ address, topics = [], fromBlock, toBlock }: Filter) {
  const wanted = new Set(address.map((each) => each.toLowerCase()));
  const fits = (log: Block["logs"][number]) =>
    wanted.has(log.address) &&
    topics.every((topic, i) => topic === null || [topic].flat().includes(log.topics[i] as string));
  const found: Block["logs"] = [];
  for (let number = Number(fromBlock); number <= Number(toBlock); number++)
    found.push(...(blocks.get(number)?.logs.filter(fits) ?? []));
  return found;
}

function answer({ id, method, params }: Call) {
  const number = Number(params[0]);
  const result =
    method === "eth_getLogs"
      ? logsOf(params[0])
      : {
          number: hex(number),
          hash: `0x${number.toString(16).padStart(64, "0")}`,
          timestamp: blocks.get(number)?.time,
        };
  return { jsonrpc: "2.0", id, result };
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const calls = JSON.parse(Buffer.concat(chunks).toString()) as Call | Call[];
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(Array.isArray(calls) ? calls.map(answer) : answer(calls)));
  });
});
server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, head }));
});
