/** The command line as a function: from arguments to an exit code. */
import { parseArgs } from "node:util";
import { ExchangeError } from "../sdk/errors.ts";
import { add } from "./commands/add.ts";
import { check } from "./commands/check.ts";
import { type Command, CommandError } from "./commands/command.ts";
import { doctor } from "./commands/doctor.ts";
import { init } from "./commands/init.ts";
import { prepare } from "./commands/prepare.ts";
import { CONFIG_FILE, ConfigError } from "./config.ts";
import { EnvError, environment, readEnv } from "./env.ts";
import { reasonOf } from "./inspect.ts";

const commands: Record<string, (command: Command) => Promise<number>> = { init, prepare, add, check, doctor };

const USAGE = `moa-gateway COMMAND [--config FILE] …

  init      write the configuration (--exchange URL --seller ID; --port N, --public-url URL)
  prepare   make the store that the configuration names: folder, bucket or tables
  add       FILE… put an Experience into the store and print its listing (--title, --price, --role file=role,
            --encrypt aes-256-gcm|kms-envelope, --part-bytes N, --out listing.json; all in docs/SELLING.md)
  check     read everything in the store and check every hash
  doctor    find out what keeps this gateway from selling
  serve     run the gateway

The configuration is ${CONFIG_FILE} in this folder, or what --config names.
`;

/** Where a command writes: `print` what another program may read, `say` what a person reads. */
export type Terminal = Pick<Command, "print" | "say">;

/** Never rejects: what went wrong is said, and makes the code 1. */
export async function runCommand(argv: string[], terminal: Terminal): Promise<number> {
  try {
    return await run(argv, terminal);
  } catch (error) {
    terminal.say(explain(error));
    return 1;
  }
}

async function run(argv: string[], terminal: Terminal): Promise<number> {
  const [name = "", ...rest] = argv;
  const { configFile, args } = takeConfig(rest);
  if (name === "serve") {
    // The process that `node gateway/server.ts` is, told where its settings are.
    environment.GATEWAY_CONFIG = configFile;
    await import("./server.ts");
    return 0;
  }
  const command = commands[name];
  if (command === undefined) {
    terminal.say(USAGE);
    return name === "" || name === "help" || name === "--help" ? 0 : 1;
  }
  return command({
    configFile,
    args,
    ...terminal,
    env: () => readEnv({ ...environment, GATEWAY_CONFIG: configFile }),
  });
}

/** Takes `--config FILE` out of the arguments; the rest is the command's. */
function takeConfig(argv: string[]): { configFile: string; args: string[] } {
  const at = argv.indexOf("--config");
  if (at === -1) return { configFile: environment.GATEWAY_CONFIG || CONFIG_FILE, args: argv };
  const { values } = parseArgs({ args: argv.slice(at, at + 2), options: { config: { type: "string" } } });
  return { configFile: values.config ?? CONFIG_FILE, args: argv.toSpliced(at, 2) };
}

function explain(error: unknown): string {
  const told = [CommandError, ConfigError, EnvError].some((kind) => error instanceof kind);
  if (told) return (error as Error).message;
  if (error instanceof ExchangeError) return `${reasonOf(error)}${error.hint ? `\n${error.hint}` : ""}`;
  return reasonOf(error);
}
