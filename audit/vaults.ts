/** What the exchange and the bonds hold of each token, by the tokens' own logs, held against what they booked. */
import type { Address, Hex } from "viem";
import { add, vaultName } from "./books.ts";
import type { Context } from "./context.ts";
import type { RawLog } from "./decode.ts";
import type { Place } from "./findings.ts";

/** keccak256("Transfer(address,address,uint256)") */
export const TRANSFER_TOPIC: Hex = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

const addressOf = (topic: Hex | undefined) => `0x${topic?.slice(26)}` as Address;

/** An ERC-20 transfer that begins or ends at one of the two. */
export function readTransfer(c: Context, log: RawLog, place: Place): void {
  const [topic, from, to] = log.topics;
  const isTransfer = topic === TRANSFER_TOPIC && log.topics.length === 3 && log.data.length === 66;
  c.findings.check("LOG_SHAPE", isTransfer, () => ({
    subject: log.address,
    expected: "a transfer",
    said: topic,
    place,
  }));
  if (!isTransfer) return;
  const amount = BigInt(log.data);
  for (const holder of [c.constants.contracts.Exchange, c.constants.contracts.ValidatorBonds]) {
    const name = vaultName(holder, log.address);
    if (addressOf(from) === holder) add(c.tx.moved, name, -amount);
    if (addressOf(to) === holder) add(c.tx.moved, name, amount);
  }
}

/** The end of a transaction: what was booked must have been paid. More than that is a gift. */
export function settleVaults(c: Context, place: Place): void {
  const { books, findings, tx } = c;
  for (const name of new Set([...tx.booked.keys(), ...tx.moved.keys()])) {
    const [booked, moved] = [tx.booked.get(name) ?? 0n, tx.moved.get(name) ?? 0n];
    findings.check("PAID", moved >= booked, () => ({ subject: name, expected: booked, said: moved, place }));
    add(books.vaults, name, moved);
    if (moved > booked) add(books.donations, name, moved - booked);
  }
}
