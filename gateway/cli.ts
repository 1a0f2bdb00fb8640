#!/usr/bin/env node
/** `moa-gateway`: what a seller does with its gateway. From the checkout: `npm run gateway -- COMMAND`. */
import { runCommand } from "./command-line.ts";

const code = await runCommand(process.argv.slice(2), {
  print: (text) => process.stdout.write(`${text}\n`),
  say: (text) => process.stderr.write(`${text}\n`),
});
if (code !== 0) process.exitCode = code;
