/** The command line as a function: from arguments to an exit code. */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Deployment, deploymentSchema } from "../sdk/deployment.ts";
import { InvalidIdError } from "../sdk/errors.ts";
import { audit } from "./audit.ts";
import { type Mode, modes } from "./logs.ts";
import { AuditError } from "./node.ts";
import { htmlOf, textOf } from "./report.ts";
import { tradeText, verifyTrade } from "./trade.ts";

const USAGE = `moa-audit --rpc URL --deployment FILE [options]

Rebuilds an exchange from its chain's logs, checks every rule, and compares with the chain's storage and, where given, with what
the exchange's API or database says.

  --rpc URL           a JSON-RPC endpoint of the chain (or RPC_URL)
  --deployment FILE   the exchange's addresses, as deployments/<chain>.json (or DEPLOYMENT_FILE)
  --to BLOCK          the last block; the chain's head when left out
  --blooms            read every block's header too, and look for logs that were left out
  --receipts          read every block's receipts and hash them against its header: no log can be left out, altered or invented
  --sample N          how much of each kind of storage is compared at most (2000); 0 = none
  --api URL           compare with an API
  --database URL      compare with an index's database (or AUDIT_DATABASE_URL); --schema NAME when it is not the deployment's
  --trade ID          verify one trade (ord_… or key_…) and print it
  --json FILE         write the report as JSON (schema moa-audit-1)
  --html FILE         write it as a page

Ends with 0 when all is well, 1 when there are faults, 2 when it could not audit. docs/AUDITING.md says what each law asks.
`;

export type Terminal = {
  /** For results, and for what happens meanwhile. */
  print: (text: string) => void;
  say: (text: string) => void;
  env: Readonly<Record<string, string | undefined>>;
};

/** 0 = no fault, 1 = faults, 2 = no audit. Never rejects. */
export async function runAudit(argv: string[], terminal: Terminal): Promise<number> {
  try {
    return await run(argv, terminal);
  } catch (error) {
    terminal.say(error instanceof Error ? error.message : String(error));
    if (error instanceof AuditError && error.hint !== undefined) terminal.say(error.hint);
    if (!(error instanceof AuditError || error instanceof InvalidIdError) && error instanceof Error)
      terminal.say(error.stack ?? "");
    return 2;
  }
}

const options = {
  rpc: { type: "string" },
  deployment: { type: "string" },
  to: { type: "string" },
  blooms: { type: "boolean", default: false },
  receipts: { type: "boolean", default: false },
  sample: { type: "string", default: "2000" },
  api: { type: "string" },
  database: { type: "string" },
  schema: { type: "string" },
  trade: { type: "string" },
  json: { type: "string" },
  html: { type: "string" },
  help: { type: "boolean", short: "h", default: false },
} as const;

function parsed(argv: string[]) {
  try {
    return parseArgs({ args: argv, options }).values;
  } catch (error) {
    throw new AuditError(error instanceof Error ? error.message : String(error), { hint: USAGE });
  }
}

async function run(argv: string[], { print, say, env }: Terminal): Promise<number> {
  const values = parsed(argv);
  if (values.help) {
    print(USAGE);
    return 0;
  }
  const rpcUrl = needed(values.rpc ?? env.RPC_URL, "--rpc");
  const deployment = readDeployment(needed(values.deployment ?? env.DEPLOYMENT_FILE, "--deployment"));
  if (values.trade !== undefined) {
    const report = await verifyTrade(rpcUrl, deployment, values.trade);
    print(tradeText(report));
    return report.checks.some(({ fault }) => fault !== undefined) ? 1 : 0;
  }
  const database = values.database ?? env.AUDIT_DATABASE_URL;
  const report = await audit({
    ...{ rpcUrl, deployment, mode: modeOf(values), say, apiUrl: values.api },
    to: values.to === undefined ? undefined : BigInt(wholeNumber("--to", values.to)),
    sample: wholeNumber("--sample", values.sample),
    database: database === undefined ? undefined : { url: database, schema: values.schema },
  });
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  if (values.html !== undefined) writeFileSync(values.html, htmlOf(report));
  print(textOf(report));
  return report.result === "passed" ? 0 : 1;
}

function modeOf({ blooms, receipts }: { blooms: boolean; receipts: boolean }): Mode {
  return modes[receipts ? 2 : blooms ? 1 : 0] as Mode;
}

function needed(value: string | undefined, name: string): string {
  if (value) return value;
  throw new AuditError(`${name} is missing.`, { hint: USAGE });
}

function wholeNumber(name: string, text: string): number {
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new AuditError(`${name} is "${text}", not a whole number.`);
}

function readDeployment(file: string): Deployment {
  try {
    return deploymentSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    const hint =
      "It is the file that the exchange publishes, or that `npm run deploy` wrote: deployments/<chain>.json.";
    throw new AuditError(`${file} is no deployment file: ${cause instanceof Error ? cause.message : cause}`, {
      hint,
      cause,
    });
  }
}
