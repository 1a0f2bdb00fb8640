/**
 * The memo by which a transfer on Tempo names its challenge, as mppx's clients write it: 4 bytes that say MPP, a version, 10 bytes of
 * the server's name, 10 of the client's, and 7 that are the challenge's.
 */
import { type Hex, keccak256, slice, stringToBytes } from "viem";

const VERSION = "01";
const hashOf = (text: string): Hex => keccak256(stringToBytes(text));
const TAG = slice(hashOf("mpp"), 0, 4).slice(2);

/** The challenge's part of a memo: 7 bytes. */
export function memoNonceOf(challengeId: string): Hex {
  return slice(hashOf(challengeId), 0, 7);
}

/**
 * What the memo says of its challenge, when it is one for this server; undefined for any other memo.
 *
 * @example
 * memoNonceIn(memo, "exchange.example") === memoNonceOf(challenge.id); // paid for that challenge
 */
export function memoNonceIn(memo: Hex, realm: string): Hex | undefined {
  const start = `0x${TAG}${VERSION}${slice(hashOf(realm), 0, 10).slice(2)}`;
  const given = memo.toLowerCase() as Hex;
  return given.length === 66 && given.startsWith(start) ? slice(given, 25, 32) : undefined;
}
