/**
 * `npm run prove`: proves arithmetic of the contracts for all values, by the compiler's own SMTChecker, and writes docs/PROOFS.md.
 *
 * One JSON line per proof. Ends with 1 when a claim is refuted or, within the time (PROVE_SECONDS per question, default 30), not proved.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Proof, proofs } from "./prove/proofs.ts";
import { type SmtSolver, startSolver } from "./prove/solver.ts";
import { repoRoot } from "./system/repo.ts";

type Verdict = { safe: number; refuted: string[]; open: string[] };
type Finding = { errorCode?: string; severity: string; message: string };
type Solc = { compile(input: string, callbacks: { smtSolver: SmtSolver }): string; version(): string };

const seconds = Number(process.env.PROVE_SECONDS ?? 30);
const solc = createRequire(import.meta.url)("solc") as Solc;

/** The harness with the contract's own lines in it; undefined when the contract has no such lines. */
function sourceOf({ cuts, harness }: Proof): string | undefined {
  let body = harness;
  for (const [name, { file, from, to }] of Object.entries(cuts)) {
    const path = join(repoRoot, file);
    const text = existsSync(path) ? readFileSync(path, "utf8") : "";
    const start = text.indexOf(from);
    const end = text.indexOf(to, start + from.length - to.length);
    if (start < 0 || end < 0) return undefined;
    body = body.replaceAll(`$${name}`, () => text.slice(start, end + to.length));
  }
  return `// SPDX-License-Identifier: MIT\npragma solidity 0.8.34;\ncontract Proof {${body}\n}\n`;
}

function check(source: string, smtSolver: SmtSolver): Verdict {
  const modelChecker = {
    engine: "bmc",
    solvers: ["smtlib2"],
    targets: ["assert", "overflow", "underflow", "divByZero"],
    timeout: seconds * 1000,
    showProvedSafe: true,
    showUnproved: true,
  };
  const settings = { modelChecker, outputSelection: { "*": { "*": ["abi"] } } };
  const input = { language: "Solidity", sources: { "Proof.sol": { content: source } }, settings };
  const { errors = [] } = JSON.parse(solc.compile(JSON.stringify(input), { smtSolver })) as {
    errors?: Finding[];
  };
  const fatal = errors.find(({ severity }) => severity === "error");
  if (fatal) throw new Error(`A harness does not compile: ${fatal.message}\n${source}`);
  const of = (pattern: RegExp) =>
    errors.map(({ message }) => message.split("\n")[0] ?? "").filter((m) => pattern.test(m));
  return {
    safe: of(/check is safe!/).length,
    refuted: of(/happens here/),
    open: of(/might happen|could not be proved|solver.*(error|not available)/i),
  };
}

function report(rows: readonly (readonly [Proof, Verdict | undefined])[], solver: string): void {
  const state = (verdict: Verdict | undefined) => {
    if (!verdict) return "";
    if (verdict.refuted.length > 0) return `**refuted**: ${verdict.refuted.join("; ")}`;
    if (verdict.open.length > 0)
      return `open: ${verdict.open.length} of ${verdict.open.length + verdict.safe} not proved in time`;
    return `proved, ${verdict.safe} conditions`;
  };
  const lines = rows.map(
    ([{ name, claims }, verdict]) => `| ${name} | ${claims.join("; ")} | ${state(verdict)} |`,
  );
  writeFileSync(
    join(repoRoot, "docs/PROOFS.md"),
    `# Proofs

What is proved for all values, not only for those that tests try. Written by \`npm run prove\` with solc ${solc.version().split("+")[0]}'s SMTChecker
(bounded model checking of single calls) and ${solver}. Each proof takes the lines in question out of the contract itself; what is
assumed of the values, and claimed, is in \`scripts/prove/proofs.ts\`. Beside the claims, every one shows that nothing overflows,
underflows or divides by zero.

| what | claims | result |
|---|---|---|
${lines.join("\n")}
`,
  );
}

const solver = await startSolver(seconds * 1000);
const rows: [Proof, Verdict | undefined][] = [];
for (const proof of proofs) {
  const begun = performance.now();
  const source = sourceOf(proof);
  const verdict = source === undefined ? undefined : check(source, solver.solve);
  rows.push([proof, verdict]);
  const took = Math.round((performance.now() - begun) / 100) / 10;
  console.log(JSON.stringify({ proof: proof.name, ...(verdict ?? { skipped: true }), seconds: took }));
}
await solver.close();
report(rows, solver.name);
if (
  rows.some(
    ([, verdict]) => verdict && (verdict.safe === 0 || verdict.refuted.length + verdict.open.length > 0),
  )
) {
  process.exitCode = 1;
}
