/**
 * The relayer's queue: one account, one nonce after the other, whatever the number of APIs that share it. What is signed stands in the
 * table before it is sent, so that a crash leaves nothing that another process can't finish: a transaction that waits too long is sent
 * again at a higher fee, and one that was signed and never sent gives its nonce back, or has it used up by a transfer of nothing.
 */
import { type Address, BaseError, type Hash, type Hex, keccak256 } from "viem";
import type { PrivateKeyAccount } from "viem/accounts";
import { errorFields, log } from "../http/log.ts";
import type { Sql } from "../store/database.ts";
import {
  type Attempt,
  gasOf,
  highestWaiting,
  markRelayed,
  noteAttempt,
  noteSigned,
  type Relayed,
  relayedBy,
  type Sender,
  waitingTransactions,
} from "../store/relayed.ts";
import { broadcast, isKnown, type Mined, minedNow, receiptNow } from "./broadcast.ts";
import type { Chain } from "./client.ts";
import { GasCapReached, HOUSE, TransactionNotSent } from "./relay-errors.ts";

/** Milliseconds before anybody else looks at a transaction: its sender is at work on it. */
const YOUNG = 2_000;
/** How many waiting ones a round looks at. */
const BATCH = 20;
/** How many are looked through for what a crash left unsent, before a new one is signed. */
const MAX_WAITING = 500;
/** Signed forms that one transaction may have: its fee grows by an eighth each, to not quite the fourfold. */
const MAX_ATTEMPTS = 12;
/** Milliseconds after which a nonce that the chain has used, by none of our hashes, is given up: until then the RPC may be behind. */
const LOST_AFTER = 60_000;
/** Milliseconds between two looks into the table while waiting for a block. */
const LOOK_AGAIN = 1_000;
/** What a transfer of nothing costs. */
const TRANSFER_GAS = 21_000n;

export type Entry = { target: Address; data: Hex; gas: bigint; asker: string };

/** What became of a transaction: it is in a block, it may still come, or it never will under any of its hashes. */
export type Fate = { receipt: Mined } | "waiting" | "gone";

export type RelayQueue = {
  /**
   * Signs and sends. `signed` is awaited with the hash before anything leaves. Throws {@link GasCapReached} and {@link TransactionNotSent}:
   * nothing was sent.
   */
  enter(entry: Entry, signed: (hash: Hash) => Promise<void>): Promise<Hash>;
  /** By any hash of it: a transaction that was replaced at a higher fee is mined under another one. */
  fateOf(hash: Hash): Promise<Fate>;
  /** Its receipt, as soon as there is one; undefined when patience (in milliseconds) ends first, or when it never will be mined. */
  receiptOf(hash: Hash, patience: number): Promise<Mined | undefined>;
  /** One round over what waits. `now`: milliseconds of the clock. */
  tend(now?: number): Promise<void>;
};

export type RelayQueueOptions = {
  chain: Chain;
  sql: Sql;
  /** One connection, for what one process at a time may do. */
  lock: Sql;
  account: PrivateKeyAccount;
  /** Gas that one asker may cause in an hour. */
  gasPerHour: bigint;
};

/** What a transaction says, whatever it pays. */
type Unpriced = { nonce: number; target: Address; data: Hex; gas: bigint };

