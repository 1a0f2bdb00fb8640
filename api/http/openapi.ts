/** The published description of the API (OpenAPI 3.1), made from the routes' own schemas. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { type ErrorCode, errorCodes } from "../../sdk/errors.ts";
import { contentManifestSchema } from "../../sdk/manifest.ts";
import * as account from "../../sdk/wire/account.ts";
import * as agent from "../../sdk/wire/agent.ts";
import * as analytics from "../../sdk/wire/analytics.ts";
import { cardPaymentSchema } from "../../sdk/wire/card.ts";
import { apiErrorSchema } from "../../sdk/wire/common.ts";
import * as dashboard from "../../sdk/wire/dashboard.ts";
import * as listing from "../../sdk/wire/listing.ts";
import * as market from "../../sdk/wire/market.ts";
import * as orders from "../../sdk/wire/orders.ts";
import * as points from "../../sdk/wire/points.ts";
import * as open from "../../sdk/wire/public.ts";
import * as purchase from "../../sdk/wire/purchase.ts";
import * as reputation from "../../sdk/wire/reputation.ts";
import * as validation from "../../sdk/wire/validation.ts";
import * as voices from "../../sdk/wire/voices.ts";
import type { AppEnv } from "./context.ts";

const [activityExpTrade, activityExpListed, activityValidation] = open.activityItemSchema.options;

/** The schemas that have a name of their own in the description. */
const components: Record<string, z.ZodType> = {
  ApiError: apiErrorSchema,
  AgentProfile: agent.agentProfileSchema,
  ContentManifest: contentManifestSchema,
  EKSummary: listing.ekSummarySchema,
  CreateListingRequest: listing.createListingRequestSchema,
  Quote: listing.quoteResponseSchema,
  QuoteState: purchase.quoteStateSchema,
  PurchaseRequest: purchase.purchaseRequestSchema,
  PayoutsResponse: orders.payoutsResponseSchema,
  TransactionRequest: orders.transactionRequestSchema,
  PurchaseResponse: purchase.purchaseResponseSchema,
  CardPayment: cardPaymentSchema,
  ValidationRecord: validation.validationRecordSchema,
  SubmitValidationRequest: validation.submitValidationRequestSchema,
  PublicStats: open.publicStatsSchema,
  PublicActivityResponse: open.activityResponseSchema,
  ActivityEkTrade: activityExpTrade,
  ActivityExpListed: activityExpListed,
  ActivityValidation: activityValidation,
  PointsPolicy: open.pointsPolicySchema,
  PointsLedgerEntry: points.pointsLedgerEntrySchema,
  PointsLedgerResponse: points.pointsLedgerResponseSchema,
  Health: open.healthSchema,
  UsageEvent: open.usageEventSchema,
  ListingVersions: market.listingVersionsSchema,
  ListingStatus: market.listingStatusSchema,
  Citations: market.citationsSchema,
  Trade: market.tradeSchema,
  TradesResponse: market.tradesSchema,
  TradeProof: market.tradeProofSchema,
  Key: market.keySchema,
  Dispute: market.disputeSchema,
  DisputesResponse: market.disputesSchema,
  DisputeDetail: market.disputeDetailSchema,
  Review: voices.reviewSchema,
  ReviewsResponse: voices.reviewsSchema,
  Issue: voices.issueSchema,
  IssuesResponse: voices.issuesSchema,
  IssueCounts: voices.issueCountsSchema,
  NotificationsResponse: voices.notificationsSchema,
  MeOverview: dashboard.meOverviewSchema,
  SellerListingDetail: dashboard.sellerListingDetailSchema,
  StoreStatus: dashboard.storeStatusSchema,
  MyKeysResponse: dashboard.myKeysResponseSchema,
  ValidationHistoryResponse: dashboard.validationHistorySchema,
  WaitlistRequest: dashboard.waitlistRequestSchema,
  AgentReputation: reputation.agentReputationSchema,
  RoleReputation: reputation.roleReputationSchema,
  Analytics: analytics.analyticsSchema,
  MyAnalytics: analytics.myAnalyticsSchema,
  PriceHistory: analytics.priceHistorySchema,
  SessionsResponse: account.sessionsSchema,
  AuditLogResponse: account.auditLogSchema,
};

const names = new Set(Object.keys(components));
for (const [id, schema] of Object.entries(components)) z.globalRegistry.add(schema, { id });

const requestIdHeader = { "X-Request-Id": { schema: { type: "string" as const } } };

/** A successful answer. */
export function answer<T extends z.ZodType>(schema: T, description: string) {
  return { description, headers: requestIdHeader, content: { "application/json": { schema } } };
}

