/** Signing in. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import {
  nonceQuerySchema,
  nonceResponseSchema,
  verifyRequestSchema,
  verifyResponseSchema,
} from "../../sdk/wire/agent.ts";
import { giveNonce, verifySignIn } from "../actions/sign-in.ts";
import type { Deps } from "../deps.ts";
import type { AppEnv } from "../http/context.ts";
import { answer, bodyFailures, failures, jsonBody } from "../http/openapi.ts";
import { originOf } from "../http/origin.ts";
import { refuse } from "../http/validation.ts";

const nonceRoute = createRoute({
  method: "get",
  path: "/auth/nonce",
  operationId: "get_nonce",
  tags: ["Auth"],
  summary: "Get nonce for EOA login",
  request: { query: nonceQuerySchema },
  responses: { 200: answer(nonceResponseSchema, "Nonce"), ...failures("INVALID_EOA") },
});

const verifyRoute = createRoute({
  method: "post",
  path: "/auth/verify",
  operationId: "verify_signature",
  tags: ["Auth"],
  summary: "Verify signature and issue session token",
  request: { body: jsonBody(verifyRequestSchema) },
  responses: {
    200: answer(verifyResponseSchema, "Session"),
    ...failures(
      ...bodyFailures,
      "INVALID_EOA",
      "INVALID_REQUEST",
      "INVALID_SIGNATURE",
      "NONCE_EXPIRED",
      "SESSION_EXPIRED",
    ),
  },
});

export function addAuthRoutes(app: OpenAPIHono<AppEnv>, deps: Deps): void {
  app.openapi(
    nonceRoute,
    async (c) => {
      return c.json(await giveNonce(deps, c.req.valid("query").eoa), 200);
    },
    refuse("INVALID_EOA"),
  );
  app.openapi(
    verifyRoute,
    async (c) => {
      return c.json(await verifySignIn(deps, c.req.valid("json"), originOf(c)), 200);
    },
    refuse(([first]) => {
      if (first?.pointer === "/eoa") return "INVALID_EOA";
      return first?.pointer === "/signature" ? "INVALID_SIGNATURE" : "INVALID_REQUEST";
    }),
  );
}
