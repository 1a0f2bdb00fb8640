/** ExecuteExp: what a seller lets buyers run, and how it is held. */
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { ExchangeError } from "../sdk/errors.ts";
import { ekIdSchema, unitsSchema } from "../sdk/wire/common.ts";
import type { Jail } from "./sandbox/jail.ts";
import { run } from "./sandbox/run.ts";
import { namedFiles } from "./sandbox/view.ts";
import { tollSchema } from "./toll-settings.ts";

const limitsSchema = {
  /** Time in ms; then it is killed. */
  timeout_ms: z.int().min(10).max(300_000).default(10_000),
  output_bytes: z
    .int()
    .min(1)
    .max(64 * 1024 * 1024)
    .default(1024 * 1024),
  memory_bytes: z
    .int()
    .min(16 * 1024 * 1024)
    .default(256 * 1024 * 1024),
  /** What one run costs, in smallest units of the toll's token; nothing when left out. */
  price_units: unitsSchema.optional(),
};

/** What one Experience runs. */
const executableSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("wasm"), ...limitsSchema }),
  z.strictObject({
    kind: z.literal("command"),
    /** Program and arguments, as they are: nothing of a request is ever put among them. */
    command: z.array(z.string()).min(1),
    /** Folders and files below the gateway's own that it needs beside those that `command` names, by absolute path: to be read only. */
    read: z.array(z.string().regex(/^\//, "an absolute path")).default([]),
    /** Runs it with the network and all else that the gateway's user may do. */
    allow_unsandboxed: z.boolean().default(false),
    ...limitsSchema,
  }),
]);

/** The seller's declaration: what can be run, by EK id, and how runs that have a price are paid. */
export const executionSchema = z
  .strictObject({ run: z.record(ekIdSchema, executableSchema), toll: tollSchema.optional() })
  .refine(
    ({ run, toll }) => toll !== undefined || Object.values(run).every((one) => one.price_units === undefined),
    "runs have a price, and no toll says to whom it is paid",
  );
export type Execution = z.infer<typeof executionSchema>;
export type Executable = Execution["run"][string];

export type Executor = {
  /** What the Experience runs; throws EK_NOT_FOUND when it is none that runs. */
  executable(ekId: string): Executable;
  /** Its output. `module` is the WebAssembly of a `wasm`. Throws EXECUTION_FAILED or SERVICE_UNAVAILABLE. */
  execute(
    executable: Executable,
    work: { inputs: Uint8Array; module?: Uint8Array; signal?: AbortSignal },
  ): Promise<Uint8Array>;
};

/** Runs at the same time. */
const MAX_RUNS = 4;
const WASM_PAGE = 65_536;
/** Bytes beside the module's own memory that the process around it needs: V8 alone reserves half a gigabyte for code. */
const WASM_PROCESS = 1024 * 1024 * 1024;
const wasmChild = fileURLToPath(new URL("./sandbox/wasm-child.ts", import.meta.url));

export function createExecutor({
  execution,
  jail,
  hide = [],
  maxRuns = MAX_RUNS,
}: {
  execution: Execution;
  jail: Jail | null;
  /** Folders that no command is to see, where the jail can hide them. */
  hide?: readonly string[];
  maxRuns?: number;
}): Executor {
  let running = 0;
  return {
    executable(ekId) {
      const executable = execution.run[ekId];
      if (executable) return executable;
      throw new ExchangeError("EK_NOT_FOUND", `${ekId} is nothing that this gateway runs.`, {
        hint: "Fetch its items instead.",
        details: { ek_id: ekId },
      });
    },
    async execute(executable, { inputs, module, signal }) {
      const command = commandOf(executable, jail, hide);
      if (running >= maxRuns) throw busy(running);
      running += 1;
      try {
        return await run({
          command,
          input: inputs,
          ...(module === undefined ? {} : { extra: module }),
          timeoutMs: executable.timeout_ms,
          outputBytes: executable.output_bytes,
          ...(signal === undefined ? {} : { signal }),
        });
      } finally {
        running -= 1;
      }
    },
  };
}

function commandOf(executable: Executable, jail: Jail | null, hide: readonly string[]): string[] {
  const cpuSeconds = Math.ceil(executable.timeout_ms / 1000) + 1;
  if (executable.kind === "command") {
    const limits = {
      cpuSeconds,
      memoryBytes: executable.memory_bytes,
      fileBytes: executable.output_bytes,
      processes: 256,
    };
    const { command, read } = executable;
    if (jail) return jail.wrap(command, limits, { hide, show: [...namedFiles(command), ...read] });
    if (executable.allow_unsandboxed) return executable.command;
    throw noJail();
  }
  const pages = Math.max(1, Math.floor(executable.memory_bytes / WASM_PAGE));
  const command = [
    process.execPath,
    ...["--permission", `--allow-fs-read=${wasmChild}`, "--allow-wasi", "--no-warnings"],
    ...[`--wasm-max-mem-pages=${pages}`, "--max-old-space-size=64", wasmChild],
  ];
  if (!jail) throw noJail();
  const memoryBytes = executable.memory_bytes + WASM_PROCESS;
  return jail.wrap(command, { cpuSeconds, memoryBytes, fileBytes: 0, processes: 256 });
}

function noJail(): ExchangeError {
  return new ExchangeError("SERVICE_UNAVAILABLE", "This gateway can't run anything safely.", {
    hint: "The seller needs Linux with unshare and prlimit (util-linux), and the right to make namespaces.",
  });
}

function busy(running: number): ExchangeError {
  return new ExchangeError("SERVICE_UNAVAILABLE", `${running} runs are under way, no more fit.`, {
    hint: "Try again in a few seconds.",
  });
}
