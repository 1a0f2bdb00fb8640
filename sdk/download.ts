/** Bytes from a gateway, as many as they are: a transfer that breaks goes on where it was. Nothing of them is believed here. */
import { ExchangeError } from "./errors.ts";
import { type Access, ask } from "./gateway-access.ts";
import { unreachable } from "./http.ts";
import type { HashedRequest } from "./receipts.ts";

/** Milliseconds without a byte after which a gateway counts as unreachable. */
const SILENCE = 30_000;
/** Milliseconds of pause before each attempt to go on. Any that brings bytes begins the row anew. */
const PAUSES = [100, 500, 2_000];

/** The part of an item to read: first and last byte, both inclusive. */
export type Span = { first: number; last: number };

export type Wanted = {
  /** Below `/exp/<ek>/`. */
  path: string;
  /** What it is called in errors. */
  name: string;
  /** The most bytes that are taken. */
  limit: number;
  span?: Span;
};

export type Downloaded = {
  bytes: Uint8Array;
  /** The last request, and what it brought: all of `bytes`, unless the transfer broke before. */
  last: { request: HashedRequest; receiptId: string | null; bytes: Uint8Array };
};

/** Throws HASH_MISMATCH once there are more bytes than `limit`, GATEWAY_UNREACHABLE, or what the gateway says. */
export async function download(access: Access, wanted: Wanted): Promise<Downloaded> {
  const whole: Uint8Array[] = [];
  let length = 0;
  let etag: string | null = null;
  for (let pauses = 0; ; pauses++) {
    const from = length;
    const chunks: Uint8Array[] = [];
    const take = (chunk: Uint8Array) => {
      length += chunk.length;
      if (length > wanted.limit) throw tooLong(wanted);
      chunks.push(chunk);
    };
    try {
      const { response, request } = await read(access, wanted, { from, etag }, take, (fresh) => {
        etag = fresh.headers.get("etag");
        if (from === 0 || fresh.status === 206) return;
        // Something else is there now: what came before is of no use.
        whole.length = 0;
        length = 0;
      });
      whole.push(...chunks);
      const last = { request, receiptId: response.headers.get("receipt-id"), bytes: concatenate(chunks) };
      return { bytes: concatenate(whole), last };
    } catch (error) {
      whole.push(...chunks);
      if (chunks.length > 0) pauses = 0;
      const pause = PAUSES[pauses];
      // Without an entity tag what follows could be of something else (RFC 9110 section 13.1.5).
      if (length === 0 || etag === null || pause === undefined || !isBreak(error)) throw error;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

function isBreak(error: unknown): boolean {
  return error instanceof ExchangeError && error.code === "GATEWAY_UNREACHABLE";
}

/** One request, read to its end. It may take as long as it needs, but not pause for too long. */
async function read(
  access: Access,
  { path, span }: Wanted,
  { from, etag }: { from: number; etag: string | null },
  take: (chunk: Uint8Array) => void,
  begin: (response: Response) => void,
): Promise<{ response: Response; request: HashedRequest }> {
  const silence = new AbortController();
  const expire = () => silence.abort(new Error(`not a byte for ${SILENCE} ms`));
  let timer = setTimeout(expire, SILENCE);
  const target = `/exp/${encodeURIComponent(access.ekId)}/${path}`;
  const range = rangeOf(span, from);
  const headers = {
    ...(range === null ? {} : { range }),
    ...(from > 0 && etag !== null ? { "if-range": etag } : {}),
  };
  try {
    const response = await ask(access, { method: "GET", path: target, headers }, silence.signal);
    begin(response);
    const reader = response.body?.getReader();
    while (reader) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw unreachable(access.gateway, cause);
      });
      if (done) break;
      clearTimeout(timer);
      timer = setTimeout(expire, SILENCE);
      try {
        take(value);
      } catch (error) {
        await reader.cancel();
        throw error;
      }
    }
    return { response, request: { method: "GET", target, range, body: null } };
  } finally {
    clearTimeout(timer);
  }
}

function rangeOf(span: Span | undefined, from: number): string | null {
  if (span) return `bytes=${span.first + from}-${span.last}`;
  return from === 0 ? null : `bytes=${from}-`;
}

function tooLong({ name, limit }: Wanted): ExchangeError {
  return new ExchangeError("HASH_MISMATCH", `${name} is longer than the ${limit} bytes that it may have.`, {
    hint: "Do not use it. Keep the manifest as evidence and report the listing.",
    details: { item: name, limit },
  });
}

function concatenate(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