export function createRelayQueue({ chain, sql, lock, account, gasPerHour }: RelayQueueOptions): RelayQueue {
  const { client } = chain;
  const sender: Sender = { chainId: chain.id, sender: account.address.toLowerCase() as Address };

  const alone = <T>(work: () => Promise<T>): Promise<T> =>
    lock.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(hashtextextended(${`relayer ${sender.chainId} ${sender.sender}`}, 0))`;
      return work();
    }) as Promise<T>;

  const sign = async (
    form: Unpriced & { maxFee: bigint; priorityFee: bigint },
    cancels = false,
  ): Promise<Omit<Attempt, "at">> => {
    const { nonce, target, data, gas, maxFee, priorityFee } = form;
    const raw = await account.signTransaction({
      ...{ type: "eip1559", chainId: chain.id, to: target, data, nonce, gas },
      ...{ maxFeePerGas: maxFee, maxPriorityFeePerGas: priorityFee },
    });
    return { hash: keccak256(raw), raw, maxFee, priorityFee, cancels };
  };

  /**
   * Above what the chain and the table have. Many nodes take nothing over a gap, so what a crash left unsent is seen to first: whoever is
   * alone here knows that no other process is about to send it.
   */
  const nextNonce = async (): Promise<number> => {
    const [pending, highest] = await Promise.all([pendingCount(), highestWaiting(sql, sender)]);
    if (highest === undefined || highest < pending) return pending;
    const waiting = await waitingTransactions(sql, sender, { olderThan: 0, limit: MAX_WAITING });
    for (const relayed of waiting.toReversed()) {
      if (relayed.nonce >= pending && relayed.state === "signed") await pushOn(relayed, Date.now());
    }
    return Math.max(pending, ((await highestWaiting(sql, sender)) ?? -1) + 1);
  };

  const pendingCount = () => client.getTransactionCount({ address: account.address, blockTag: "pending" });

  const enter: RelayQueue["enter"] = async (entry, signed) => {
    const { maxFeePerGas: maxFee, maxPriorityFeePerGas: priorityFee } = await client.estimateFeesPerGas();
    return alone(async () => {
      if (entry.asker !== HOUSE) await assertUnderCap(entry);
      const nonce = await nextNonce();
      const attempt = await sign({ ...entry, nonce, maxFee, priorityFee });
      const id = await noteSigned(sql, sender, { ...entry, nonce }, attempt);
      const { taken } = await signed(attempt.hash)
        .then(() => broadcast(chain, attempt))
        .catch(async (error: unknown) => {
          await markRelayed(sql, id, "dropped");
          if (!(error instanceof BaseError)) throw error;
          throw new TransactionNotSent({ reason: error.shortMessage, cause: error });
        });
      if (taken) await markRelayed(sql, id, "sent");
      return attempt.hash;
    });
  };

  const assertUnderCap = async ({ asker, gas }: Entry): Promise<void> => {
    const { used, freesAt } = await gasOf(sql, sender, asker);
    if (used + gas > gasPerHour)
      throw new GasCapReached({ asker, used, wanted: gas, cap: gasPerHour, freesAt });
  };

  const fateOf: RelayQueue["fateOf"] = async (hash) => {
    const relayed = await relayedBy(sql, hash);
    if (!relayed) {
      const receipt = await minedNow(chain, hash); // of a time before this table, or not ours
      return receipt ? { receipt } : (await isKnown(chain, hash)) ? "waiting" : "gone";
    }
    const mined = await minedOf(relayed);
    if (mined && !mined.cancels) return { receipt: mined.receipt };
    if (mined || relayed.state === "replaced" || relayed.state === "dropped") return "gone";
    if (relayed.state === "signed" || relayed.state === "sent") return "waiting";
    // It was mined once, and the block is gone: its transactions go back to where they wait, or are lost.
    return (await isKnown(chain, relayed.attempts[0]?.hash ?? hash)) ? "waiting" : "gone";
  };

  /** The form of it that is in a block; notes it as its end. */
  const minedOf = async ({ id, attempts }: Relayed) => {
    for (const { hash, cancels } of attempts.toReversed()) {
      const receipt = await minedNow(chain, hash);
      if (!receipt) continue;
      const state = cancels ? "replaced" : receipt.status === "success" ? "mined" : "reverted";
      await markRelayed(sql, id, state, receipt.gasUsed);
      return { receipt, cancels };
    }
    return undefined;
  };

  const receiptOf: RelayQueue["receiptOf"] = async (hash, patience) => {
    const end = performance.now() + patience;
    for (let lookAgain = LOOK_AGAIN; ; lookAgain -= client.pollingInterval) {
      // The table is asked when there is something to note, and now and then, for a form that was sent meanwhile.
      if (lookAgain <= 0 || performance.now() >= end || (await receiptNow(chain, hash))) {
        const fate = await fateOf(hash);
        if (fate === "gone" || performance.now() >= end)
          return typeof fate === "object" ? fate.receipt : undefined;
        if (fate !== "waiting") return fate.receipt;
        lookAgain = LOOK_AGAIN;
      }
      await new Promise((resolve) => setTimeout(resolve, client.pollingInterval));
    }
  };

  const tend = async (now = Date.now()): Promise<void> => {
    const look = { olderThan: YOUNG, limit: BATCH };
    if ((await waitingTransactions(sql, sender, { ...look, limit: 1 })).length === 0) return;
    await alone(async () => {
      const count = await client.getTransactionCount({ address: account.address, blockTag: "latest" });
      for (const relayed of await waitingTransactions(sql, sender, look)) {
        await (relayed.nonce < count ? end(relayed, now) : pushOn(relayed, now));
      }
    });
  };

  /** Its nonce is used: by which of its forms? */
  const end = async (relayed: Relayed, now: number): Promise<void> => {
    if (await minedOf(relayed)) return;
    if (await someKnown(relayed.attempts)) return; // in a block of which this node says no more
    if (now - relayed.createdAt.getTime() > LOST_AFTER) await markRelayed(sql, relayed.id, "replaced");
  };

  const pushOn = async (relayed: Relayed, now: number): Promise<void> => {
    const { id, nonce, attempts, state } = relayed;
    const last = attempts.at(-1);
    if (!last) throw new Error(`Relayed transaction ${id} was never signed.`); // stored together
    const known = await someKnown(attempts);
    if (state === "signed" && known) await markRelayed(sql, id, "sent");
    if (state === "signed" && !known) return giveUp(relayed);
    if (!known) {
      await retry(`send ${last.hash} again`, () => broadcast(chain, last));
    } else if (now - last.at.getTime() > chain.stuckAfter && attempts.length < MAX_ATTEMPTS) {
      await retry(`raise the fee of ${last.hash}`, () =>
        last.cancels ? replace(id, cancelOf(nonce), last, true) : replace(id, relayed, last, false),
      );
    }
  };

  /** Signed by a process that died before it sent it: whoever asked has had no answer, or has the hash in a row of its own. */
  const giveUp = async (relayed: Relayed): Promise<void> => {
    const { id, nonce, attempts } = relayed;
    const pending = await pendingCount();
    const isLast = (await highestWaiting(sql, sender)) === nonce;
    if (isLast && pending <= nonce) return markRelayed(sql, id, "dropped");
    const last = attempts.at(-1) as Attempt;
    await retry(`fill the gap at nonce ${nonce}`, async () => {
      await replace(id, cancelOf(nonce), last, true);
      await markRelayed(sql, id, "sent");
    });
  };

  const cancelOf = (nonce: number): Unpriced => ({
    ...{ nonce, target: account.address, data: "0x", gas: TRANSFER_GAS },
  });

  /** Another form at the same nonce: nodes take it for an eighth more of both fees. */
  const replace = async (id: string, form: Unpriced, last: Attempt, cancels: boolean): Promise<void> => {
    const fees = await client.estimateFeesPerGas();
    const maxFee = larger(raised(last.maxFee), fees.maxFeePerGas);
    const priorityFee = larger(raised(last.priorityFee), fees.maxPriorityFeePerGas);
    const attempt = await sign({ ...form, maxFee, priorityFee }, cancels);
    await noteAttempt(sql, id, attempt);
    await broadcast(chain, attempt);
  };

  const someKnown = async (attempts: readonly Attempt[]): Promise<boolean> => {
    for (const { hash } of attempts.toReversed()) if (await isKnown(chain, hash)) return true;
    return false;
  };

  return { enter, fateOf, receiptOf, tend };
}

/** A round goes on: what failed comes again in the next one. */
async function retry(what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    log("warn", `relayer: ${what}`, errorFields(error));
  }
}

/** 12.5 % more, rounded up: below that nodes refuse a replacement. */
function raised(fee: bigint): bigint {
  return (fee * 1_125n + 999n) / 1_000n;
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
