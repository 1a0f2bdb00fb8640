/** WebAssembly modules for tests, put together byte by byte: good ones, and those that try to do what they must not. */

type Bytes = readonly number[];

/** Unsigned LEB128. */
function u(n: number): number[] {
  const more = Math.floor(n / 128);
  return more === 0 ? [n] : [(n % 128) | 0x80, ...u(more)];
}
/** Signed LEB128 of a number that is not negative. */
function s(n: number): number[] {
  return n < 64 ? [n] : [(n % 128) | 0x80, ...s(Math.floor(n / 128))];
}
const vector = (items: readonly Bytes[]): number[] => [...u(items.length), ...items.flat()];
const section = (id: number, content: Bytes): number[] => [id, ...u(content.length), ...content];
const text = (value: string): number[] => [...u(Buffer.byteLength(value)), ...Buffer.from(value)];

const I32 = 0x7f;
const I64 = 0x7e;
type Signature = { params: Bytes; results: Bytes };
const type = ({ params, results }: Signature): number[] => [
  0x60,
  ...u(params.length),
  ...params,
  ...u(results.length),
  ...results,
];

const num = (n: number) => [0x41, ...s(n)];
const call = (f: number) => [0x10, ...u(f)];
const store = [0x36, 2, 0];
const load = [0x28, 2, 0];
const END = 0x0b;
const loop = (body: Bytes) => [0x03, 0x40, ...body, END];
const iff = (body: Bytes) => [0x04, 0x40, ...body, END];
const again = [0x0c, 0];
const againIf = [0x0d, 0];
const trap = 0x00;
const drop = 0x1a;

type Func = { signature: Signature; name: string; locals?: number; body: Bytes };
type Import = { module: string; name: string; signature: Signature };

function module({
  imports = [],
  funcs,
  pages = 2,
  data = "",
}: {
  imports?: Import[];
  funcs: Func[];
  pages?: number;
  data?: string;
}): Uint8Array {
  const signatures = [...imports, ...funcs].map(({ signature }) => type(signature));
  const code = funcs.map(({ locals = 0, body }) => {
    const full = [...(locals === 0 ? [0] : [1, ...u(locals), I32]), ...body, END];
    return [...u(full.length), ...full];
  });
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector(signatures)),
    ...section(2, vector(imports.map((one, i) => [...text(one.module), ...text(one.name), 0, ...u(i)]))),
    ...section(3, vector(funcs.map((_, i) => u(imports.length + i)))),
    ...section(5, vector([[0, ...u(pages)]])),
    ...section(
      7,
      vector([
        ...funcs.map(({ name }, i) => [...text(name), 0, ...u(imports.length + i)]),
        [...text("memory"), 2, 0],
      ]),
    ),
    ...section(10, vector(code)),
    ...section(11, vector([[0, ...num(DATA), END, ...text(data)]])),
  ]);
}

/** Where the data stands in the memory. */
const DATA = 64;
const none: Signature = { params: [], results: [] };
const wasi = (name: string, params: Bytes): Import => ({
  module: "wasi_snapshot_preview1",
  name,
  signature: { params, results: [I32] },
});
const fdRead = wasi("fd_read", [I32, I32, I32, I32]);
const fdWrite = wasi("fd_write", [I32, I32, I32, I32]);
const command = (imports: Import[], body: Bytes, data = "", locals = 0) =>
  module({ imports, funcs: [{ signature: none, name: "_start", body, locals }], data });
/** Sets the vector at 0 to `length` bytes at `pointer`. */
const iov = (pointer: number, length: Bytes) => [
  ...num(0),
  ...num(pointer),
  ...store,
  ...num(4),
  ...length,
  ...store,
];
/** Writes what the vector names to the standard output, by the imported function number `f`. */
const write = (f: number) => [...num(1), ...num(0), ...num(1), ...num(8), ...call(f), drop];
const say = (f: number, length: number) => [...iov(DATA, num(length)), ...write(f)];

/** A WASI command that puts out its inputs. */
export const echo = command(
  [fdRead, fdWrite],
  [
    ...iov(1024, num(4096)),
    ...[...num(0), ...num(0), ...num(1), ...num(8), ...call(0), drop],
    ...iov(1024, [...num(8), ...load]),
    ...write(1),
  ],
);

/** Needs no import: gives back its inputs. */
export const bareEcho = module({
  funcs: [
    { signature: { params: [I32], results: [I32] }, name: "alloc", body: num(1024) },
    {
      signature: { params: [I32, I32], results: [I64] },
      name: "run",
      body: [0x20, 0, 0xad, 0x42, 32, 0x86, 0x20, 1, 0xad, 0x84],
    },
  ],
});

export const endless = command([], loop(again));

/** Takes all memory that it can get, and fails when that is more than `pages` of 64 KiB. */
export const memoryBomb = (pages: number) =>
  command(
    [fdWrite],
    [
      ...loop([...num(16), 0x40, 0, ...[0x41, 0x7f], 0x47, ...againIf]),
      ...[0x3f, 0, ...num(pages), 0x4b, ...iff([trap])],
      ...say(0, 4),
    ],
    '"ok"',
  );

/** Wants more memory from the start than it may have. */
export const greedy = module({ funcs: [{ signature: none, name: "_start", body: [] }], pages: 60_000 });

export const outputBomb = command([fdWrite], [...iov(0, num(65_536)), ...loop([...write(0), ...again])]);

/** Tries to open /etc/passwd by every folder that it could have been given, and fails when one opens. */
export const passwdReader = command(
  [wasi("path_open", [I32, I32, I32, I32, I32, I64, I64, I32, I32]), fdWrite],
  [
    ...loop([
      ...[0x20, 0, ...num(0), ...num(DATA + 4), ...num(11), ...num(0)],
      ...[0x42, 2, 0x42, 2, ...num(0), ...num(32), ...call(0), 0x45, ...iff([trap])],
      ...[0x20, 0, ...num(1), 0x6a, 0x22, 0, ...num(20), 0x49, ...againIf],
    ]),
    ...say(1, 4),
  ],
  '"no"/etc/passwd',
  1,
);

/** Wants a function of the host that would connect to somewhere. */
export const networker = command([{ module: "env", name: "connect", signature: none }], call(0));
