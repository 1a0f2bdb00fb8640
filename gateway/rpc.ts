/** The few questions that a gateway asks a chain, without a library for all that can be asked. */
import type { Hex } from "viem";
import { z } from "zod";
import { keccak256, utf8 } from "../sdk/hash.ts";

/** One JSON-RPC request; rejects with what the node, or the way to it, says. */
export type Rpc = (method: string, params: readonly unknown[]) => Promise<unknown>;

const answerSchema = z.union([
  z.object({ error: z.object({ code: z.int(), message: z.string() }) }),
  z.object({ result: z.unknown() }),
]);

export function createRpc(url: string, timeoutMs: number): Rpc {
  return async (method, params) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (!response.ok) throw new Error(`${method}: the node answered ${response.status}.`);
    const answer = answerSchema.parse(await response.json());
    if ("error" in answer) throw new Error(`${method}: ${answer.error.message} (${answer.error.code}).`);
    return answer.result;
  };
}

const wordSchema = z.string().regex(/^0x[0-9a-f]{64}$/, "one word");

/** Calls a view function of static arguments that answers one word. `signature` is like `agentOf(address)`. */
export async function readWord(
  rpc: Rpc,
  { to, signature, args }: { to: Hex; signature: string; args: readonly (Hex | bigint)[] },
): Promise<bigint> {
  const words = args.map((arg) => BigInt(arg).toString(16).padStart(64, "0"));
  const data = `${keccak256(utf8(signature)).slice(0, 10)}${words.join("")}`;
  return BigInt(wordSchema.parse(await rpc("eth_call", [{ to, data }, "latest"])));
}
