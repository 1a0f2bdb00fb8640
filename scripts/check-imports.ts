/**
 * Checks that imports run one way through the rooms (docs/ARCHITECTURE.md). Prints each import that does not, and exits 1.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Which other rooms a room may import, and which packages; `undefined` = any. */
const rooms: Record<string, { rooms: string[]; packages?: string[] | undefined }> = {
  sdk: {
    rooms: [],
    packages: [
      "viem",
      "@noble/hashes",
      "zod",
      "jose",
      "paseto",
      "canonicalize",
      "@x402/",
      "ipaddr.js",
      "node:",
    ],
  },
  indexer: { rooms: ["sdk"], packages: ["ponder", "hono", "viem", "zod", "node:"] },
  api: { rooms: ["sdk", "indexer/ponder.schema.ts"] },
  gateway: { rooms: ["sdk"] },
  // It shares nothing with the indexer and the API that it checks.
  audit: { rooms: ["sdk"], packages: ["viem", "zod", "postgres", "node:"] },
};
/** Node's own modules are kept out of what also runs in a browser: the sdk, but for the folder of what only servers need. */
const browserRooms = new Set(["sdk"]);
const SERVERS_ONLY = "sdk/node/";

/** `import … from "x"`, the last line of a longer one, `import "x"` and `import("x")`. */
const STATEMENT =
  /^\s*(?:(?:import|export)\b.*|\}\s*)\bfrom\s+"([^"]+)"|^\s*import\s+"([^"]+)"|\bimport\(\s*"([^"]+)"/;

type Fault = { file: string; line: number; specifier: string; reason: string };

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|tsx|mjs)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

function check(room: string, file: string, specifier: string): string | undefined {
  const rule = rooms[room];
  if (!rule) return undefined;
  const forServers = relative(root, file).startsWith(SERVERS_ONLY);
  if (specifier.startsWith(".")) {
    const target = relative(root, resolve(dirname(file), specifier));
    if (room === "sdk" && target.startsWith(SERVERS_ONLY) && !forServers)
      return `${SERVERS_ONLY} is for servers, the rest of sdk also runs in browsers`;
    if (target.startsWith(`${room}/`) || (room === "indexer" && target === "ponder.config.ts"))
      return undefined;
    const allowed = rule.rooms.some((r) => target === r || target.startsWith(`${r}/`));
    return allowed ? undefined : `${room} may import ${rule.rooms.join(", ") || "no other room"}`;
  }
  if (specifier.startsWith("ponder:"))
    return room === "indexer" ? undefined : "ponder: modules are the indexer's";
  if (specifier.startsWith("node:") && browserRooms.has(room) && !forServers)
    return `${room} also runs in browsers`;
  if (!rule.packages) return undefined;
  const allowed = rule.packages.some(
    (p) => specifier === p || specifier.startsWith(p.endsWith("/") || p.endsWith(":") ? p : `${p}/`),
  );
  return allowed ? undefined : `${room} may import the packages ${rule.packages.join(", ")}`;
}

const faults: Fault[] = [];
let files = 0;
for (const room of Object.keys(rooms)) {
  for (const file of sources(room)) {
    files++;
    readFileSync(file, "utf8")
      .split("\n")
      .forEach((text, i) => {
        // Doc comments hold examples, not imports.
        const specifier = /^\s*\*/.test(text) ? undefined : STATEMENT.exec(text)?.slice(1).find(Boolean);
        if (!specifier) return;
        const reason = check(room, file, specifier);
        if (reason) faults.push({ file: relative(root, file), line: i + 1, specifier, reason });
      });
  }
}
for (const { file, line, specifier, reason } of faults) {
  console.error(`${file}:${line} imports "${specifier}": ${reason}.`);
}
if (files === 0) throw new Error("No sources found: the rooms have moved.");
if (faults.length > 0) process.exitCode = 1;
else console.log(`imports: ${files} files, one way`);
