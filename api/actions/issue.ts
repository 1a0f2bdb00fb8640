/** Reports of what is wrong with a listing: to its seller, who can answer, and to the exchange, which counts those of key holders. */
import { z } from "zod";
import { ExchangeError } from "../../sdk/errors.ts";
import { ekId as ekIds, listingId } from "../../sdk/ids.ts";
import type {
  Issue,
  IssueCounts,
  Issues,
  issueRequestSchema,
  issuesQuerySchema,
} from "../../sdk/wire/voices.ts";
import { ekNumber, readHead, unknownListing } from "../chain/listings.ts";
import type { Deps } from "../deps.ts";
import { cursorOf, paged } from "../queries/cursor.ts";
import { answerIssue, countIssues, issuesOf, type StoredIssue, saveIssue } from "../store/issues.ts";
import { heldKey } from "./holder.ts";
import type { Session } from "./session.ts";

/** Milliseconds, and the issue. */
const cursor = cursorOf(z.tuple([z.int().nonnegative(), z.uuid()]));

/** Throws EK_NOT_FOUND, and SCOPE_DENIED for its own seller and for who is no agent. */
export async function reportIssue(
  deps: Deps,
  { agentId, eoa }: Session,
  { ek_id: ekId, reason, text }: z.output<typeof issueRequestSchema>,
): Promise<Issue> {
  const number = ekNumber(deps.chain, ekId);
  const [head, held] = await Promise.all([readHead(deps.chain, number), heldKey(deps, number, eoa)]);
  if (!head) throw unknownListing(ekId);
  const denied = (why: string, message: string, hint: string) =>
    new ExchangeError("SCOPE_DENIED", message, { hint, details: { ek_id: ekId, reason: why } });
  if (agentId === 0n)
    throw denied(
      "not_an_agent",
      `${eoa} is no agent yet.`,
      "Join first: POST /me/register or POST /me/grants.",
    );
  if (head.sellerId === agentId)
    throw denied("own_listing", `${ekId} is your own listing.`, "Pause it, or publish a better version.");
  const saved = await saveIssue(deps.sql, {
    ...{ ekId, sellerId: head.sellerId, agentId, eoa, reason, text },
    ...{ keyId: held?.keyId, version: held?.version ?? head.version },
  });
  return toWire(saved);
}

export async function listIssues(
  deps: Deps,
  whose: { seller: bigint } | { reporter: bigint },
  query: z.output<typeof issuesQuerySchema>,
): Promise<Issues> {
  const before = cursor.read(query.cursor);
  const answered = query.answered === undefined ? undefined : query.answered === "true";
  const filters = { ekId: query.ek_id, answered, before, limit: query.limit + 1 };
  const { items, ...next } = paged(await issuesOf(deps.sql, whose, filters), query.limit, (row) =>
    cursor.write([row.createdAt.getTime(), row.id]),
  );
  return { items: items.map(toWire), ...next };
}

/** Throws NOT_FOUND alike for what there is not and for what is about another's listing. */
export async function answer(deps: Deps, { agentId }: Session, id: string, text: string): Promise<Issue> {
  const answered = await answerIssue(deps.sql, { id, sellerId: agentId, text });
  if (answered) return toWire(answered);
  throw new ExchangeError("NOT_FOUND", `There is no issue ${id} of a listing of yours.`, {
    hint: "GET /me/sell/issues lists them.",
    details: { issue_id: id },
  });
}

/** Throws EK_NOT_FOUND. */
export async function issueCounts(deps: Deps, ekId: string): Promise<IssueCounts> {
  if (!(await readHead(deps.chain, ekNumber(deps.chain, ekId)))) throw unknownListing(ekId);
  return { ek_id: ekId, ...(await countIssues(deps.sql, ekId)) };
}

function toWire(row: StoredIssue): Issue {
  return {
    issue_id: row.id,
    ek_id: row.ekId,
    listing_id: listingId.serialize({ ...ekIds.parse(row.ekId), version: row.version }),
    reason: row.reason,
    text: row.text,
    by_holder: row.keyId !== undefined,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
    ...(row.answer && { answer: { text: row.answer.text, answered_at: row.answer.at.toISOString() } }),
  };
}
