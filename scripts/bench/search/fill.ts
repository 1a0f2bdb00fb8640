/** Fills the indexer's tables with made-up listings, as fast as Postgres takes them. */
import { once } from "node:events";
import type postgres from "postgres";
import { curves } from "../../../sdk/curves.ts";
import type { Deployment } from "../../../sdk/deployment.ts";
import { labels, scopes } from "../../../sdk/records.ts";
import { createRandom, createVocabulary, type Random, zipf } from "./texts.ts";

export const vocabulary = createVocabulary(30_000, createRandom(7));
const names = (count: number, prefix: string) => Array.from({ length: count }, (_, i) => `${prefix}_${i}`);
export const domains = names(200, "domain");
export const taskTypes = names(60, "task");
export const modalities = ["text", "table", "code", "image", "audio", "model", "workflow", "video"];
export const artifacts = names(150, "file").map((name) => `${name}.csv`);
export const licenses = ["CC-BY-4.0", "CC0-1.0", "MIT", "Apache-2.0", "commercial", "research-only"];
const VALIDATORS = 500;
const sellerCount = (listings: number) => Math.max(500, Math.floor(listings / 20));

const NOW = Math.floor(Date.now() / 1000);
const DAY = 86_400;
const ZERO = `0x${"0".repeat(64)}`;

/** Inserts `count` listings, their sellers, validators, bonds and labels. `live` is the indexer's schema. */
export async function fill(
  sql: postgres.Sql,
  { schema, deployment, count }: { schema: string; deployment: Deployment; count: number },
): Promise<void> {
  const random = createRandom(42);
  const world = { random, deployment, sellers: sellerCount(count), prices: createPrices(random) };
  await sql.begin(async (tx) => {
    // As if by the indexer: its triggers are of its own transactions.
    await tx`set local session_replication_role = replica`;
    const into = (table: string, columns: readonly string[], rows: Iterable<readonly Cell[]>) =>
      copy(tx, `"${schema}"."${table}" (${columns.join(", ")})`, rows);
    await into("agent", agentColumns, agents(world.sellers, deployment.chainId));
    await into("validator_bond", bondColumns, bonds(deployment.chainId));
    const labelled: { number: number; types: number[]; scores: number[][] }[] = [];
    await into("listing", listingColumns, listings(count, world, labelled));
    await into("label", labelColumns, labelRows(labelled, world));
  });
  await sql.unsafe(`analyze "${schema}".listing, "${schema}".label, "${schema}".agent`);
}

type Cell = string | number | boolean | null | readonly (string | number)[];
type World = {
  random: Random;
  deployment: Deployment;
  sellers: number;
  prices: ReturnType<typeof createPrices>;
};

async function copy(
  sql: postgres.TransactionSql,
  target: string,
  rows: Iterable<readonly Cell[]>,
): Promise<void> {
  const stream = await sql.unsafe(`copy ${target} from stdin`).writable();
  let part = "";
  for (const row of rows) {
    part += `${row.map(cellOf).join("\t")}\n`;
    if (part.length < 1 << 18) continue;
    if (!stream.write(part)) await once(stream, "drain");
    part = "";
  }
  stream.end(part);
  await once(stream, "finish");
}

function cellOf(cell: Cell): string {
  if (cell === null) return "\\N";
  if (typeof cell === "object") return `{${cell.map((one) => `"${one}"`).join(",")}}`;
  return String(cell);
}

const agentId = (chainId: number, n: number) => `agt_${chainId}_${n}`;
const agentColumns = [
  ...["id", "chain_id", "eoa", "epoch", "agent_uri", "listed", "sold", "bought", "validated"],
  ...["points_balance", "points_lifetime", "joined_at"],
];

function* agents(sellers: number, chainId: number): Iterable<readonly Cell[]> {
  for (let n = 1; n <= sellers + VALIDATORS; n++) {
    const id = n > sellers ? 9_000_000 + n - sellers : 1_000_000 + n;
    const eoa = `0x${id.toString(16).padStart(40, "0")}`;
    yield [agentId(chainId, id), chainId, eoa, 0, "", 1, 0, 0, n > sellers ? 10 : 0, 0, 0, NOW];
  }
}

const bondColumns = [
  "validator_id",
  "chain_id",
  "bonded",
  "unbonding",
  "unbonded_at",
  "at_stake",
  "changed_in",
];

function* bonds(chainId: number): Iterable<readonly Cell[]> {
  // The first validators come right after the sellers; whoever they are, a fifth of their number is bonded.
  for (let n = 1; n <= VALIDATORS; n += 5)
    yield [validatorId(chainId, n), chainId, "1000000000000", 0, 0, 0, 1];
}

const validatorId = (chainId: number, n: number) => agentId(chainId, 9_000_000 + n);

/** Curves' parameters, with prices from a cent to thousands. */
function createPrices(random: Random) {
  const amount = () => BigInt(Math.round(10 ** (4 + random() * 5)));
  const pool = <T>(make: () => T) => Array.from({ length: 400 }, make);
  return {
    fixed: pool(() => curves.fixed.encode({ price: random() < 0.1 ? 0n : amount() })),
    linear: pool(() => {
      const base = amount();
      return curves.linear.encode({ base, slope: base / 100n, max: base * 10n });
    }),
  };
}

