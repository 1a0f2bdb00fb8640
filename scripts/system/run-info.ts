/** `run.json` in the data directory: where the running system is, for scripts, tests and people. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { deploymentSchema } from "../../sdk/deployment.ts";
import { LaunchError } from "./launch-error.ts";

const runInfoSchema = z.object({
  chainId: z.int().positive(),
  rpcUrl: z.url(),
  /** With the password: the file is for its owner alone. */
  databaseUrl: z.string(),
  apiUrl: z.url(),
  indexerUrl: z.url(),
  gatewayUrl: z.url(),
  deploymentFile: z.string(),
  deployment: deploymentSchema,
  /** The chain was started with the system and ends with it. */
  ephemeral: z.boolean(),
  /** Where the demo seller's gateway looks for what it sells. */
  storeDir: z.string(),
  logDir: z.string(),
  /** By process name; empty once the system has been stopped. */
  pids: z.record(z.string(), z.int().positive()),
});

export type RunInfo = z.infer<typeof runInfoSchema>;

function fileIn(dataDir: string): string {
  return join(dataDir, "run.json");
}

export function writeRunInfo(dataDir: string, run: RunInfo): void {
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(`${fileIn(dataDir)}.new`, `${JSON.stringify(run, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${fileIn(dataDir)}.new`, fileIn(dataDir));
}

/** The system that was started last on this data directory. Throws a {@link LaunchError} when there was none. */
export function readRunInfo(dataDir: string): RunInfo {
  try {
    return runInfoSchema.parse(JSON.parse(readFileSync(fileIn(dataDir), "utf8")));
  } catch (cause) {
    throw new LaunchError(`No system has been started on ${dataDir}.`, {
      hint: "Run npm start first.",
      cause,
    });
  }
}