/** The body that a route wants. */
export function jsonBody<T extends z.ZodType>(schema: T) {
  return { required: true as const, content: { "application/json": { schema } } };
}

/** Routes that act for the session's agent. */
export const signedIn = {
  security: [{ bearerAuth: [] as string[] }, { signedRequest: [] as string[] }] as Record<string, string[]>[],
};

/** An error by its code, with its HTTP status where that is not the usual one. */
export type Failure = ErrorCode | readonly [ErrorCode, number];

/** What any route with a body may answer with. */
export const bodyFailures: readonly Failure[] = ["PAYLOAD_TOO_LARGE", ["INVALID_REQUEST", 415]];

/** What any write with an Idempotency-Key may answer with: the key is in use, or was used for another request. */
export const keyFailures: readonly Failure[] = [
  ["INVALID_REQUEST", 409],
  ["INVALID_REQUEST", 422],
];

/** What any write with a body may answer with. */
export const writeFailures: readonly Failure[] = [...bodyFailures, ...keyFailures];

/** What any route of an agent's own may answer with. NONCE_EXPIRED: a signed request that is too old, or was sent before. */
export const ownFailures: readonly Failure[] = ["INVALID_SIGNATURE", "SESSION_EXPIRED", "NONCE_EXPIRED"];

/** What a contract may refuse that a route writes to for its caller; see `refusals`. */
export const relayFailures: readonly Failure[] = [
  ["INVALID_REQUEST", 409],
  ["INVALID_EOA", 409],
];

/** What any route may answer with. */
const everywhere: Failure[] = [
  "RATE_LIMITED",
  "INTERNAL_ERROR",
  "SERVICE_UNAVAILABLE",
  ["INVALID_REQUEST", 406],
];

/**
 * The failures that a route documents, by HTTP status. Handlers throw them, so the type that checks the handlers' answers does not
 * know of them.
 */
export function failures(...codes: Failure[]): Record<never, never> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const failure of [...codes, ...everywhere]) {
    const [code, status] = typeof failure === "string" ? [failure, errorCodes[failure]] : failure;
    const known = byStatus.get(status) ?? [];
    if (!known.includes(code)) byStatus.set(status, [...known, code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, of]) => [
      status,
      {
        ...answer(apiErrorSchema, of.join(", ")),
        "x-error-codes": of,
        headers:
          status === 429 || status === 503
            ? { ...requestIdHeader, "Retry-After": { schema: { type: "integer" } } }
            : requestIdHeader,
      },
    ]),
  );
}

export type OpenApiDocument = ReturnType<OpenAPIHono["getOpenAPI31Document"]>;

export function openApiDocument(app: OpenAPIHono<AppEnv>, publicUrl: string): OpenApiDocument {
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "EK Exchange API",
      version: "1.0.0",
      description: "Experience Keys: list, find, buy, use and label what agents have learnt.",
      license: { name: "MIT", url: "https://opensource.org/license/mit" },
    },
    servers: [{ url: publicUrl }],
  });
  const schemas: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(document.components?.schemas ?? {})) {
    schemas[name] = nameSchemas(schema, schemas); // the generator has named some itself
  }
  const paths = nameSchemas(document.paths, schemas);
  return {
    ...document,
    paths: paths as NonNullable<OpenApiDocument["paths"]>,
    components: {
      ...document.components,
      schemas: schemas as NonNullable<NonNullable<OpenApiDocument["components"]>["schemas"]>,
      securitySchemes: {
        bearerAuth: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
        signedRequest: {
          type: "apiKey",
          in: "header",
          name: "X-Signature",
          description:
            "v1;eoa=0x…;at=<Unix seconds>;nonce=<16 bytes, hex>;sig=0x…: EIP-712 Request(address agent, string method, string url, bytes32 bodyHash, " +
            'uint64 at, bytes16 nonce) of the domain {name: "EK Exchange request", version: "1", chainId}, by the agent\'s EOA. Good once, for 300 seconds.',
        },
      },
    },
  };
}

/** Moves every schema that has one of our names to `schemas`, and leaves a reference in its place. */
function nameSchemas(node: unknown, schemas: Record<string, unknown>): unknown {
  if (Array.isArray(node)) return node.map((item) => nameSchemas(item, schemas));
  if (typeof node !== "object" || node === null) return node;
  const mapped = Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, nameSchemas(value, schemas)]),
  );
  const { id, ...schema } = mapped;
  if (typeof id !== "string" || !names.has(id)) return mapped;
  schemas[id] = schema;
  return { $ref: `#/components/schemas/${id}` };
}
