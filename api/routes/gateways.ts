/** What gateways reported, for anybody to check: roots and proofs of their receipts. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { hash32Schema } from "../../sdk/wire/common.ts";
import { receiptDaySchema, receiptProofSchema, thumbprintSchema } from "../../sdk/wire/public.ts";
import { receiptDay, receiptProof } from "../actions/receipts.ts";
import type { Deps } from "../deps.ts";
import type { AppEnv } from "../http/context.ts";
import { answer, failures } from "../http/openapi.ts";
import { refuse } from "../http/validation.ts";

const dayParams = z.object({ id: thumbprintSchema, day: z.iso.date() });

const dayRoute = createRoute({
  method: "get",
  path: "/gateways/{id}/receipts/{day}",
  operationId: "get_receipt_day",
  tags: ["Gateway"],
  summary: "Merkle root and count of a gateway's receipts of one UTC day",
  request: { params: dayParams },
  responses: { 200: answer(receiptDaySchema, "Root and count"), ...failures("INVALID_REQUEST") },
});

const proofRoute = createRoute({
  method: "get",
  path: "/gateways/{id}/receipts/{day}/{leaf}",
  operationId: "get_receipt_proof",
  tags: ["Gateway"],
  summary: "Proof that a receipt, given by the keccak256 of its JWS, is among them, or that it is not",
  request: { params: dayParams.extend({ leaf: hash32Schema }) },
  responses: { 200: answer(receiptProofSchema, "Proof"), ...failures("INVALID_REQUEST") },
});

export function addGatewayRoutes(app: OpenAPIHono<AppEnv>, deps: Deps): void {
  app.openapi(
    dayRoute,
    async (c) => {
      const { id, day } = c.req.valid("param");
      return c.json(await receiptDay(deps, { gatewayId: id, day }), 200);
    },
    refuse("INVALID_REQUEST"),
  );
  app.openapi(
    proofRoute,
    async (c) => {
      const { id, day, leaf } = c.req.valid("param");
      return c.json(await receiptProof(deps, { gatewayId: id, day, leaf: leaf as `0x${string}` }), 200);
    },
    refuse("INVALID_REQUEST"),
  );
}
