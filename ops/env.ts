/** What every process of ours can be told about how it is run; each process's `env.ts` takes it into its own schema. */
import ipaddr from "ipaddr.js";
import { z } from "zod";
import { levels } from "./log.ts";

/** Seconds that a process may be told to drain, or to wait for requests: orchestrators kill at some point anyway. */
const MAX_SECONDS = 3_600;
const seconds = (meaning: string) =>
  z.coerce.number({ error: meaning }).min(0, meaning).max(MAX_SECONDS, meaning);

export const processVariables = {
  /** The least important lines that are written. */
  LOG_LEVEL: z.enum(levels, { error: `one of ${levels.join(", ")}` }).default("info"),
  /** Where `GET /metrics` answers; absent: nowhere. */
  METRICS_PORT: z.coerce.number({ error: "a free TCP port" }).int().min(0).max(65_535).optional(),
  /** An address of this machine that is not public: what the metrics tell is nobody else's business. */
  METRICS_HOST: z
    .string()
    .refine(isInside, "a loopback or private IP address of this machine: metrics are not for the world")
    .default("127.0.0.1"),
  /** After SIGTERM: seconds for which it still serves, while its readiness says that it will not for long. */
  DRAIN_SECONDS: seconds("seconds from 0 to 3600").default(0),
  /** Seconds that requests under way then get to finish. */
  GRACE_SECONDS: seconds("seconds from 0 to 3600").default(30),
};

export type ProcessEnv = z.output<z.ZodObject<typeof processVariables>>;

/** Not so `0.0.0.0` and `::`, which listen on public addresses too. */
const inside = new Set(["loopback", "private", "uniqueLocal", "linkLocal", "carrierGradeNat"]);

function isInside(host: string): boolean {
  return ipaddr.isValid(host) && inside.has(ipaddr.parse(host).range());
}
