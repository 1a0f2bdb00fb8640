/**
 * Holds every answer that the tests get from an API against its own description: the routes' schemas, of which openapi.json is made.
 * Whoever starts an API names it here; from then on whatever this process fetches from it is looked at, be it by the tests' client, the SDK
 * or somebody else's x402 client. An answer that is not as described fails the call, and the run.
 */
import { isDeepStrictEqual } from "node:util";
import type { z } from "zod";
import { describeApi } from "../../api/description.ts";
import { apiErrorSchema } from "../../sdk/wire/common.ts";

type Described = { content?: Record<string, { schema: z.ZodType }>; "x-error-codes"?: string[] };
type Operation = { method: string; path: string; pattern: RegExp; responses: Record<string, Described> };

/** What is served beside the described routes: the description itself, its page, and schemas. */
const ASIDE = /^\/(openapi\.json|docs(\/.*)?|schemas\/.*)$/;

export type Exchanged = { method: string; path: string; status: number; headers: Headers; text: string };

let operations: Operation[] | undefined;
const origins = new Set<string>();
const violations = new Set<string>();
let looked = 0;

/** From now on answers from this API are looked at. */
export function watchContract(apiUrl: string): void {
  origins.add(new URL(apiUrl).origin);
  if (globalThis.fetch === watchingFetch) return;
  plainFetch = globalThis.fetch;
  globalThis.fetch = watchingFetch;
  // Of the root suite, and added last, so that it keeps no other hook from stopping what runs. What a test has swallowed is told all the same.
  after("every answer was as described", () => {
    if (violations.size === 0) return;
    throw new Error(
      `Of ${looked} answers some are not as openapi.json has them:\n${[...violations].join("\n")}`,
    );
  });
}

/** The API is no more: whoever has its port next is another server. */
export function unwatchContract(apiUrl: string): void {
  origins.delete(new URL(apiUrl).origin);
}

let plainFetch = globalThis.fetch;

const watchingFetch: typeof fetch = async (input, init) => {
  const response = await plainFetch(input, init);
  // By its shape: servers in this process put another Request in the place of Node's own.
  const asked = typeof input === "object" && "url" in input ? input : undefined;
  const url = new URL(asked?.url ?? String(input));
  if (!origins.has(url.origin)) return response;
  const text = await readCopy(response);
  if (text === undefined) return response;
  const method = (init?.method ?? asked?.method ?? "GET").toUpperCase();
  const fault = faultOf({
    method,
    path: url.pathname,
    status: response.status,
    headers: response.headers,
    text,
  });
  looked += 1;
  if (fault === undefined) return response;
  violations.add(fault);
  throw new Error(`Not as openapi.json has it: ${fault}`);
};

/** The body, which the caller can read as well; undefined for a stream without end, and when the caller broke it off. */
async function readCopy(response: Response): Promise<string | undefined> {
  if (response.headers.get("content-type")?.startsWith("text/event-stream")) return undefined;
  try {
    return await response.clone().text();
  } catch {
    return undefined; // the caller hears of it by its own copy
  }
}

/** What in an answer is not as described; undefined when nothing is. */
export function faultOf(exchanged: Exchanged): string | undefined {
  const { method, path, status, headers } = exchanged;
  if (method === "OPTIONS") return undefined;
  const where = `${method} ${path} ${status}`;
  if (!/^req_/.test(headers.get("x-request-id") ?? "")) return `${where}: no X-Request-Id`;
  const operation = operationOf(method === "HEAD" ? "GET" : method, path);
  if (!operation) {
    if (method === "HEAD") return undefined; // it has no body
    if (status >= 400) return prefixed(where, errorFault(exchanged));
    return ASIDE.test(path) ? undefined : `${where}: the path is not described`;
  }
  const named = `${operation.method.toUpperCase()} ${operation.path} ${status}`;
  if (status === 304) return undefined; // it has no body
  const response = operation.responses[String(status)];
  if (!response) return `${named} is not described: ${exchanged.text.slice(0, 200)}`;
  if (method === "HEAD") return undefined;
  const codes = response["x-error-codes"];
  if (codes) return prefixed(named, errorFault(exchanged, codes));
  const schema = response.content?.["application/json"]?.schema;
  return schema && prefixed(named, bodyFault(schema, exchanged.text));
}

function errorFault({ status, headers, text }: Exchanged, codes?: readonly string[]): string | undefined {
  const fault = bodyFault(apiErrorSchema, text);
  if (fault !== undefined) return fault;
  const { code, request_id } = apiErrorSchema.parse(JSON.parse(text));
  if (codes && !codes.includes(code)) return `${code} is not one of its codes (${codes.join(", ")})`;
  if (request_id !== headers.get("x-request-id")) return "request_id is not the X-Request-Id";
  if (status === 429 && !/^[1-9][0-9]*$/.test(headers.get("retry-after") ?? "")) return "no Retry-After";
  return undefined;
}

/** Members that the schema does not know count as faults too: nobody was told of them. */
function bodyFault(schema: z.ZodType, text: string): string | undefined {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return `no JSON: ${text.slice(0, 100)}`;
  }
  const result = schema.safeParse(body);
  if (!result.success) {
    const [issue] = result.error.issues;
    return `/${issue?.path.join("/")} ${issue?.message}`;
  }
  return isDeepStrictEqual(result.data, body)
    ? undefined
    : `members that are not described: ${extra(body, result.data)}`;
}

function extra(body: unknown, known: unknown, at = ""): string {
  if (typeof body !== "object" || body === null || typeof known !== "object" || known === null)
    return at || "/";
  for (const [name, value] of Object.entries(body)) {
    const other = (known as Record<string, unknown>)[name];
    if (!isDeepStrictEqual(value, other)) return extra(value, other, `${at}/${name}`);
  }
  return at || "/";
}

function operationOf(method: string, path: string): Operation | undefined {
  operations ??= readOperations();
  return operations.find((one) => one.method === method.toLowerCase() && one.pattern.test(path));
}

/** Those with fixed paths first: `/a/b` is not meant by `/a/{x}`. */
function readOperations(): Operation[] {
  const { app } = describeApi("http://127.0.0.1");
  const parameters = (path: string) => path.split("{").length;
  return app.openAPIRegistry.definitions
    .flatMap((definition) => (definition.type === "route" ? [definition.route] : []))
    .map(({ method, path, responses }) => ({
      ...{ method, path, responses: responses as Operation["responses"] },
      pattern: new RegExp(`^${path.replace(/[.]/g, "\\.").replace(/\{[^}]+\}/g, "[^/]+")}$`),
    }))
    .sort((a, b) => parameters(a.path) - parameters(b.path));
}

const prefixed = (where: string, fault: string | undefined) => fault && `${where}: ${fault}`;
