/** A body on its way to the buyer, whose last piece waits until the whole is known to be right and the use is on record. */
import { createHash } from "node:crypto";

export type DeliveryEnd = { bytes: number; error?: unknown; aborted?: true };

export type DeliveryOptions = {
  /** Judges the sha256 of all that went through, in lower-case hex; throws to refuse it. Left out, nothing is hashed. */
  judge?: (sha256: string) => void;
  /** Called with each piece, in order, after it was hashed and before it goes out. It may write into it. */
  passing?: (piece: Uint8Array) => void;
  /** Called exactly once, with the bytes that were let through. At a good end the last piece waits for it. */
  ended: (end: DeliveryEnd) => Promise<void>;
};

/**
 * Passes `source` on, one piece late. So a body that turns out wrong is never complete at the buyer's end, and no process that dies can
 * have delivered a whole item without a record of it. At an error the stream errs: the adapter has to abort the connection.
 */
export function deliver(
  source: ReadableStream<Uint8Array>,
  { judge, passing, ended }: DeliveryOptions,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  const hash = judge ? createHash("sha256") : null;
  let held: Uint8Array | undefined;
  let bytes = 0;
  let over = false;
  const end = async (how: Omit<DeliveryEnd, "bytes">) => {
    if (over) return;
    over = true;
    await ended({ bytes, ...how });
  };
  const finish = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
    if (hash) judge?.(hash.digest("hex"));
    bytes += held?.length ?? 0;
    await end({});
    if (held) controller.enqueue(held);
    controller.close();
  };
  /** Lets one piece through: a pull that enqueues nothing would never be called again. */
  const advance = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
    for (;;) {
      const { value, done } = await reader.read();
      if (over) return;
      if (done) return finish(controller);
      hash?.update(value);
      passing?.(value);
      const ready = held;
      held = value;
      if (!ready) continue;
      bytes += ready.length;
      return controller.enqueue(ready);
    }
  };

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          await advance(controller);
        } catch (error) {
          await end({ error });
          await reader.cancel(error).catch(() => undefined); // when it is the source that failed, it fails again here
          controller.error(error);
        }
      },
      async cancel(reason) {
        const ending = end({ aborted: true });
        await reader.cancel(reason);
        await ending;
      },
    },
    { highWaterMark: 0 },
  );
}
