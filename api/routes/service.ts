/** For machines: gateways' reports, keys, health, and the API's own description. */
import { createHash } from "node:crypto";
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { healthSchema, usageBatchResponseSchema, usageBatchSchema } from "../../sdk/wire/public.ts";
import { revocationFeedSchema, revocationQuerySchema } from "../../sdk/wire/revocations.ts";
import { revocationFeed } from "../actions/revoke.ts";
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
import { JWKS_MAX_AGE } from "../store/signing-keys.ts";

const jwksSchema = z.object({ keys: z.array(z.record(z.string(), z.unknown())) });

const eventsRoute = createRoute({
  method: "post",
  path: "/gateway/events",
  operationId: "report_usage",
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
  operationId: "get_jwks",
  tags: ["Gateway"],
  summary: "The public keys by which the exchange's tokens are verified (RFC 7517)",
  responses: { 200: answer(jwksSchema, "Keys"), ...failures() },
});

const revocationsRoute = createRoute({
  method: "get",
  path: "/gateway/revocations",
  operationId: "get_revocations",
  tags: ["Gateway"],
  summary: "Tokens and signing keys that gateways must refuse from now on",
  description:
    "Poll it with the cursor of the answer before (every few seconds: with If-None-Match the answer is 304 while nothing is new). Revoked are tokens whose key " +
    "was refunded, charged back, moved or lent, whose agent rotated, or whose purchase a reorg took away.",
  request: { query: revocationQuerySchema },
  responses: {
    200: answer(revocationFeedSchema, "What is new"),
    ...failures("INVALID_REQUEST"),
  },
});

const healthRoute = createRoute({
  method: "get",
  path: "/health",
  operationId: "get_health",
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
    c.header("Cache-Control", `public, max-age=${JWKS_MAX_AGE}, must-revalidate`);
    return c.json({ keys: (await deps.keys.published()) as Record<string, unknown>[] }, 200);
  });
  app.openapi(
    revocationsRoute,
    async (c) => {
      const feed = await revocationFeed(deps, c.req.valid("query").since);
      const etag = `"${createHash("sha256").update(JSON.stringify(feed)).digest("base64url")}"`;
      c.header("ETag", etag);
      c.header("Cache-Control", "public, no-cache"); // caches may keep it, and must ask
      if (c.req.header("if-none-match") === etag) return c.body(null, 304) as never;
      return c.json(feed, 200);
    },
    refuse("INVALID_REQUEST"),
  );
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
