/** Requests, by what they ask for: one label value for each route, whatever clients send. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { matchedRoutes } from "hono/route";
import { observeDuration } from "../../ops/requests.ts";
import type { AppContext, AppEnv } from "../http/context.ts";
import { countOperation, type OperationName } from "./operations.ts";

/** What a request asks for: the operationId of its route, or its method and path pattern; `none` where nothing is. */
export type OperationOf = (c: AppContext) => string;

/** `idsOf` is asked once, with the first request, when all routes are there. */
export function operationsOf(idsOf: () => ReadonlyMap<string, string> = () => new Map()): OperationOf {
  let ids: ReadonlyMap<string, string> | undefined;
  return (c) => {
    if (c.req.method === "OPTIONS") return "preflight";
    // Middleware is for all methods, a route is for one.
    const route = matchedRoutes(c).findLast(({ method }) => method !== "ALL");
    if (!route) return "none";
    ids ??= idsOf();
    const name = `${route.method} ${route.path}`;
    return ids.get(name) ?? name;
  };
}

/** The operationIds of an app's routes, by `METHOD /path/:with/:parameters`. */
export function operationIdsOf(app: OpenAPIHono<AppEnv>): ReadonlyMap<string, string> {
  return new Map(
    app.openAPIRegistry.definitions.flatMap((definition) => {
      if (definition.type !== "route" || !definition.route.operationId) return [];
      const { method, path, operationId } = definition.route;
      return [[`${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`, operationId] as const];
    }),
  );
}

/** What has no payment whose steps could be counted, by the path of its route. */
const counted: Readonly<Record<string, OperationName>> = {
  "/me/buy/token": "token",
  "/me/validate/token": "token",
  "/me/validate/submit": "label",
};

export function observeRequest(c: AppContext, operation: string, milliseconds: number): void {
  const { status } = c.res;
  observeDuration(operation, status, milliseconds);
  const name = counted[c.req.path];
  if (name) countOperation(name, "none", status >= 500 ? "failed" : status >= 400 ? "refused" : "ok");
}
