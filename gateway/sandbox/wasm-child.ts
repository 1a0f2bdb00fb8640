/**
 * Runs one WebAssembly module, in a process of its own that has nothing: no files (Node's permission model), no network (the jail), no
 * environment. The module comes on file descriptor 3, its inputs on the standard input; its output goes to the standard output.
 *
 * A module is either a WASI preview 1 command (it exports `_start`), which gets no folder and no argument; or it needs no import and exports
 * `memory`, `alloc(length) -> pointer` and `run(pointer, length) -> (pointer << 32 | length)`.
 */
import { readSync, writeSync } from "node:fs";
import { WASI } from "node:wasi";

/** As much of the standard's interface as is used here. */
type WasmModule = { readonly brand: unique symbol };
type WasmInstance = { exports: Record<string, unknown> };
declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<WasmModule>;
  instantiate(module: WasmModule, imports: object): Promise<WasmInstance>;
  Module: { exports(module: WasmModule): { name: string }[] };
};

const module = await WebAssembly.compile(readAll(3));
const isCommand = WebAssembly.Module.exports(module).some(({ name }) => name === "_start");
process.exit(isCommand ? await runCommand() : await runBare());

async function runCommand(): Promise<number> {
  const wasi = new WASI({ version: "preview1", args: [], env: {}, preopens: {}, returnOnExit: true });
  return wasi.start(await WebAssembly.instantiate(module, wasi.getImportObject()));
}

async function runBare(): Promise<number> {
  const { exports } = await WebAssembly.instantiate(module, {});
  const { memory, alloc, run } = exports as {
    memory: { buffer: ArrayBuffer };
    alloc(length: number): number;
    run(pointer: number, length: number): bigint;
  };
  const inputs = readAll(0);
  const pointer = alloc(inputs.length) >>> 0;
  new Uint8Array(memory.buffer, pointer, inputs.length).set(inputs);
  const result = BigInt.asUintN(64, run(pointer, inputs.length));
  writeAll(new Uint8Array(memory.buffer, Number(result >> 32n), Number(result & 0xffffffffn)));
  return 0;
}

function readAll(fd: number): Buffer<ArrayBuffer> {
  const pieces: Buffer[] = [];
  for (;;) {
    const piece = Buffer.alloc(65_536);
    const length = readSync(fd, piece);
    if (length === 0) return Buffer.concat(pieces);
    pieces.push(piece.subarray(0, length));
  }
}

function writeAll(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
}
