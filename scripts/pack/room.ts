/**
 * Makes a package that others install out of one room: its files and what it uses of the SDK as plain JavaScript, since Node strips no
 * types below node_modules, with the versions that this repository pins. `npm pack` or `npm publish` there makes of it what they make.
 */
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isBuiltin, stripTypeScriptTypes } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { repoRoot } from "../system/repo.ts";

const IMPORT =
  /^\s*(?:import|export)\s[^"';=]*?\bfrom\s*"([^"]+)"|^\s*import\s+"([^"]+)"|\bimport\(\s*"([^"]+)"/gm;
/** A module's name within the package, in an import or in a URL that a process is started by. */
const OWN_MODULE = /"(\.{1,2}\/[\w./-]+)\.ts"/g;

export type Room = {
  /** The room's folder, which has a package.json. */
  room: string;
  /** The command's name; the room's cli.ts is it. */
  command: string;
  /** What goes into the package beside the code: from where, under which name. */
  texts: readonly (readonly [from: string, to: string])[];
};

/** Every file of the room, and all that they import. */
function sources(room: string): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (file: string) => {
    if (found.has(file)) return;
    const text = readFileSync(file, "utf8");
    found.set(file, text);
    for (const specifier of importsOf(text))
      if (specifier.startsWith(".")) visit(resolve(dirname(file), specifier));
  };
  for (const file of globSync(join(repoRoot, room, "**/*.ts"))) visit(file);
  return found;
}

/** What a module imports when it runs: types are gone by then. */
function importsOf(text: string): string[] {
  return [...stripTypeScriptTypes(text).matchAll(IMPORT)].flatMap(([, ...specifiers]) =>
    specifiers.filter(Boolean),
  );
}

function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

/** Pinned as in this repository. Throws for a package that it does not name. */
function dependenciesOf(texts: Iterable<string>): Record<string, string> {
  const { dependencies } = JSON.parse(readFileSync(join(repoRoot, "package.json"), "utf8"));
  const names = new Set<string>();
  for (const text of texts) {
    for (const specifier of importsOf(text))
      if (!specifier.startsWith(".") && !isBuiltin(specifier)) names.add(packageOf(specifier));
  }
  return Object.fromEntries(
    [...names].toSorted().map((name) => {
      const version = dependencies[name];
      if (typeof version !== "string")
        throw new Error(`"${name}" is imported, and package.json does not name it.`);
      return [name, version];
    }),
  );
}

/** Writes the package into `target`, in place of what was there. */
export function packRoom({ room, command, texts }: Room, target: string): void {
  rmSync(target, { recursive: true, force: true });
  const files = sources(room);
  for (const [file, text] of files) {
    const path = join(target, relative(repoRoot, file).replace(/\.ts$/, ".js"));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, stripTypeScriptTypes(text).replaceAll(OWN_MODULE, '"$1.js"'));
  }
  const about = JSON.parse(readFileSync(join(repoRoot, room, "package.json"), "utf8"));
  const { private: _, ...rest } = about;
  const own = texts.map(([, to]) => to).filter((to) => !["README.md", "LICENSE"].includes(to));
  const manifest = {
    ...rest,
    bin: { [command]: `${room}/cli.js` },
    files: [room, "sdk", ...own],
    dependencies: dependenciesOf(files.values()),
  };
  writeFileSync(join(target, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  for (const [from, to] of texts) writeFileSync(join(target, to), readFileSync(join(repoRoot, from)));
}

/** Packs into the folder that the command line names, or `dist/<command>`, and prints it. */
export function packCommand(room: Room): void {
  const target = resolve(process.argv[2] ?? join(repoRoot, "dist", room.command));
  packRoom(room, target);
  console.log(target);
}
