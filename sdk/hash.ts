/** The two hashes that everything here is named by, without the whole of viem around them: a gateway needs no more of it. */
import { sha256 as nobleSha256 } from "@noble/hashes/sha2";
import { keccak_256 } from "@noble/hashes/sha3";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils";
import type { Hex } from "viem";

/** 32 zero bytes. */
export const ZERO_HASH: Hex = `0x${"00".repeat(32)}`;

/** keccak256 of bytes, or of what a hex text stands for. */
export function keccak256(data: Uint8Array | Hex): Hex {
  return `0x${bytesToHex(keccak_256(bytesOf(data)))}`;
}

/** sha256 of bytes, in hex without `0x`. */
export function sha256Hex(bytes: Uint8Array): string {
  return bytesToHex(nobleSha256(bytes));
}

/** The UTF-8 of a text. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function bytesOf(data: Uint8Array | Hex): Uint8Array {
  return typeof data === "string" ? hexToBytes(data.slice(2)) : data;
}
