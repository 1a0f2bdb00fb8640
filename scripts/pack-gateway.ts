/**
 * Makes the package that a seller installs: the gateway and what it uses of the SDK as plain JavaScript, since Node strips no types below
 * node_modules, with the versions that this repository pins. Prints the folder; `npm pack` or `npm publish` there makes of it what they make.
 *
 *   npm run pack:gateway [-- FOLDER]     … into dist/moa-gateway when left out
 */
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isBuiltin, stripTypeScriptTypes } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { repoRoot } from "./system/repo.ts";

const IMPORT =
  /^\s*(?:import|export)\s[^"';=]*?\bfrom\s*"([^"]+)"|^\s*import\s+"([^"]+)"|\bimport\(\s*"([^"]+)"/gm;
/** A module's name within the package, in an import or in a URL that a process is started by. */
const OWN_MODULE = /"(\.{1,2}\/[\w./-]+)\.ts"/g;

/** Every file of the gateway, and all that they import. */
function sources(): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (file: string) => {
    if (found.has(file)) return;
    const text = readFileSync(file, "utf8");
    found.set(file, text);
    for (const specifier of importsOf(text))
      if (specifier.startsWith(".")) visit(resolve(dirname(file), specifier));
  };
  for (const file of globSync(join(repoRoot, "gateway/**/*.ts"))) visit(file);
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
        throw new Error(`The gateway imports "${name}", which package.json does not name.`);
      return [name, version];
    }),
  );
}

const target = resolve(process.argv[2] ?? join(repoRoot, "dist/moa-gateway"));
rmSync(target, { recursive: true, force: true });
const files = sources();
for (const [file, text] of files) {
  const path = join(target, relative(repoRoot, file).replace(/\.ts$/, ".js"));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, stripTypeScriptTypes(text).replaceAll(OWN_MODULE, '"$1.js"'));
}
const {
  private: _,
  bin: __,
  ...about
} = JSON.parse(readFileSync(join(repoRoot, "gateway/package.json"), "utf8"));
const bin = { "moa-gateway": "gateway/cli.js" };
const manifest = {
  ...about,
  bin,
  files: ["gateway", "ops", "sdk", "SELLING.md"],
  dependencies: dependenciesOf(files.values()),
};
writeFileSync(join(target, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
for (const [from, to] of [
  ["gateway/README.md", "README.md"],
  ["docs/SELLING.md", "SELLING.md"],
  ["LICENSE", "LICENSE"],
] as const)
  writeFileSync(join(target, to), readFileSync(join(repoRoot, from)));
console.log(target);
