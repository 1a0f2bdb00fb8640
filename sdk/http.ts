/** One way to ask a server: an answer of the expected shape, or an {@link ExchangeError}. */
import type { z } from "zod";
import { type ErrorCode, ExchangeError } from "./errors.ts";
import { apiErrorSchema } from "./wire/common.ts";

export type Fetch = typeof globalThis.fetch;

/** A server, and how it is called when it does not answer. */
export type Server = {
  /** Without a trailing slash. */
  readonly url: string;
  readonly fetch: Fetch;
  /** What a network failure is: the exchange is SERVICE_UNAVAILABLE, a seller's gateway GATEWAY_UNREACHABLE. */
  readonly unreachable: "SERVICE_UNAVAILABLE" | "GATEWAY_UNREACHABLE";
};

export type Call<T> = {
  method?: "GET" | "POST" | "DELETE";
  path: string;
  query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as `Authorization: Bearer`. */
  bearer?: string;
  headers?: Readonly<Record<string, string>>;
  /** Makes the `X-Signature` of exactly what is sent. */
  sign?: (request: { method: string; url: string; body: string }) => Promise<string>;
  /** Sent as `Idempotency-Key`: the same request, however often it is sent. */
  idempotencyKey?: string;
  schema: z.ZodType<T>;
};

/** Milliseconds that an answer may take. */
export const ANSWER_TIMEOUT = 30_000;

/** Asks and reads a JSON answer. */
export async function call<T>(server: Server, request: Call<T>): Promise<T> {
  const response = await send(server, request, AbortSignal.timeout(ANSWER_TIMEOUT));
  return readJson(server, response, request.schema);
}

/** Asks; the answer is any successful one, its body unread. `signal` bounds the body's reading too. */
export async function send(
  server: Server,
  request: Omit<Call<unknown>, "schema">,
  signal: AbortSignal,
): Promise<Response> {
  const headers: Record<string, string> = { ...request.headers };
  if (request.bearer !== undefined) headers.authorization = `Bearer ${request.bearer}`;
  if (request.idempotencyKey !== undefined) headers["idempotency-key"] = request.idempotencyKey;
  if (request.body !== undefined) headers["content-type"] = "application/json";
  const url = `${server.url}${request.path}${queryString(request.query)}`;
  const method = request.method ?? "GET";
  const body = request.body === undefined ? undefined : JSON.stringify(request.body);
  if (request.sign) headers["x-signature"] = await request.sign({ method, url, body: body ?? "" });
  const response = await server
    .fetch(url, { method, headers, signal, ...(body === undefined ? {} : { body }) })
    .catch((cause: unknown) => {
      throw unreachable(server, cause);
    });
  if (!response.ok) throw await readError(server, response);
  return response;
}

/** The error of a server that did not answer, or broke off. */
export function unreachable(server: Server, cause: unknown): ExchangeError {
  return new ExchangeError(server.unreachable, `${server.url} did not answer: ${reasonOf(cause)}.`, {
    hint:
      server.unreachable === "SERVICE_UNAVAILABLE"
        ? "Is the exchange's url right, and is it up? GET /health tells. Try again later."
        : "The seller's gateway is down or out of reach. Your key stays valid: try again later.",
    details: { url: server.url },
    cause,
  });
}

/** The innermost reason: `fetch failed` alone helps nobody. */
function reasonOf(cause: unknown): string {
  let reason = cause;
  while (reason instanceof Error && reason.cause instanceof Error) reason = reason.cause;
  if (!(reason instanceof Error)) return String(reason);
  return reason.message || ((reason as { code?: string }).code ?? reason.name);
}

/** Reads a JSON answer of the given shape. */
export async function readJson<T>(server: Server, response: Response, schema: z.ZodType<T>): Promise<T> {
  const text = await response.text().catch((cause: unknown) => {
    throw unreachable(server, cause);
  });
  const result = schema.safeParse(parseJson(text));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new ExchangeError(
    "INTERNAL_ERROR",
    `${server.url} answered ${response.status} with something else than expected (/${issue?.path.join("/")}: ${issue?.message}).`,
    {
      hint: "Does the url name an exchange, and one of this client's version?",
      details: { url: response.url || server.url, status: response.status },
      ...requestIdOf(response),
    },
  );
}

/** The error that the answer's body tells, or that its status means when the body tells nothing. */
export async function readError(server: Server, response: Response): Promise<ExchangeError> {
  const text = await response.text().catch(() => "");
  const parsed = apiErrorSchema.safeParse(parseJson(text));
  if (!parsed.success) {
    return new ExchangeError(
      codeOfStatus(server, response.status),
      `${server.url} answered ${response.status}${text ? `: ${text.slice(0, 200)}` : "."}`,
      { status: response.status, details: { url: response.url || server.url }, ...requestIdOf(response) },
    );
  }
  const { code, message, request_id, details = {} } = parsed.data;
  const requestId = request_id ?? requestIdOf(response).requestId;
  return new ExchangeError(code, message, {
    status: response.status,
    details,
    ...(typeof details.hint === "string" ? { hint: details.hint } : {}),
    ...(requestId === undefined ? {} : { requestId }),
  });
}

const statusCodes: Readonly<Record<number, ErrorCode>> = {
  400: "INVALID_REQUEST",
  401: "INVALID_SIGNATURE",
  402: "PAYMENT_REQUIRED",
  403: "SCOPE_DENIED",
  404: "NOT_FOUND",
  405: "METHOD_NOT_ALLOWED",
  413: "PAYLOAD_TOO_LARGE",
  429: "RATE_LIMITED",
};

function codeOfStatus(server: Server, status: number): ErrorCode {
  if (status === 502 || status === 503 || status === 504) return server.unreachable;
  return statusCodes[status] ?? "INTERNAL_ERROR";
}

function requestIdOf(response: Response): { requestId?: string } {
  const requestId = response.headers.get("x-request-id");
  return requestId === null ? {} : { requestId };
}

/** The value of a JSON text; undefined for any other text. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no schema takes it
  }
}

function queryString(query: Call<unknown>["query"]): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) params.set(name, String(value));
  }
  const text = params.toString();
  return text ? `?${text}` : "";
}
