/** Whether a contract's code is what this version of the repository builds: by its hash, without immutables and without the compiler's metadata. */
import { type Hex, keccak256 } from "viem";

/** Where the constructor writes into the runtime code. */
export type Immutable = readonly [start: number, length: number];
export type KnownCode = { hash: Hex; immutables: readonly Immutable[] };

/** The last two bytes are the length of the metadata before them, which change with every comment. */
function withoutMetadata(code: Uint8Array): Uint8Array {
  const length = code.length < 2 ? 0 : ((code.at(-2) as number) << 8) | (code.at(-1) as number);
  return length + 2 <= code.length ? code.subarray(0, code.length - length - 2) : code;
}

export function codeHash(code: Hex, immutables: readonly Immutable[]): Hex {
  const bytes = Uint8Array.from(Buffer.from(code.slice(2), "hex"));
  for (const [start, length] of immutables) bytes.fill(0, start, start + length);
  return keccak256(withoutMetadata(bytes));
}

export const isCode = (code: Hex | undefined, known: KnownCode): boolean =>
  code !== undefined && codeHash(code, known.immutables) === known.hash;
