/**
 * Files on the seller's own HTTPS server: `ref: {scheme: "https", uri}`. Only of the origins that the seller has configured, and fetched
 * with the guard against being led to somewhere else (sdk/node/safe-fetch.ts).
 */
import { type SafeFetchOptions, type SafeResponse, safeFetch } from "../../sdk/node/safe-fetch.ts";
import type { UrlRules } from "../../sdk/node/safe-url.ts";
import { inPieces } from "../pieces.ts";
import type { ByteRange } from "../range.ts";
import type { Resolver } from "../references.ts";
import type { StoredItem } from "../store.ts";

export type OriginOptions = UrlRules & {
  /** Such as https://media.example: scheme, host and port, without a path. A redirect has to stay within them. */
  origins: readonly string[];
  /** Sent along, such as a secret that lets the gateway in and nobody else. */
  headers?: Readonly<Record<string, string>>;
};

export function createOriginResolver({ origins, headers = {}, ...rules }: OriginOptions): Resolver {
  const allowed = new Set(origins.map((origin) => new URL(origin).origin));
  const ask = async (uri: string, extra: Record<string, string>, options: Partial<SafeFetchOptions>) => {
    refuseForeign(uri, allowed);
    const answer = await safeFetch(uri, {
      ...rules,
      // One address for one item: where a redirect leads may change from one range to the next.
      maxRedirects: 0,
      maxBytes: Number.MAX_SAFE_INTEGER,
      // Longer than a buyer may pause: while it does, nothing is read here either.
      idleMs: 90_000,
      headers: { ...headers, ...extra },
      ...options,
    });
    if (answer.headers["content-encoding"] === undefined) return answer;
    await answer.body.cancel();
    throw new Error(`${uri} is sent as ${answer.headers["content-encoding"]}: its bytes are not the file's.`);
  };
  return async ({ uri }) => {
    // A request for one byte tells the whole size, and whether ranges work; servers that answer HEAD often tell neither.
    const answer = await ask(uri, { range: "bytes=0-0" }, {});
    await answer.body.cancel();
    if (answer.status === 404 || answer.status === 410) return null;
    return describe(uri, answer, (range, signal, etag) =>
      ask(
        uri,
        { range: `bytes=${range.first}-${range.last}`, ...(etag && { "if-match": etag }) },
        { signal },
      ),
    );
  };
}

function refuseForeign(uri: string, allowed: ReadonlySet<string>): void {
  const origin = URL.canParse(uri) ? new URL(uri).origin : "";
  if (!allowed.has(origin)) throw new Error(`"${uri.slice(0, 200)}" is not of the configured origins.`);
}

function describe(
  uri: string,
  { status, headers }: SafeResponse,
  read: (range: ByteRange, signal: AbortSignal, etag: string | null) => Promise<SafeResponse>,
): StoredItem {
  const etag = headers.etag?.startsWith('"') ? headers.etag : null;
  const size = sizeOf(uri, status, headers);
  const leaving = new AbortController();
  const body = async (range: ByteRange) => {
    const answer = await read(range, leaving.signal, etag);
    const same = answer.status === 206 && (etag === null || answer.headers.etag === etag);
    const right = answer.headers["content-range"] === `bytes ${range.first}-${range.last}/${size}`;
    if (same && right) return answer.body;
    await answer.body.cancel();
    throw new Error(
      `${uri} was replaced while it was read: ${answer.status} ${answer.headers["content-range"]}.`,
    );
  };
  return {
    size,
    version: etag === null ? null : `${etag} ${headers["last-modified"]} ${size}`,
    stream(range) {
      const part = range ?? { first: 0, last: size - 1 };
      return inPieces(part.last + 1 - part.first, () => body(part));
    },
    close: async () => leaving.abort(),
  };
}

function sizeOf(uri: string, status: number, headers: SafeResponse["headers"]): number {
  // Nothing has no first byte: that is how a server says that the file is empty.
  const pattern = status === 206 ? /^bytes 0-0\/(\d+)$/ : status === 416 ? /^bytes \*\/(0)$/ : null;
  const size = pattern?.exec(headers["content-range"] ?? "")?.[1];
  if (size === undefined)
    throw new Error(
      `${uri} answers a request for its first byte with ${status}: the origin has to serve ranges.`,
    );
  return Number(size);
}
