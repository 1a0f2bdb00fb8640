/** An account's sessions, and what was done in its name. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import {
  auditLogSchema,
  endedSchema,
  refreshRequestSchema,
  refreshResponseSchema,
  sessionsSchema,
} from "../../sdk/wire/account.ts";
import { pageQuerySchema } from "../../sdk/wire/common.ts";
import { endAllSessions, endSession } from "../actions/end-session.ts";
import { refresh } from "../actions/session.ts";
import type { Deps } from "../deps.ts";
import type { AppEnv } from "../http/context.ts";
import {
  answer,
  bodyFailures,
  failures,
  jsonBody,
  keyFailures,
  ownFailures,
  signedIn,
} from "../http/openapi.ts";
import { originOf } from "../http/origin.ts";
import { refuse } from "../http/validation.ts";
import { auditLog } from "../queries/audit-log.ts";
import { sessions } from "../queries/sessions.ts";

const refreshRoute = createRoute({
  method: "post",
  path: "/auth/refresh",
  operationId: "refresh_session",
  tags: ["Auth"],
  summary: "The next session token, for a refresh token that was not used yet",
  description:
    "A refresh token is good once. One that comes a second time has been copied, by whoever: its session ends, and the agent signs in again.",
  request: { body: jsonBody(refreshRequestSchema) },
  responses: {
    200: answer(refreshResponseSchema, "Session"),
    ...failures(...bodyFailures, "INVALID_REQUEST", "SESSION_EXPIRED"),
  },
});

const sessionsRoute = createRoute({
  ...signedIn,
  method: "get",
  path: "/me/sessions",
  operationId: "list_sessions",
  tags: ["Me"],
  summary: "My sessions, the newest first",
  request: { query: pageQuerySchema },
  responses: { 200: answer(sessionsSchema, "Sessions"), ...failures("INVALID_REQUEST", ...ownFailures) },
});

const endRoute = createRoute({
  ...signedIn,
  method: "delete",
  path: "/me/sessions/{session_id}",
  operationId: "end_session",
  tags: ["Me"],
  summary: "End a session of mine, this one or another",
  request: { params: z.object({ session_id: z.uuid() }) },
  responses: {
    200: answer(endedSchema, "Ended"),
    ...failures("INVALID_REQUEST", ...keyFailures, ...ownFailures, "NOT_FOUND"),
  },
});

const endAllRoute = createRoute({
  ...signedIn,
  method: "delete",
  path: "/me/sessions",
  operationId: "end_all_sessions",
  tags: ["Me"],
  summary: "End all sessions of mine, this one too",
  responses: {
    200: answer(endedSchema, "Ended"),
    ...failures("INVALID_REQUEST", ...keyFailures, ...ownFailures),
  },
});

const auditRoute = createRoute({
  ...signedIn,
  method: "get",
  path: "/me/audit-log",
  operationId: "get_audit_log",
  tags: ["Me"],
  summary: "What was done in my name, the newest first",
  request: { query: pageQuerySchema },
  responses: { 200: answer(auditLogSchema, "Entries"), ...failures("INVALID_REQUEST", ...ownFailures) },
});

export function addAccountRoutes(app: OpenAPIHono<AppEnv>, deps: Deps): void {
  const invalid = refuse("INVALID_REQUEST");
  app.openapi(
    refreshRoute,
    async (c) => c.json(await refresh(deps, c.req.valid("json").refresh_token, originOf(c)), 200),
    invalid,
  );
  app.openapi(
    sessionsRoute,
    async (c) => c.json(await sessions(deps, c.get("session"), c.req.valid("query")), 200),
    invalid,
  );
  app.openapi(
    endRoute,
    async (c) => c.json(await endSession(deps, c.get("session"), c.req.valid("param").session_id), 200),
    invalid,
  );
  app.openapi(endAllRoute, async (c) => c.json(await endAllSessions(deps, c.get("session")), 200));
  app.openapi(
    auditRoute,
    async (c) => c.json(await auditLog(deps, c.get("session"), c.req.valid("query")), 200),
    invalid,
  );
}
