/** What buyers did, as signed events for the exchange: the source of its access counts. */
import { randomUUID, sign } from "node:crypto";
import { CAPABILITY_ALG } from "../sdk/capability.ts";
import { type UsageEvent, usageEventSchema } from "../sdk/wire/public.ts";
import type { Courier } from "./courier.ts";
import type { Log } from "./log.ts";
import type { Outbox } from "./outbox.ts";
import type { Receipts } from "./receipts.ts";
import type { SigningKey } from "./signing-key.ts";

/** A receipt before it has a number. */
export type ReceiptBasis = Omit<NonNullable<UsageEvent["receipt"]>, "number">;

/** A use, before it has a time; with a receipt's basis it becomes one. */
export type Use = Omit<UsageEvent, "event_id" | "timestamp" | "receipt"> & {
  event_id?: string;
  receipt?: ReceiptBasis;
};

export type UsageRecorder = {
  /**
   * Resolves when the event is safe on disk; it never waits for the exchange. Never rejects: a buyer is not refused because a use could not
   * be counted, the log says it instead.
   */
  record(use: Use): Promise<void>;
  /** Sends on what a buyer signed. Like {@link UsageRecorder.record}. */
  forward(id: string, jws: string): Promise<void>;
};

/**
 * Signs an event as a compact JWS (RFC 7515; EdDSA, `kid` = the key's thumbprint). At once and in this thread: to hand 40 µs of work to
 * another thread and back costs more than the work.
 */
export function signEvent(event: UsageEvent, { kid, privateKey }: SigningKey): string {
  const header = { alg: CAPABILITY_ALG, kid };
  const signed = [header, usageEventSchema.parse(event)]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString("base64url")}`;
}

/** Signs each event and hands it to the outbox; a receipt is numbered and kept first. */
export function createUsageRecorder({
  key,
  outbox,
  courier,
  receipts,
  log,
}: {
  key: SigningKey;
  outbox: Outbox;
  courier: Courier;
  receipts: Receipts;
  log: Log;
}): UsageRecorder {
  const send = async (id: string, jws: string): Promise<boolean> => {
    const queued = await outbox.append({ id, jws });
    if (queued) courier.wake();
    return queued;
  };
  return {
    async record({ event_id: id = randomUUID(), receipt, ...use }) {
      try {
        if (receipt) {
          const { jws } = await receipts.issue({ event_id: id, ...use, receipt });
          if (await send(id, jws)) receipts.markQueued(id);
          return;
        }
        await send(id, signEvent({ event_id: id, timestamp: new Date().toISOString(), ...use }, key));
      } catch (error) {
        log("error", "use_not_recorded", { error, use });
      }
    },
    async forward(id, jws) {
      await send(id, jws);
    },
  };
}

/** Hands to the outbox what a crash, or a full outbox, kept from it. The exchange takes each receipt once, however often it comes. */
export async function queueReceipts({
  outbox,
  courier,
  receipts,
}: {
  outbox: Outbox;
  courier: Courier;
  receipts: Receipts;
}): Promise<void> {
  for (const { id, jws } of await receipts.unqueued()) {
    if (!(await outbox.append({ id, jws }))) break;
    receipts.markQueued(id);
    courier.wake();
  }
  await receipts.flush();
}
