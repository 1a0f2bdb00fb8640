/** A write that may be sent again under its Idempotency-Key, and what it has sent to the chain so far. */
import type { Hash } from "viem";

export type Operation = {
  /** What it has sent, in order: sent again it goes on from there, in place of sending twice. */
  readonly transactions: readonly Hash[];
  /** Awaited with the hash of the next transaction, before it leaves. `step`: its place among the operation's. */
  note(step: number, hash: Hash): Promise<void>;
  /** The next transaction's place. */
  next(): number;
};
