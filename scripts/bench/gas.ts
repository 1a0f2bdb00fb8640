/**
 * `npm run bench:gas`: what the exchange's transactions cost, beside the least possible, the goals, and other projects' contracts.
 *
 *   npm run bench:gas                … one JSON object per line, paid in Circle's own USDC code; exits 1 when a goal is missed
 *   npm run bench:gas -- --trace     … and where each figure's gas goes, by contract and by kind of opcode
 *   npm run bench:gas -- --write     … writes test/contracts/gas.snapshot.json, which `npm test` compares with
 *
 * The snapshot is measured with the repository's own token, so that the comparison needs nothing that is not installed.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { repoRoot } from "../system/repo.ts";
import { measureAll, measureWorks, testUsdc } from "./gas/measure.ts";

const flags = process.argv.slice(2);
const unknown = flags.filter((flag) => !["--trace", "--write", "--json"].includes(flag));
if (unknown.length > 0) {
  console.error(`${unknown.join(", ")}: there are --trace, --write and --json.`);
  process.exit(2);
}

const { rows, skipped, traces } = await measureAll(flags.includes("--trace"));
for (const row of rows) console.log(JSON.stringify(row));
for (const [name, itemised] of Object.entries(traces))
  console.log(JSON.stringify({ trace: name, ...itemised }));
for (const name of skipped) console.error(`skipped: ${name}: the contracts do not have it yet.`);
if (flags.includes("--write")) {
  const { figures } = await measureWorks(testUsdc);
  const file = join(repoRoot, "test/contracts/gas.snapshot.json");
  writeFileSync(file, `${JSON.stringify(figures, null, 2)}\n`);
  console.error(`wrote ${file}`);
}
if (rows.some(({ ok }) => !ok)) process.exitCode = 1;
