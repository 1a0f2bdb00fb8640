/** EVM addresses as texts. */
import type { Address } from "viem";
import { keccak256, utf8 } from "./hash.ts";

/** Whether it is an address: of one case, or of mixed case with a right checksum (EIP-55). */
export function isAddress(text: string): text is Address {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text)) return false;
  return text.toLowerCase() === text || checksummed(text) === text;
}

function checksummed(address: string): string {
  const lower = address.slice(2).toLowerCase();
  const hash = keccak256(utf8(lower)).slice(2);
  return `0x${[...lower].map((digit, i) => (Number.parseInt(hash[i] as string, 16) > 7 ? digit.toUpperCase() : digit)).join("")}`;
}
