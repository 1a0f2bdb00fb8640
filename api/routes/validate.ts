/** Validating: the validator's token, and the label. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { tokenRequestSchema, tokenResponseSchema } from "../../sdk/wire/purchase.ts";
import { submitValidationRequestSchema, submitValidationResponseSchema } from "../../sdk/wire/validation.ts";
import { submitLabel } from "../actions/submit-label.ts";
import { issueValidatorToken } from "../actions/validator-token.ts";
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
import { proofIn } from "../http/proof.ts";
import { refuse } from "../http/validation.ts";

const tokenRoute = createRoute({
  ...signedIn,
  method: "post",
  path: "/me/validate/token",
  operationId: "get_validator_token",
  tags: ["Validate"],
  summary: "Get a short-lived token to read what is to be validated",
  description:
    "One per version: another one only after a label on chain, or when the first ended unused. A DPoP header binds it, as at /me/buy/token.",
  request: { body: jsonBody(tokenRequestSchema) },
  responses: {
    200: answer(tokenResponseSchema, "Token"),
    ...failures(
      ...writeFailures,
      "INVALID_REQUEST",
      ...ownFailures,
      "SCOPE_DENIED",
      "EK_NOT_FOUND",
      "VALIDATION_CONFLICT",
    ),
  },
});

const submitRoute = createRoute({
  ...signedIn,
  method: "post",
  path: "/me/validate/submit",
  operationId: "submit_validation",
  tags: ["Validate"],
  summary: "Submit validation label",
  request: { body: jsonBody(submitValidationRequestSchema) },
  responses: {
    200: answer(submitValidationResponseSchema, "Submitted"),
    ...failures(
      ...writeFailures,
      "INVALID_REQUEST",
      ...ownFailures,
      "SCOPE_DENIED",
      "EK_NOT_FOUND",
      ...relayFailures,
      "VALIDATION_CONFLICT",
      "VALIDATION_INVALID",
    ),
  },
});

export function addValidateRoutes(app: OpenAPIHono<AppEnv>, deps: Deps): void {
  app.openapi(
    tokenRoute,
    async (c) => {
      c.header("Cache-Control", "no-store");
      return c.json(
        await issueValidatorToken(deps, c.get("session"), c.req.valid("json").ek_id, proofIn(c)),
        200,
      );
    },
    refuse("INVALID_REQUEST"),
  );
  app.openapi(
    submitRoute,
    async (c) => c.json(await submitLabel(deps, c.get("session"), c.req.valid("json")), 200),
    refuse("VALIDATION_INVALID"),
  );
}
