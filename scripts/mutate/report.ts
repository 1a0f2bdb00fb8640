/** Writes docs/MUTATION.md from the results of all shards. */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repoRoot } from "../system/repo.ts";
import { judgements } from "./judgements.ts";
import type { Result } from "./results.ts";

export type Score = { file: string; killed: number; survived: number; judged: number };

export function allResults(): Result[] {
  const lines = globSync(join(repoRoot, ".data/mutation/*.jsonl")).flatMap((file) =>
    readFileSync(file, "utf8").split("\n").filter(Boolean),
  );
  const byKey = new Map(
    lines.map((line) => JSON.parse(line) as Result).map((r) => [`${r.key}@${r.line}`, r]),
  );
  return [...byKey.values()].toSorted((a, b) => a.file.localeCompare(b.file) || a.line - b.line);
}

export function scoresOf(results: readonly Result[]): Score[] {
  const scores = new Map<string, Score>();
  for (const { file, fate, key } of results) {
    const score = scores.get(file) ?? { file, killed: 0, survived: 0, judged: 0 };
    scores.set(file, score);
    if (fate === "killed") score.killed += 1;
    if (fate === "survived") score.survived += 1;
    if (fate === "survived" && key in judgements) score.judged += 1;
  }
  return [...scores.values()];
}

export function percent({ killed, survived }: Pick<Score, "killed" | "survived">): string {
  return killed + survived === 0 ? "–" : `${((100 * killed) / (killed + survived)).toFixed(1)} %`;
}

export function writeReport(results: readonly Result[]): Score {
  const scores = scoresOf(results);
  const sum = (field: "killed" | "survived" | "judged") =>
    scores.reduce((total, score) => total + score[field], 0);
  const total: Score = {
    file: "all",
    killed: sum("killed"),
    survived: sum("survived"),
    judged: sum("judged"),
  };
  const rows = [...scores, total].map(
    (s) =>
      `| ${s.file === "all" ? "**all**" : `\`${s.file}\``} | ${s.killed + s.survived} | ${s.killed} | ${s.survived} | ${percent(s)} |`,
  );
  const code = (text: string) => `\`${text.replaceAll("|", "\\|").replaceAll("`", "'")}\``;
  const survivors = results
    .filter(({ fate }) => fate === "survived")
    .map(
      ({ file, line, where, operator, before, after, key }) =>
        `| \`${file}:${line}\` ${where} | ${operator.replaceAll("|", "\\|")} | ${code(before)} → ${code(after)} | ${judgements[key] ?? "not judged yet"} |`,
    );
  writeFileSync(
    join(repoRoot, "docs/MUTATION.md"),
    `# Mutation

Faults seeded into the contracts one at a time, and whether the tests notice. Written by \`npm run mutate\`; the judgements of survivors are in
\`scripts/mutate/judgements.ts\`. Faults that leave the compiled code as it was are not counted. A fault is met by the unit tests, nearest first,
and, where those pass, by the property tests with few runs.

| contract | faults | killed | survived | score |
|---|---|---|---|---|
${rows.join("\n")}

## Survivors

| where | fault | change | judgement |
|---|---|---|---|
${survivors.join("\n") || "| – | – | – | – |"}
`,
  );
  return total;
}
