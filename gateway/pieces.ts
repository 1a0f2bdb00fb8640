/** Bytes from elsewhere, in the pieces that a store hands out. */
import { CHUNK_BYTES } from "./store.ts";

/**
 * Reads exactly `length` bytes of what `open` gives, in pieces of {@link CHUNK_BYTES} with memory of their own. `open` is called at the
 * first pull. A source that is shorter or longer is an error: it is not the thing whose size was told.
 */
export function inPieces(
  length: number,
  open: () => Promise<AsyncIterable<Uint8Array>>,
): ReadableStream<Uint8Array> {
  let source: AsyncIterator<Uint8Array> | undefined;
  let rest: Uint8Array = new Uint8Array(0);
  let left = length;

  const fill = async (piece: Buffer, from: AsyncIterator<Uint8Array>) => {
    let filled = 0;
    while (filled < piece.length) {
      if (rest.length === 0) {
        const { value, done } = await from.next();
        if (done) throw new Error(`The source ended ${left - filled} of ${length} bytes too early.`);
        rest = value;
      }
      const taken = rest.subarray(0, piece.length - filled);
      piece.set(taken, filled);
      filled += taken.length;
      rest = rest.subarray(taken.length);
    }
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (left === 0) return controller.close();
        source ??= (await open())[Symbol.asyncIterator]();
        const piece = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, left));
        await fill(piece, source);
        left -= piece.length;
        if (left === 0) await expectEnd(source, rest.length);
        controller.enqueue(piece);
      },
      async cancel() {
        await source?.return?.();
      },
    },
    { highWaterMark: 1 },
  );
}

async function expectEnd(source: AsyncIterator<Uint8Array>, rest: number): Promise<void> {
  let more = rest;
  for (;;) {
    const { value, done } = await source.next();
    if (done && more === 0) return;
    more += done ? 0 : value.length;
    if (more === 0) continue;
    await source.return?.();
    throw new Error("The source has more bytes than it should.");
  }
}
