/** The process's metrics (Prometheus's text format), on a port of their own. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { ProcessEnv } from "./env.ts";
import type { Log } from "./log.ts";

/** All metrics of this process. */
export const registry = new Registry();

const registers = [registry];

/** Upper bounds in seconds: from an answer out of memory to one that waits for a block. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function counter<const L extends string>(name: string, help: string, labelNames: readonly L[] = []) {
  return new Counter<L>({ name, help, labelNames, registers });
}

export function secondsHistogram<const L extends string>(
  name: string,
  help: string,
  labelNames: readonly L[] = [],
) {
  return new Histogram<L>({ name, help, labelNames, buckets: SECONDS, registers });
}

/** `collect` sets the gauge each time somebody asks. What it throws leaves the gauge out, and the others as they are. */
export function gauge<const L extends string>(
  name: string,
  help: string,
  labelNames: readonly L[],
  collect: (gauge: Gauge<L>) => void | Promise<void>,
): Gauge<L> {
  return new Gauge<L>({
    ...{ name, help, labelNames, registers },
    async collect() {
      this.reset();
      try {
        await collect(this);
      } catch {
        // Nothing is known now. The failure has a metric of its own.
        failures.inc({ metric: name });
        if (labelNames.length === 0) this.set(Number.NaN);
      }
    },
  });
}

const failures = counter("moa_metrics_failures_total", "Looks for a metric's value that failed", ["metric"]);

/**
 * Remembers what `read` finds for so many milliseconds, so that neither several gauges nor several readers make it work twice. A failure
 * is remembered as well.
 */
export function remembered<T>(milliseconds: number, read: () => Promise<T>): () => Promise<T> {
  let known: { at: number; value: Promise<T> } | undefined;
  return () => {
    const now = performance.now();
    if (!known || now - known.at >= milliseconds) known = { at: now, value: read() };
    return known.value;
  };
}

export type MetricsServer = { close(): Promise<void> };

/** Serves `GET /metrics` where the environment wants it. Rejects when the port is taken. */
export async function serveMetrics(env: ProcessEnv, log: Log): Promise<MetricsServer> {
  if (env.METRICS_PORT === undefined) return { close: async () => {} };
  collectDefaultMetrics({ register: registry });
  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 5_000 },
    async (request, response) => {
      const path = request.url?.split("?")[0];
      if (path !== "/metrics" || (request.method !== "GET" && request.method !== "HEAD")) {
        response.writeHead(404).end();
        return;
      }
      try {
        const body = await registry.metrics();
        response.writeHead(200, { "content-type": registry.contentType }).end(body);
      } catch (error) {
        log("error", "metrics_failed", { error });
        response.writeHead(500).end();
      }
    },
  );
  server.listen(env.METRICS_PORT, env.METRICS_HOST);
  await once(server, "listening");
  log("info", "metrics", { host: env.METRICS_HOST, port: (server.address() as AddressInfo).port });
  return {
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
