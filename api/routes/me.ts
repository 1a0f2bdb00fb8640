/** Who I am, joining and granting. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import {
  agentProfileSchema,
  grantRequestSchema,
  registerRequestSchema,
  relayedResponseSchema,
} from "../../sdk/wire/agent.ts";
import { pageQuerySchema } from "../../sdk/wire/common.ts";
import { pointsLedgerResponseSchema } from "../../sdk/wire/points.ts";
import { grant, register } from "../actions/join.ts";
import type { Deps } from "../deps.ts";
import type { AppEnv } from "../http/context.ts";
import {
  answer,
  failures,
  jsonBody,
  ownFailures,
  relayFailures,
  signedIn,
  writeFailures,
} from "../http/openapi.ts";
import { refuse } from "../http/validation.ts";
import { pointsLedger } from "../queries/points.ts";
import { profileOf } from "../queries/profile.ts";

const meRoute = createRoute({
  ...signedIn,
  method: "get",
  path: "/me",
  operationId: "get_me",
  tags: ["Me"],
  summary: "Get my agent profile",
  responses: {
    200: answer(agentProfileSchema, "Agent profile"),
    ...failures(...ownFailures),
  },
});

const registerRoute = createRoute({
  ...signedIn,
  method: "post",
  path: "/me/register",
  operationId: "join",
  tags: ["Me"],
  summary: "Join as an agent, by signature; the exchange pays the gas",
  request: { body: jsonBody(registerRequestSchema) },
  responses: {
    200: answer(relayedResponseSchema, "Joined"),
    ...failures(
      ...writeFailures,
      ...relayFailures,
      ...(["INVALID_REQUEST", "INVALID_EOA"] as const),
      ...ownFailures,
    ),
  },
});

const grantRoute = createRoute({
  ...signedIn,
  method: "post",
  path: "/me/grants",
  operationId: "grant_operator",
  tags: ["Me"],
  summary: "Let the exchange write for me, by signature; the exchange pays the gas",
  request: { body: jsonBody(grantRequestSchema) },
  responses: {
    200: answer(relayedResponseSchema, "Granted"),
    ...failures(
      ...writeFailures,
      ...relayFailures,
      ...(["INVALID_REQUEST", "INVALID_EOA"] as const),
      ...ownFailures,
    ),
  },
});

const pointsRoute = createRoute({
  ...signedIn,
  method: "get",
  path: "/me/points/ledger",
  operationId: "get_points_ledger",
  tags: ["Me"],
  summary: "My points ledger",
  request: { query: pageQuerySchema },
  responses: {
    200: answer(pointsLedgerResponseSchema, "Ledger"),
    ...failures("INVALID_REQUEST", ...ownFailures),
  },
});

export function addMeRoutes(app: OpenAPIHono<AppEnv>, deps: Deps): void {
  const invalid = refuse("INVALID_REQUEST");
  app.openapi(meRoute, async (c) => c.json(await profileOf(deps, c.get("session")), 200));
  app.openapi(
    registerRoute,
    async (c) => c.json(await register(deps, c.get("session"), c.req.valid("json")), 200),
    invalid,
  );
  app.openapi(
    grantRoute,
    async (c) => c.json(await grant(deps, c.get("session"), c.req.valid("json")), 200),
    invalid,
  );
  app.openapi(
    pointsRoute,
    async (c) => c.json(await pointsLedger(deps, c.get("session").agentId, c.req.valid("query")), 200),
    invalid,
  );
}
