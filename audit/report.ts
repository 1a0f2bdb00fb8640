/** What an audit says, for programs and for people. */
import { z } from "zod";
import type { Fault, Findings } from "./findings.ts";
import { laws, type Phase } from "./laws.ts";

export const REPORT_SCHEMA = "moa-audit-1";

/** `--json`. The schema's name changes when a field does; fields may be added. */
export const reportSchema = z.object({
  schema: z.literal(REPORT_SCHEMA),
  /** `failed`: a law is broken. An audit that could not be made has no report. */
  result: z.enum(["passed", "failed"]),
  chain_id: z.int(),
  /** How far the chain was read, and the last block's hash. */
  blocks: z.object({ from: z.int(), to: z.int(), to_hash: z.string() }),
  /** How the logs were checked for completeness. */
  mode: z.enum(["logs", "blooms", "receipts"]),
  compared: z.object({ storage: z.boolean(), api: z.string().nullable(), database: z.boolean() }),
  counts: z.record(z.string(), z.int()),
  laws: z.array(z.object({ law: z.string(), phase: z.string(), title: z.string(), asked: z.int() })),
  /** All of them; `faults` has the first thousand. */
  faults_total: z.int(),
  faults: z.array(
    z.object({
      law: z.string(),
      /** An id of the wire, an address, or the row of a table. */
      subject: z.string(),
      field: z.string().optional(),
      expected: z.string(),
      said: z.string(),
      block: z.int().optional(),
      tx: z.string().optional(),
      log_index: z.int().optional(),
    }),
  ),
  /** What could not be asked, or is worth knowing and no fault. */
  notes: z.array(z.object({ text: z.string(), count: z.int() })),
  seconds: z.number(),
});
export type Report = z.infer<typeof reportSchema>;

const phases: Readonly<Record<Phase, string>> = {
  trust: "The node and the contracts",
  logs: "The log",
  replay: "The exchange's rules, event by event",
  storage: "The chain's storage",
  api: "What the API says",
  database: "What the index's database says",
};

type About = Pick<Report, "chain_id" | "blocks" | "mode" | "compared" | "counts" | "seconds">;

export function reportOf(findings: Findings, about: About): Report {
  return {
    ...{ schema: REPORT_SCHEMA, result: findings.total === 0 ? "passed" : "failed", ...about },
    laws: (Object.keys(phases) as Phase[]).flatMap((phase) =>
      findings.counts(phase).map(({ law, asked }) => ({ law, phase, title: laws[law].title, asked })),
    ),
    ...{ faults_total: findings.total, faults: findings.faults.map(faultOf) },
    notes: [...findings.notes].map(([text, count]) => ({ text, count })),
  };
}

function faultOf({ law, subject, field, expected, said, place }: Fault): Report["faults"][number] {
  return {
    ...{ law, subject, ...(field !== undefined && { field }), expected, said },
    ...(place && { block: place.block, tx: place.tx, log_index: place.logIndex }),
  };
}

/** Long values are cut for people; the JSON has them whole. */
const short = (text: string) => (text.length > 200 ? `${text.slice(0, 200)}…` : text);
/** Nothing that a log or an API says may steer a terminal. */
const printable = (text: string) => short(text).replaceAll(/\p{C}/gu, "�");

