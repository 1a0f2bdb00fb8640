/**
 * Fetching a URL that somebody else wrote (threat T45), with Node's own client. The name is resolved once, every address of it has to be
 * public, the connection goes to the address that was checked, under the name that was asked for (Host, SNI, certificate), and each
 * redirect is checked like the first URL.
 */
import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { ExchangeError } from "../errors.ts";
import { refused, resolveTarget, type Target, type UrlRules } from "./safe-url.ts";

export type SafeFetchOptions = UrlRules & {
  method?: "GET" | "HEAD";
  headers?: Readonly<Record<string, string>>;
  /** Redirects that are followed; 3 when left out. */
  maxRedirects?: number;
  /** The most bytes of a body: more is an error. */
  maxBytes: number;
  /** Milliseconds until the headers are there, for each request; 10 s when left out. */
  headersMs?: number;
  /** Milliseconds without a byte after which a body fails; 30 s when left out. */
  idleMs?: number;
  /** Ends everything, also the body. */
  signal?: AbortSignal;
};

export type SafeResponse = {
  status: number;
  headers: IncomingHttpHeaders;
  /** Where the answer came from, after redirects. */
  url: URL;
  /** Errs past `maxBytes` and after `idleMs`. Cancel it when it is not wanted. */
  body: ReadableStream<Uint8Array>;
};

/** Node's shared agents keep connections and may obey a proxy from the environment: both would undo the pinning. */
const agents = { "http:": new HttpAgent(), "https:": new HttpsAgent() };

/**
 * Asks; any status is an answer. Throws {@link ExchangeError}: INVALID_REQUEST for what may not be called, PAYLOAD_TOO_LARGE,
 * GATEWAY_UNREACHABLE when there is no answer.
 *
 * @example
 * const { status, body } = await safeFetch("https://seller.example/agent.json", { maxBytes: 65_536 });
 */
export async function safeFetch(input: string | URL, options: SafeFetchOptions): Promise<SafeResponse> {
  let target = await resolveTarget(input, options);
  let { headers } = options;
  for (let left = options.maxRedirects ?? 3; ; left -= 1) {
    const answer = await ask(target, { ...options, ...(headers && { headers }) });
    const next = redirectOf(answer, target.url);
    if (next === null) return respond(answer, target.url, options);
    answer.destroy();
    if (left === 0) throw refused(next, "there are too many redirects");
    // What was meant for one server is not for another.
    if (next.origin !== target.url.origin) headers = withoutSecrets(headers);
    target = await resolveTarget(next, options);
  }
}

/** The same, with the whole body read. For documents; what is larger is streamed. */
export async function safeFetchBytes(
  input: string | URL,
  options: SafeFetchOptions,
): Promise<Omit<SafeResponse, "body"> & { bytes: Uint8Array }> {
  const { body, ...rest } = await safeFetch(input, options);
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return { ...rest, bytes: Buffer.concat(pieces) };
}

function ask({ url, pinned }: Target, options: SafeFetchOptions): Promise<IncomingMessage> {
  const { method = "GET", headers = {}, headersMs = 10_000, signal } = options;
  const protocol = url.protocol as keyof typeof agents;
  const send = protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => reject(failed(url, cause));
    const request = send(url, {
      method,
      // Compressed bytes are not those that a hash or a range is about.
      headers: { "accept-encoding": "identity", ...headers },
      agent: agents[protocol],
      ...(signal && { signal }),
      lookup: (_host, { all }, done) =>
        all ? done(null, [pinned]) : done(null, pinned.address, pinned.family),
    });
    const timer = setTimeout(() => request.destroy(new Error(`no answer in ${headersMs} ms`)), headersMs);
    request.once("error", fail);
    request.once("close", () => clearTimeout(timer));
    request.once("response", (answer) => {
      clearTimeout(timer);
      resolve(answer);
    });
    request.end();
  });
}

function redirectOf({ statusCode = 0, headers }: IncomingMessage, from: URL): URL | null {
  if (![301, 302, 303, 307, 308].includes(statusCode) || headers.location === undefined) return null;
  if (!URL.canParse(headers.location, from.href))
    throw refused(headers.location, "a redirect leads to no URL");
  return new URL(headers.location, from);
}

function respond(answer: IncomingMessage, url: URL, options: SafeFetchOptions): SafeResponse {
  const { maxBytes, method, idleMs = 30_000 } = options;
  const announced = Number(answer.headers["content-length"] ?? 0);
  if (method !== "HEAD" && announced > maxBytes) {
    answer.destroy();
    throw tooLarge(url, maxBytes);
  }
  answer.setTimeout(idleMs, () => answer.destroy(new Error(`not a byte for ${idleMs} ms`)));
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    url,
    body: ReadableStream.from(limited(answer, url, maxBytes)),
  };
}

async function* limited(answer: IncomingMessage, url: URL, maxBytes: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  try {
    for await (const piece of answer) {
      bytes += (piece as Buffer).length;
      if (bytes > maxBytes) throw tooLarge(url, maxBytes);
      yield piece as Buffer;
    }
    if (!answer.complete) throw new Error("the connection broke");
  } catch (cause) {
    throw cause instanceof ExchangeError ? cause : failed(url, cause);
  } finally {
    answer.destroy();
  }
}

function withoutSecrets(headers: SafeFetchOptions["headers"] = {}): Record<string, string> {
  const secret = /^(authorization|cookie|proxy-authorization)$/i;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !secret.test(name)));
}

function tooLarge(url: URL, maxBytes: number): ExchangeError {
  return new ExchangeError("PAYLOAD_TOO_LARGE", `${url.host} sends more than ${maxBytes} bytes.`, {
    hint: "It is not read any further.",
    details: { host: url.host, max_bytes: maxBytes },
  });
}

function failed(url: URL, cause: unknown): ExchangeError {
  const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new ExchangeError("GATEWAY_UNREACHABLE", `${url.host} did not answer: ${reason}.`, {
    hint: "Is it up, and is its certificate valid for that name?",
    details: { host: url.host },
    cause,
  });
}
