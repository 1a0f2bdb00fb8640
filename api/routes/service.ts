/** For machines: gateways' reports, keys, health, and the API's own description. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { healthSchema, usageBatchResponseSchema, usageBatchSchema } from "../../sdk/wire/public.ts";
import { takeUsageEvents } from "../actions/usage.ts";
import type { Deps } from "../deps.ts";
import type { AppEnv } from "../http/context.ts";
import {
  answer,
  bodyFailures,
  failures,
  jsonBody,
  type OpenApiDocument,
  openApiDocument,
} from "../http/openapi.ts";
import { refuse } from "../http/validation.ts";

const jwksSchema = z.object({ keys: z.array(z.record(z.string(), z.unknown())) });

const eventsRoute = createRoute({
  method: "post",
  path: "/gateway/events",
  tags: ["Gateway"],
  summary: "Usage events, each a compact JWS by the listing's gateway key",
  request: { body: jsonBody(usageBatchSchema) },
  responses: {
    200: answer(usageBatchResponseSchema, "What is settled"),
    ...failures(...bodyFailures, "INVALID_REQUEST"),
  },
});

const jwksRoute = createRoute({
  method: "get",
  path: "/.well-known/jwks.json",
  tags: ["Gateway"],
  summary: "The public keys by which the exchange's tokens are verified (RFC 7517)",
  responses: { 200: answer(jwksSchema, "Keys"), ...failures() },
});

const healthRoute = createRoute({
  method: "get",
  path: "/health",
  tags: ["Service"],
  summary: "How the exchange is, and where its contracts are",
  responses: {
    200: answer(healthSchema, "It works, perhaps not all of it"),
    503: answer(healthSchema, "It is down"),
  },
});

export function addServiceRoutes(app: OpenAPIHono<AppEnv>, deps: Deps): void {
  app.openapi(
    eventsRoute,
    async (c) => c.json(await takeUsageEvents(deps, c.req.valid("json").events), 200),
    refuse("INVALID_REQUEST"),
  );
  app.openapi(jwksRoute, async (c) => {
    c.header("Cache-Control", "public, max-age=60");
    return c.json({ keys: (await deps.keys.published()) as Record<string, unknown>[] }, 200);
  });
  app.openapi(healthRoute, (c) => {
    const state = deps.health.state();
    c.header("Cache-Control", "no-store");
    return c.json(state, state.status === "down" ? 503 : 200);
  });
  let document: OpenApiDocument | undefined; // made once, when somebody asks
  app.get("/openapi.json", (c) => {
    document ??= openApiDocument(app, deps.publicUrl);
    return c.json(document);
  });
}
