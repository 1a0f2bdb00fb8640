/**
 * Writes docs/THREATS.md and docs/INVARIANTS.md: which test proves what, read from the tests' own titles.
 * Fails when a title names an id that no map knows.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { invariants } from "./maps/invariants.ts";
import { threats } from "./maps/threats.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

type Test = { file: string; title: string };

/** Every mocha title and every Solidity test function of the repository. */
function allTests(): Test[] {
  return readdirSync(join(root, "test"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(test\.ts|t\.sol)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .flatMap((path) => {
      const text = readFileSync(path, "utf8");
      const pattern = path.endsWith(".sol")
        ? /function ((?:test|invariant)\w+)/g
        : /\b(?:it|describe)\(\s*(?:"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`)/g;
      return [...text.matchAll(pattern)].map((match) => ({
        file: relative(root, path),
        title: (match[1] ?? match[2] ?? "").replaceAll('\\"', '"'),
      }));
    });
}

const THREAT = /\bT\d{1,2}\b/g;
const INVARIANT = /\binvariant(?:_| )(\d{1,2})(?![0-9])/gi;

const tests = allTests();
const threatIds = (test: Test) => new Set(test.title.match(THREAT) ?? []);
const invariantIds = (test: Test) => new Set([...test.title.matchAll(INVARIANT)].map((m) => m[1] as string));

const unknown = tests.flatMap((test) =>
  [
    ...[...threatIds(test)].filter((id) => !(id in threats)),
    ...[...invariantIds(test)].filter((id) => !(id in invariants)),
  ].map((id) => `${test.file}: "${test.title}" names ${id}, which no map in scripts/maps knows.`),
);
if (unknown.length > 0) {
  console.error(unknown.join("\n"));
  process.exit(1);
}

function listOf(found: Test[]): string {
  if (found.length === 0) return "– (no test yet)";
  return found.map(({ file, title }) => `\`${file}\`: ${title.replaceAll("|", "\\|")}`).join("<br>");
}

const threatRows = Object.entries(threats).map(
  ([id, { attack, defence }]) =>
    `| ${id} | ${attack} | ${defence} | ${listOf(tests.filter((test) => threatIds(test).has(id)))} |`,
);
writeFileSync(
  join(root, "docs/THREATS.md"),
  `# Threats

Which attack is met by what, and which test proves it. Written by \`npm run generate\` from the tests' titles; the words are in \`scripts/maps/threats.ts\`.

| id | attack | defence | tests |
|---|---|---|---|
${threatRows.join("\n")}
`,
);

const invariantRows = Object.entries(invariants).map(
  ([id, law]) => `| ${id} | ${law} | ${listOf(tests.filter((test) => invariantIds(test).has(id)))} |`,
);
writeFileSync(
  join(root, "docs/INVARIANTS.md"),
  `# Invariants

The laws that hold after every call, and the tests that prove them. Written by \`npm run generate\`; the words are in \`scripts/maps/invariants.ts\`.

| number | law | tests |
|---|---|---|
${invariantRows.join("\n")}
`,
);
console.log(
  `docs: ${threatRows.length} threats, ${invariantRows.length} invariants, ${tests.length} tests read`,
);
