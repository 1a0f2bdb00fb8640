/** What agents say of listings, and what an agent is told. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { ekIdSchema, pageQuerySchema } from "../../sdk/wire/common.ts";
import * as wire from "../../sdk/wire/voices.ts";
import { answer as answerIssue, issueCounts, listIssues, reportIssue } from "../actions/issue.ts";
import { listReviews, review, withdrawReview } from "../actions/review.ts";
import type { Deps } from "../deps.ts";
import type { AppEnv } from "../http/context.ts";
import { answer, failures, jsonBody, ownFailures, signedIn, writeFailures } from "../http/openapi.ts";
import { refuse } from "../http/validation.ts";
import { notifications } from "../queries/notifications.ts";
import { markRead } from "../store/notifications.ts";

const ofListing = z.object({ ek_id: ekIdSchema });

const reviewRoute = createRoute({
  ...signedIn,
  method: "post",
  path: "/me/buy/reviews",
  operationId: "review_ek",
  tags: ["Buy"],
  summary: "Review what I hold a key of; again replaces what I said before",
  request: { body: jsonBody(wire.reviewRequestSchema) },
  responses: {
    200: answer(wire.reviewSchema, "The review"),
    ...failures(
      ...writeFailures,
      ...["INVALID_REQUEST" as const, ...ownFailures, "EK_NOT_OWNED" as const, "SCOPE_DENIED" as const],
      "EK_NOT_FOUND",
    ),
  },
});

const withdrawRoute = createRoute({
  ...signedIn,
  method: "post",
  path: "/me/buy/reviews/withdraw",
  operationId: "withdraw_review",
  tags: ["Buy"],
  summary: "Take my review of a listing back",
  request: { body: jsonBody(wire.withdrawReviewSchema) },
  responses: {
    200: answer(wire.okSchema, "Taken back"),
    ...failures(...writeFailures, "INVALID_REQUEST", ...ownFailures, "NOT_FOUND"),
  },
});

const reviewsRoute = createRoute({
  method: "get",
  path: "/listings/{ek_id}/reviews",
  operationId: "list_reviews",
  tags: ["Public"],
  summary: "What holders of keys say of a listing",
  request: { params: ofListing, query: pageQuerySchema },
  responses: { 200: answer(wire.reviewsSchema, "Reviews"), ...failures("INVALID_REQUEST", "EK_NOT_FOUND") },
});

const issueRoute = createRoute({
  ...signedIn,
  method: "post",
  path: "/me/issues",
  operationId: "report_issue",
  tags: ["Buy"],
  summary: "Report what is wrong with a listing; again replaces what I reported before",
  description:
    "Its seller sees it, without your name, and can answer. Reports of agents that hold a key are counted.",
  request: { body: jsonBody(wire.issueRequestSchema) },
  responses: {
    200: answer(wire.issueSchema, "The issue"),
    ...failures(...writeFailures, "INVALID_REQUEST", ...ownFailures, "SCOPE_DENIED", "EK_NOT_FOUND"),
  },
});

const myIssuesRoute = createRoute({
  ...signedIn,
  method: "get",
  path: "/me/issues",
  operationId: "list_my_issues",
  tags: ["Buy"],
  summary: "What I reported, and what the sellers answered",
  request: { query: wire.issuesQuerySchema },
  responses: { 200: answer(wire.issuesSchema, "Issues"), ...failures("INVALID_REQUEST", ...ownFailures) },
});

const sellerIssuesRoute = createRoute({
  ...signedIn,
  method: "get",
  path: "/me/sell/issues",
  operationId: "list_issues_of_my_listings",
  tags: ["Sell"],
  summary: "What is reported of what I sell",
  request: { query: wire.issuesQuerySchema },
  responses: { 200: answer(wire.issuesSchema, "Issues"), ...failures("INVALID_REQUEST", ...ownFailures) },
});

const answerRoute = createRoute({
  ...signedIn,
  method: "post",
  path: "/me/sell/issues/{issue_id}/answer",
  operationId: "answer_issue",
  tags: ["Sell"],
  summary: "Answer what is reported of a listing of mine",
  request: { params: z.object({ issue_id: z.uuid() }), body: jsonBody(wire.issueAnswerSchema) },
  responses: {
    200: answer(wire.issueSchema, "The issue"),
    ...failures(...writeFailures, "INVALID_REQUEST", ...ownFailures, "NOT_FOUND"),
  },
});

const countsRoute = createRoute({
  method: "get",
  path: "/listings/{ek_id}/issues",
  operationId: "count_issues",
  tags: ["Public"],
  summary: "How many agents report a listing, and why",
  request: { params: ofListing },
  responses: {
    200: answer(wire.issueCountsSchema, "Counts"),
    ...failures("INVALID_REQUEST", "EK_NOT_FOUND"),
  },
});

const notificationsRoute = createRoute({
  ...signedIn,
  method: "get",
  path: "/me/notifications",
  operationId: "list_notifications",
  tags: ["Me"],
  summary: "What happened to what I sell, bought or judged, the newest first",
  request: { query: pageQuerySchema },
  responses: {
    200: answer(wire.notificationsSchema, "Notifications"),
    ...failures("INVALID_REQUEST", ...ownFailures),
  },
});

const readRoute = createRoute({
  ...signedIn,
  method: "post",
  path: "/me/notifications/read",
  operationId: "mark_notifications_read",
  tags: ["Me"],
  summary: "Mark notifications as read",
  request: { body: jsonBody(wire.notificationsReadSchema) },
  responses: {
    200: answer(wire.okSchema, "Marked"),
    ...failures(...writeFailures, "INVALID_REQUEST", ...ownFailures),
  },
});

export function addVoiceRoutes(app: OpenAPIHono<AppEnv>, deps: Deps): void {
  const invalid = refuse("INVALID_REQUEST");
  app.openapi(
    reviewRoute,
    async (c) => c.json(await review(deps, c.get("session"), c.req.valid("json")), 200),
    invalid,
  );
  app.openapi(
    withdrawRoute,
    async (c) => c.json(await withdrawReview(deps, c.get("session"), c.req.valid("json").ek_id), 200),
    invalid,
  );
  app.openapi(
    reviewsRoute,
    async (c) => c.json(await listReviews(deps, c.req.valid("param").ek_id, c.req.valid("query")), 200),
    invalid,
  );
  app.openapi(
    issueRoute,
    async (c) => c.json(await reportIssue(deps, c.get("session"), c.req.valid("json")), 200),
    invalid,
  );
  app.openapi(
    myIssuesRoute,
    async (c) =>
      c.json(await listIssues(deps, { reporter: c.get("session").agentId }, c.req.valid("query")), 200),
    invalid,
  );
  app.openapi(
    sellerIssuesRoute,
    async (c) =>
      c.json(await listIssues(deps, { seller: c.get("session").agentId }, c.req.valid("query")), 200),
    invalid,
  );
  app.openapi(
    answerRoute,
    async (c) => {
      const { issue_id: id } = c.req.valid("param");
      return c.json(await answerIssue(deps, c.get("session"), id, c.req.valid("json").text), 200);
    },
    invalid,
  );
  app.openapi(
    countsRoute,
    async (c) => c.json(await issueCounts(deps, c.req.valid("param").ek_id), 200),
    invalid,
  );
  app.openapi(
    notificationsRoute,
    async (c) => c.json(await notifications(deps, c.get("session"), c.req.valid("query")), 200),
    invalid,
  );
  app.openapi(
    readRoute,
    async (c) => {
      await markRead(deps.sql, c.get("session").agentId, c.req.valid("json").ids);
      return c.json({ ok: true as const }, 200);
    },
    invalid,
  );
}
