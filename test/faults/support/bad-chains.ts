/** Nodes that are bad in one way: what a provider of RPC, or a pool of its nodes, has been seen to do. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export type Rpc = { method: string; params?: unknown[] };
type Reply = { result?: unknown; error?: { code: number; message: string } };
/** Asks the real node. */
type Node = (call: Rpc) => Promise<Reply>;
/** What the bad node answers; null breaks the connection. It may ask the real node, once, often or not at all. */
export type Badness = (call: Rpc, node: Node) => Promise<Reply | null>;

export type BadChain = {
  url: string;
  /** From now on; without an argument it is good. */
  become(bad?: Badness): void;
  /** Calls that were answered otherwise than the real node does, since it last became something. */
  lies(): number;
  close(): Promise<void>;
};

export async function startBadChain(rpcUrl: string): Promise<BadChain> {
  let bad: Badness | undefined;
  let lies = 0;
  const node: Node = async (call) => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, ...call });
    const response = await fetch(rpcUrl, {
      ...{ method: "POST", headers: { "content-type": "application/json" }, body },
    });
    return (await response.json()) as Reply;
  };
  const server = createServer(async (request, response) => {
    try {
      let body = "";
      for await (const chunk of request) body += chunk;
      const { id, method, params } = JSON.parse(body) as Rpc & { id: number };
      const call = { method, ...(params ? { params } : {}) };
      const reply = await (bad ?? ((c: Rpc) => node(c)))(call, node);
      if (bad) lies++;
      if (reply === null) return response.destroy();
      response.setHeader("content-type", "application/json");
      return response.end(JSON.stringify({ ...reply, jsonrpc: "2.0", id }));
    } catch {
      return response.destroy(); // whoever asked is gone, or the system stops
    }
  });
  return {
    url: `http://127.0.0.1:${await listen(server)}`,
    become(next) {
      bad = next;
      lies = 0;
    },
    lies: () => lies,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

export const down: Badness = async () => null;

/** Each answer takes so many milliseconds; those that `isLate` is true of so many more. */
export const slow = (
  milliseconds: number,
  late: { by: number; isLate: (call: Rpc, count: number) => boolean },
): Badness => {
  let count = 0;
  return async (call, node) => {
    const wait = milliseconds + (late.isLate(call, ++count) ? late.by : 0);
    // What was asked is done at once: only the word of it is late.
    const [reply] = await Promise.all([node(call), sleep(wait)]);
    return reply;
  };
};

export const anotherChain: Badness = async (call, node) =>
  call.method === "eth_chainId" ? { result: "0x1" } : node(call);

/** A node that has come to `block` and no further, while others go on: it takes transactions, and knows none of what came since. */
export const behind =
  (block: bigint): Badness =>
  async (call, node) => {
    const head = `0x${block.toString(16)}`;
    const { method, params = [] } = call;
    if (method === "eth_blockNumber") return { result: head };
    const at = (place: number) =>
      node({ method, params: params.map((p, i) => (i === place ? cappedTag(p, block) : p)) });
    switch (method) {
      case "eth_getBlockByNumber":
        return typeof params[0] === "string" && isAbove(params[0], block) ? { result: null } : at(0);
      case "eth_call":
      case "eth_estimateGas":
      case "eth_getBalance":
      case "eth_getTransactionCount":
        if (isAbove(params[1], block)) return { error: { code: -32000, message: "header not found" } };
        return at(1);
      case "eth_getTransactionReceipt":
      case "eth_getTransactionByHash":
        return unlessLater(await node(call), block);
      case "eth_getLogs": {
        const reply = await node(call);
        const logs = (reply.result ?? []) as { blockNumber: string }[];
        return { ...reply, result: logs.filter(({ blockNumber }) => BigInt(blockNumber) <= block) };
      }
      default:
        return node(call);
    }
  };

const isNumber = (tag: unknown): tag is string => typeof tag === "string" && tag.startsWith("0x");
const isAbove = (tag: unknown, block: bigint) => isNumber(tag) && tag.length < 20 && BigInt(tag) > block;
/** "latest" and "pending" are this node's own. */
const cappedTag = (tag: unknown, block: bigint) =>
  tag === "latest" || tag === "pending" || tag === undefined ? `0x${block.toString(16)}` : tag;

function unlessLater(reply: Reply, block: bigint): Reply {
  const { blockNumber } = (reply.result ?? {}) as { blockNumber?: string };
  return blockNumber !== undefined && blockNumber !== null && BigInt(blockNumber) > block
    ? { ...reply, result: null }
    : reply;
}

/** A pool of two nodes that answer in turn: one is at the head, one `blocks` behind it. */
export const flapping = (blocks: bigint): Badness => {
  let count = 0;
  return async (call, node) => {
    if (++count % 2 === 0) return node(call);
    const { result } = await node({ method: "eth_blockNumber" });
    const head = BigInt(result as string);
    return behind(head > blocks ? head - blocks : 0n)(call, node);
  };
};

/** Logs of these topics are never found by a filter, though their receipts have them. */
export const withoutLogs =
  (isDropped: (log: { topics: string[] }) => boolean): Badness =>
  async (call, node) => {
    const reply = await node(call);
    if (call.method !== "eth_getLogs") return reply;
    return { ...reply, result: (reply.result as { topics: string[] }[]).filter((log) => !isDropped(log)) };
  };

/** No receipt for so many milliseconds after a transaction was first asked for; for ever where that is Infinity. */
export const withoutReceipts = (milliseconds: number): Badness => {
  const first = new Map<unknown, number>();
  return async (call, node) => {
    if (call.method !== "eth_getTransactionReceipt") return node(call);
    const hash = call.params?.[0];
    const since = first.get(hash) ?? performance.now();
    first.set(hash, since);
    return performance.now() - since < milliseconds ? { result: null } : node(call);
  };
};

/** The transaction is taken, its answer lost; and the node that is asked afterwards does not have it yet. */
export const lostAnswer = (blocks: bigint): Badness => {
  const lagging = flapping(blocks);
  return async (call, node) => {
    if (call.method === "eth_sendRawTransaction") {
      const reply = await node(call);
      return reply.error ? reply : null;
    }
    if (call.method === "eth_getTransactionByHash") return { result: null };
    return lagging(call, node);
  };
};

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}
