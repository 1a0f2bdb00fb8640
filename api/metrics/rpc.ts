/** Calls of the chain's RPC: a transport that measures another one. */
import { RpcRequestError, type Transport } from "viem";
import { counter, secondsHistogram } from "../../ops/metrics.ts";

const durations = secondsHistogram(
  "moa_rpc_duration_seconds",
  "Calls of the chain's RPC, by method; `refused`: it answered with an error, a revert among them; `failed`: it did not answer",
  ["method", "outcome"],
);

/** Fees that were raised, gaps that were filled, transactions that never left. */
export const relayerActs = counter(
  "moa_relayer_acts_total",
  "What the relayer had to do to keep its queue moving",
  ["act"],
);

export function measured(transport: Transport): Transport {
  return ((options) => {
    const { request, ...rest } = transport(options);
    const measure = async (call: { method: string }, ...more: unknown[]) => {
      const started = performance.now();
      let outcome = "ok";
      try {
        return await (request as (...all: unknown[]) => Promise<unknown>)(call, ...more);
      } catch (error) {
        outcome = error instanceof Error && isAnswer(error) ? "refused" : "failed";
        throw error;
      } finally {
        durations.observe({ method: call.method, outcome }, (performance.now() - started) / 1_000);
      }
    };
    return { ...rest, request: measure as typeof request };
  }) as Transport;
}

function isAnswer(error: Error): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof RpcRequestError) return true;
  }
  return false;
}
