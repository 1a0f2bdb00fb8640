/** The examples in the docs of the token's functions run as they are printed. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { expect } from "chai";

/** File, the function whose example it is, what it uses of its own module, and what it prints. */
const examples: [file: string, name: string, uses: string, prints: unknown[][]][] = [
  ["capability", "verifyCapability", "signCapability, verifyCapability", [[["read"]]]],
];

/** The example in the last comment before the function. */
function exampleOf(source: string, name: string): string {
  const before = source.slice(0, source.search(new RegExp(`^export (async )?function ${name}\\b`, "m")));
  const comment = before.slice(before.lastIndexOf("/**"));
  return comment
    .slice(comment.indexOf("@example") + "@example".length, comment.lastIndexOf("*/"))
    .replace(/^ \* ?/gm, "");
}

describe("examples", () => {
  // Beside the packages that they import.
  const dir = fileURLToPath(
    new URL(`../../node_modules/.cache/moa-examples-${process.pid}/`, import.meta.url),
  );
  before(() => mkdirSync(dir, { recursive: true }));
  after(() => rmSync(dir, { recursive: true, force: true }));

  for (const [file, name, uses, prints] of examples) {
    it(`of ${name} runs as it is printed`, async () => {
      const module = new URL(`../../sdk/${file}.ts`, import.meta.url);
      const code = exampleOf(readFileSync(module, "utf8"), name);
      const printed: unknown[][] = [];
      const path = `${dir}${name}.mjs`;
      writeFileSync(
        path,
        `import { ${uses} } from ${JSON.stringify(module.href)};\n` +
          `export const printed = [];\nconst console = { log: (...words) => printed.push(words) };\n${stripTypeScriptTypes(code)}`,
      );
      printed.push(...(await import(pathToFileURL(path).href)).printed);
      expect(printed).to.deep.equal(prints);
    });
  }
});