const listingColumns = [
  ...["id", "chain_id", "seller_id", "version", "status", "sold"],
  ...[
    "token",
    "curve",
    "curve_type",
    "curve_params",
    "supply_cap",
    "start_time",
    "end_time",
    "key_ttl",
    "scopes",
    "flags",
  ],
  ...["refund_window", "refund_terms", "bounty_bps", "referral_bps", "resale_bps", "points_price"],
  ...["requests_per_minute", "requests_per_day", "royalties"],
  ...["manifest_hash", "summary_hash", "summary_json", "uri", "indexable", "fault"],
  ...[
    "title",
    "summary",
    "domain",
    "task_type",
    "modality",
    "output_artifacts",
    "license",
    "exp_id",
    "packaging",
  ],
  ...["content_created_at", "recommended_ttl_days", "gateway", "token_scheme", "label_count"],
  ...["authenticity", "utility", "reproducibility", "freshness", "safety", "label_type_counts"],
  ...["created_at", "updated_at", "changed_in"],
];

const whole = (random: Random, most: number) => Math.floor(random() * most);

function* listings(
  count: number,
  { random, deployment, sellers, prices }: World,
  labelled: { number: number; types: number[]; scores: number[][] }[],
): Iterable<readonly Cell[]> {
  const { chainId } = deployment;
  const token = deployment.tokens[0]?.address as string;
  const text = (words: number) => Array.from({ length: words }, () => zipf(vocabulary, random)).join(" ");
  for (let number = 1; number <= count; number++) {
    const given = labelsOf(random);
    if (given.types.length > 0) labelled.push({ number, ...given });
    const curve = random() < 0.9 ? "fixed" : "linear";
    const sum = (i: number) => given.scores.reduce((total, scores) => total + (scores[i] as number), 0);
    const bits = Object.values(labels).map(
      ({ bit }) => given.types.filter((types) => (types >> bit) & 1).length,
    );
    const age = Math.floor(random() ** 2 * 900);
    const made = NOW - age * DAY;
    const kinds = new Set([zipf(modalities, random), zipf(modalities, random)]);
    yield [
      ...[`ek_${chainId}_${number}`, chainId, agentId(chainId, 1_000_001 + whole(random, sellers)), 1],
      ...[random() < 0.03 ? "paused" : "active", Math.floor(random() ** 8 * 500)],
      ...[token, deployment.curves[curve], curve, prices[curve][whole(random, 400)] as string, 0, 0, 0, 0],
      ...[1 + whole(random, 2 ** Object.keys(scopes).length - 1), 0],
      ...[0, "none", 0, 0, 0, 0, 0, 0, "[]"],
      ...[ZERO, `0x${number.toString(16).padStart(64, "0")}`, "", "", true, null],
      ...[
        text(4 + whole(random, 5)),
        text(12 + whole(random, 30)),
        zipf(domains, random),
        zipf(taskTypes, random),
      ],
      [...kinds],
      [zipf(artifacts, random), zipf(artifacts, random)],
      ...[random() < 0.7 ? zipf(licenses, random) : null, `exp_${number}`, "bundle"],
      ...[made, random() < 0.6 ? 30 + whole(random, 700) : null, "https://gateway.example", "jwt"],
      ...[given.types.length, sum(0), sum(1), sum(2), sum(3), sum(4)],
      bits,
      ...[made, made, 1],
    ];
  }
}

/** Most listings have no label; a few have one that warns. */
function labelsOf(random: Random): { types: number[]; scores: number[][] } {
  const count = random() < 0.75 ? 0 : 1 + whole(random, 3);
  const types = Array.from({ length: count }, () =>
    random() < 0.9 ? 1 + whole(random, 7) : 1 << (4 + whole(random, 4)),
  );
  const scores = types.map(() => Array.from({ length: 5 }, () => 40 + whole(random, 60)));
  return { types, scores };
}

const labelColumns = [
  ...[
    "id",
    "chain_id",
    "ek_id",
    "validator_id",
    "revision",
    "status",
    "disputed",
    "created_at",
    "version",
    "types",
  ],
  ...[
    "authenticity",
    "utility",
    "reproducibility",
    "freshness",
    "safety",
    "tags",
    "summary",
    "evidence_kind",
    "evidence",
  ],
  ...["evidence_hash", "by", "tx", "block_number", "log_index", "at"],
];

function* labelRows(
  labelled: readonly { number: number; types: number[]; scores: number[][] }[],
  { random, deployment: { chainId } }: World,
): Iterable<readonly Cell[]> {
  let serial = 0;
  for (const { number, types, scores } of labelled) {
    const first = 1 + whole(random, VALIDATORS - types.length);
    for (const [i, type] of types.entries()) {
      yield [
        ...[`lbl_${chainId}_${number}_${9_000_000 + first + i}`, chainId, `ek_${chainId}_${number}`],
        ...[validatorId(chainId, first + i), 1, "live", false, NOW, 1, type, ...(scores[i] as number[])],
        [],
        ...["", "none", "0x", ZERO, ZERO.slice(0, 42), ZERO, 1, serial++, NOW],
      ];
    }
  }
}
