/** The routes without anything behind them: they are described, and never called. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { createApp } from "./app.ts";
import type { Deps } from "./deps.ts";
import type { AppEnv } from "./http/context.ts";
import { type OpenApiDocument, openApiDocument } from "./http/openapi.ts";

const nothing = new Proxy({} as Deps, {
  get(_target, name) {
    throw new Error(`The description must not need ${String(name)}.`);
  },
});

/** The app's routes, and the document (OpenAPI 3.1) that is made of them. */
export function describeApi(publicUrl: string): { app: OpenAPIHono<AppEnv>; document: OpenApiDocument } {
  const app = createApp(nothing);
  return { app, document: openApiDocument(app, publicUrl) };
}