export function textOf(report: Report): string {
  const { blocks, counts, compared } = report;
  const lines = [`Chain ${report.chain_id}, blocks ${blocks.from} to ${blocks.to} (${blocks.to_hash})`];
  lines.push(
    `Read: ${Object.entries(counts)
      .map(([what, count]) => `${count} ${what}`)
      .join(", ")}`,
  );
  lines.push(
    `Compared with: ${["the chain's events", compared.storage && "its storage", compared.api, compared.database && "the index's database"].filter(Boolean).join(", ")}`,
  );
  for (const [phase, title] of Object.entries(phases)) {
    const asked = report.laws.filter((law) => law.phase === phase);
    if (asked.length === 0) continue;
    lines.push("", title);
    for (const { law, title: what, asked: count } of asked) {
      const broken = report.faults.filter((fault) => fault.law === law).length;
      lines.push(
        `  ${broken === 0 ? "ok    " : "BROKEN"} ${law}: ${what} (${count} checks${broken === 0 ? "" : `, ${broken} faults`})`,
      );
    }
  }
  if (report.notes.length > 0)
    lines.push("", "Notes", ...report.notes.map(({ text, count }) => `  ${count} ${text}`));
  if (report.faults_total > 0) lines.push("", "Faults");
  for (const { law, subject, field, expected, said, block, tx, log_index } of report.faults) {
    lines.push(`  ${law} ${printable(subject)}${field === undefined ? "" : `, ${printable(field)}`}`);
    lines.push(`    expected ${printable(expected)}`, `    said     ${printable(said)}`);
    if (tx !== undefined) lines.push(`    at block ${block}, log ${log_index}, in ${tx}`);
  }
  const left = report.faults_total - report.faults.length;
  if (left > 0) lines.push(`  … and ${left} more`);
  const checks = report.laws.reduce((sum, { asked }) => sum + asked, 0);
  lines.push(
    "",
    `${report.faults_total === 0 ? "PASSED" : "FAILED"}: ${checks} checks, ${report.faults_total} faults, ${report.seconds.toFixed(1)} s`,
  );
  return lines.join("\n");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const escaped = (text: string | number) =>
  printable(String(text)).replaceAll(/[&<>"']/g, (sign) => entities[sign] as string);

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
table{border-collapse:collapse;width:100%;margin:1rem 0}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #ccc;overflow-wrap:anywhere}
.passed{color:#0a5c2c}.failed{color:#a11212}code{font-size:.9em}`;

/** A page of its own: no scripts, nothing from elsewhere, every value escaped. */
export function htmlOf(report: Report): string {
  const { blocks } = report;
  const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]) =>
    rows.length === 0
      ? ""
      : `<table><thead><tr>${head.map((cell) => `<th scope="col">${escaped(cell)}</th>`).join("")}</tr></thead><tbody>${rows
          .map((row) => `<tr>${row.map((cell) => `<td>${escaped(cell)}</td>`).join("")}</tr>`)
          .join("\n")}</tbody></table>`;
  const faults = report.faults.map((f) => [
    f.law,
    f.subject,
    f.field ?? "",
    f.expected,
    f.said,
    f.tx === undefined ? "" : `block ${f.block}, log ${f.log_index}, ${f.tx}`,
  ]);
  const sections = Object.entries(phases).map(([phase, title]) => {
    const asked = report.laws.filter((law) => law.phase === phase);
    const rows = asked.map(({ law, title: what, asked: count }) => [
      law,
      what,
      count,
      report.faults.filter((fault) => fault.law === law).length,
    ]);
    return rows.length === 0
      ? ""
      : `<h2>${escaped(title)}</h2>${table(["Law", "What it asks", "Checks", "Faults"], rows)}`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Audit of chain ${escaped(report.chain_id)}: ${report.result}</title><style>${STYLE}</style></head><body>
<h1>Audit of chain ${escaped(report.chain_id)}: <span class="${report.result}">${report.result}</span></h1>
<p>Blocks ${escaped(blocks.from)} to ${escaped(blocks.to)}, <code>${escaped(blocks.to_hash)}</code>. ${escaped(report.faults_total)} faults.</p>
${table(["Read", "Count"], Object.entries(report.counts))}
${faults.length === 0 ? "" : `<h2>Faults</h2>${table(["Law", "Subject", "Field", "Expected", "Said", "Where"], faults)}`}
${sections.join("\n")}
${
  report.notes.length === 0
    ? ""
    : `<h2>Notes</h2>${table(
        ["Count", "What"],
        report.notes.map(({ text, count }) => [count, text]),
      )}`
}
</body></html>
`;
}
