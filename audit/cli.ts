#!/usr/bin/env node
/** `moa-audit`: whether an exchange keeps its own rules. From the checkout: `npm run audit -- …`. */
import { runAudit } from "./command-line.ts";

process.exitCode = await runAudit(process.argv.slice(2), {
  print: (text) => process.stdout.write(`${text}\n`),
  say: (text) => process.stderr.write(`${text}\n`),
  env: process.env,
});
