/** Compiles one faulty source, and only the contracts whose code it changes, in this process. */
import { createHash } from "node:crypto";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Node } from "./mutations.ts";

type Input = {
  language: string;
  sources: Record<string, { content: string }>;
  settings: Record<string, unknown>;
};
type Bytecode = { object: string };
type Compiled = {
  evm: { bytecode: Bytecode; deployedBytecode: Bytecode & { immutableReferences?: unknown } };
};
type Output = {
  errors?: { severity: string; message: string }[];
  contracts?: Record<string, Record<string, Compiled>>;
};
type Patch = { path: string; compiled: Compiled };

const PROJECT = "project/";

export type Compiler = ReturnType<typeof createCompiler>;

/** Reads the build in `dir`: its sources, settings and syntax trees. */
export function createCompiler(dir: string) {
  const solc = createRequire(import.meta.url)("solc") as { compile(input: string): string };
  const { input, asts } = readBuilds(dir);
  const own = Object.keys(input.sources).filter(
    (name) => name.startsWith(`${PROJECT}contracts/`) && !name.includes("/interfaces/"),
  );
  const importsOf = (name: string) =>
    ((asts[name] as unknown as { nodes: (Node & { absolutePath?: string })[] }).nodes ?? [])
      .filter(({ nodeType }) => nodeType === "ImportDirective")
      .map(({ absolutePath }) => absolutePath as string);
  const closureOf = (name: string, seen = new Set<string>()): Set<string> => {
    if (seen.has(name)) return seen;
    seen.add(name);
    for (const imported of importsOf(name)) closureOf(imported, seen);
    return seen;
  };
  /** A contract's code is in its own artifact; a library's, a base's and a created contract's in those of others. */
  const changedBy = (name: string): string[] => {
    const isPart = /\/libraries\//.test(name) || contractsOf(asts[name]).some(({ abstract }) => abstract);
    const others = own.filter((other) => other !== name && closureOf(other).has(name));
    const source = (other: string) => input.sources[other]?.content ?? "";
    const uses = (other: string) =>
      isPart ||
      contractsOf(asts[name]).some((c) =>
        new RegExp(`new ${c.name}\\b|is [^{]*\\b${c.name}\\b`).test(source(other)),
      );
    return [name, ...others.filter(uses)];
  };
  return {
    ast: (file: string) => asts[PROJECT + file] as Node,
    files: own.map((name) => name.slice(PROJECT.length)).filter((file) => !file.includes("/mocks/")),
    source: (file: string) => Buffer.from(input.sources[PROJECT + file]?.content ?? "", "utf8"),
    /** Undefined when it does not compile. */
    compile(file: string, content: string): { patches: Patch[]; hash: string } | undefined {
      const name = PROJECT + file;
      const targets = changedBy(name);
      const needed = new Set(targets.flatMap((target) => [...closureOf(target)]));
      const sources = Object.fromEntries(
        [...needed].map((n) => [n, input.sources[n] as { content: string }]),
      );
      sources[name] = { content };
      const wanted = [
        "evm.bytecode.object",
        "evm.deployedBytecode.object",
        "evm.deployedBytecode.immutableReferences",
      ];
      const outputSelection = Object.fromEntries(targets.map((target) => [target, { "*": wanted }]));
      const settings = {
        ...input.settings,
        outputSelection,
        metadata: { appendCBOR: false, bytecodeHash: "none" },
      };
      const output = JSON.parse(solc.compile(JSON.stringify({ ...input, sources, settings }))) as Output;
      if (output.errors?.some(({ severity }) => severity === "error")) return undefined;
      const patches = Object.entries(output.contracts ?? {}).flatMap(([sourceName, contracts]) =>
        Object.entries(contracts).map(([contract, compiled]) => ({
          path: join(dir, "artifacts", sourceName.slice(PROJECT.length), `${contract}.json`),
          compiled,
        })),
      );
      const hash = createHash("sha256");
      for (const { path, compiled } of patches) hash.update(path).update(compiled.evm.bytecode.object);
      return { patches, hash: hash.digest("hex") };
    },
  };
}

/** Puts the faulty code into the artifacts; the function that it returns takes it out again. */
export function applyPatches(patches: readonly Patch[]): () => void {
  const originals = patches.map(({ path }) => [path, readFileSync(path, "utf8")] as const);
  for (const [i, { path, compiled }] of patches.entries()) {
    const artifact = JSON.parse(originals[i]?.[1] as string) as Record<string, unknown>;
    const { bytecode, deployedBytecode } = compiled.evm;
    artifact.bytecode = `0x${bytecode.object}`;
    artifact.deployedBytecode = `0x${deployedBytecode.object}`;
    artifact.immutableReferences = deployedBytecode.immutableReferences ?? {};
    writeFileSync(path, JSON.stringify(artifact));
  }
  return () => {
    for (const [path, text] of originals) writeFileSync(path, text);
  };
}

function contractsOf(ast: Node | undefined): { name: string; abstract: boolean }[] {
  const nodes = (ast?.nodes ?? []) as (Node & { abstract?: boolean })[];
  return nodes
    .filter(({ nodeType }) => nodeType === "ContractDefinition")
    .map(({ name, abstract }) => ({ name: name ?? "", abstract: abstract === true }));
}

/** All builds of the folder as one: Hardhat makes several where the sources don't belong together. */
function readBuilds(dir: string): { input: Input; asts: Record<string, Node> } {
  const asts: Record<string, Node> = {};
  let input: Input | undefined;
  for (const path of globSync(join(dir, "artifacts/build-info/*.output.json"))) {
    const { output } = JSON.parse(readFileSync(path, "utf8")) as {
      output: { sources: Record<string, { ast: Node }> };
    };
    for (const [name, { ast }] of Object.entries(output.sources)) asts[name] ??= ast;
    const one = (JSON.parse(readFileSync(path.replace(".output.json", ".json"), "utf8")) as { input: Input })
      .input;
    input = input ? { ...input, sources: { ...one.sources, ...input.sources } } : one;
  }
  if (!input) throw new Error(`There is no build in ${dir}.`);
  return { input, asts };
}
