/** Answers: the one shape of errors, and the headers that every answer has. */
import { DPOP_ALGS } from "../sdk/dpop.ts";
import { ExchangeError, errorCodes } from "../sdk/errors.ts";
import type { ApiError } from "../sdk/wire/common.ts";

/** Seller's content is data: no browser is to guess its type, show it in place or run it. */
const INERT = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; sandbox",
} as const;

/** Any failure as one of ours; what nobody foresaw becomes INTERNAL_ERROR and keeps its cause for the log. */
export function asExchangeError(error: unknown): ExchangeError {
  if (error instanceof ExchangeError) return error;
  return new ExchangeError("INTERNAL_ERROR", "The gateway failed.", {
    hint: "Report it with the request_id.",
    cause: error,
  });
}

/** `{code, message, request_id, details}` (the hint is in the details), with the headers that HTTP wants for the status. */
export function errorResponse(error: ExchangeError, requestId: string): Response {
  const { hint, details, code, message, status } = error;
  const body: ApiError = {
    code,
    message,
    request_id: requestId,
    details: hint === undefined ? details : { ...details, hint },
  };
  return bytesResponse(JSON.stringify(body), {
    status,
    headers: { "cache-control": "no-store", ...errorHeaders(error) },
    requestId,
  });
}

/** A short JSON answer. */
export function bytesResponse(
  json: string,
  { status, headers, requestId }: { status: number; headers: Record<string, string>; requestId: string },
): Response {
  const body = new TextEncoder().encode(json);
  return new Response(body, {
    status,
    headers: {
      "content-type": "application/json",
      "content-length": String(body.length),
      "x-request-id": requestId,
      ...INERT,
      ...headers,
    },
  });
}

/** An answer with seller's content, or, without a body, about it. */
export function contentResponse(
  body: ReadableStream<Uint8Array> | null,
  { status, headers, requestId }: { status: number; headers: Record<string, string>; requestId: string },
): Response {
  return new Response(body, { status, headers: { "x-request-id": requestId, ...INERT, ...headers } });
}

/** What caches may do with content: the buyer's own may keep it, unchanged, for the same token. */
export const PRIVATE = { "cache-control": "private, no-transform", vary: "Authorization" } as const;

function errorHeaders({ code, status, message, details }: ExchangeError): Record<string, string> {
  const realm = 'Bearer realm="experience"';
  // RFC 6750 section 3 allows no quote and no backslash in the description.
  const description = message.replace(/[^\x20-\x7e]|["\\]/g, "'");
  switch (status) {
    case errorCodes.INVALID_SIGNATURE:
      return {
        "www-authenticate": `${realm}, error="invalid_token", error_description="${description}", DPoP algs="${DPOP_ALGS.join(" ")}"`,
      };
    case errorCodes.QUOTA_EXCEEDED:
      return typeof details.retry_after === "number" ? { "retry-after": String(details.retry_after) } : {};
    case errorCodes.SCOPE_DENIED:
      return code === "SCOPE_DENIED"
        ? { "www-authenticate": `${realm}, error="insufficient_scope", scope="${details.needed}"` }
        : {};
    case errorCodes.METHOD_NOT_ALLOWED:
      return { allow: Array.isArray(details.allowed) ? details.allowed.join(", ") : "GET, HEAD" };
    case 416:
      return { "content-range": `bytes */${details.size_bytes}` };
    case errorCodes.SERVICE_UNAVAILABLE:
      return { "retry-after": "5" };
    default:
      return {};
  }
}
