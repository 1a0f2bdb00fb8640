/** Reviews: by who holds a key, as the chain says at that moment, and nobody else. */
import { z } from "zod";
import { ExchangeError } from "../../sdk/errors.ts";
import { agentId as agentIds, ekId as ekIds, listingId } from "../../sdk/ids.ts";
import type { pageQuerySchema } from "../../sdk/wire/common.ts";
import type { Review, Reviews, reviewRequestSchema } from "../../sdk/wire/voices.ts";
import { ekNumber, readHead, unknownListing } from "../chain/listings.ts";
import type { Deps } from "../deps.ts";
import { cursorOf, paged } from "../queries/cursor.ts";
import {
  ratingOf,
  reviewsOf,
  type StoredReview,
  saveReview,
  withdrawReview as withdraw,
} from "../store/agent-reviews.ts";
import { heldKey } from "./holder.ts";
import type { Session } from "./session.ts";

/** Milliseconds, and the agent. */
const cursor = cursorOf(z.tuple([z.int().nonnegative(), z.string().regex(/^[0-9]{1,20}$/)]));

/** Throws EK_NOT_FOUND, EK_NOT_OWNED for who holds no live key, and SCOPE_DENIED for the listing's own seller. */
export async function review(
  deps: Deps,
  session: Session,
  { ek_id: ekId, rating, text }: z.output<typeof reviewRequestSchema>,
): Promise<Review> {
  const { chain } = deps;
  await deps.guard.assertTrusted();
  const number = ekNumber(chain, ekId);
  const { number: blockNumber, hash } = await chain.client.getBlock({ blockTag: "latest" });
  const [head, held] = await Promise.all([readHead(chain, number), heldKey(deps, number, session.eoa)]);
  if (!head) throw unknownListing(ekId);
  if (head.sellerId === session.agentId) {
    throw new ExchangeError("SCOPE_DENIED", `${ekId} is your own listing.`, {
      hint: "Reviews are others' judgements.",
      details: { ek_id: ekId, reason: "own_listing" },
    });
  }
  if (!held) {
    throw new ExchangeError("EK_NOT_OWNED", `You hold no live key of ${ekId}.`, {
      hint: "Only who can use it may review it: buy a key first.",
      details: { ek_id: ekId, reason: "no_live_key" },
    });
  }
  const saved = await saveReview(deps.sql, {
    ...{ ekId, sellerId: head.sellerId, agentId: session.agentId, eoa: session.eoa, rating, text },
    ...{ keyId: held.keyId, version: held.version, block: { number: blockNumber, hash } },
  });
  return toWire(deps, saved);
}

/** Throws NOT_FOUND where the agent has no review of it. */
export async function withdrawReview(deps: Deps, session: Session, ekId: string): Promise<{ ok: true }> {
  if (await withdraw(deps.sql, ekId, session.agentId)) return { ok: true };
  throw new ExchangeError("NOT_FOUND", `You have no review of ${ekId}.`, {
    hint: "GET /listings/{ek_id}/reviews lists those that there are.",
    details: { ek_id: ekId },
  });
}

/** Throws EK_NOT_FOUND. */
export async function listReviews(
  deps: Deps,
  ekId: string,
  query: z.output<typeof pageQuerySchema>,
): Promise<Reviews> {
  if (!(await readHead(deps.chain, ekNumber(deps.chain, ekId)))) throw unknownListing(ekId);
  const before = cursor.read(query.cursor);
  const [{ count, mean }, rows] = await Promise.all([
    ratingOf(deps.sql, ekId),
    reviewsOf(deps.sql, ekId, { before, limit: query.limit + 1 }),
  ]);
  const { items, ...next } = paged(rows, query.limit, (row) =>
    cursor.write([row.updatedAt.getTime(), String(row.agentId)]),
  );
  return {
    ek_id: ekId,
    count,
    ...(mean === undefined ? {} : { rating: mean }),
    items: items.map((row) => toWire(deps, row)),
    ...next,
  };
}

function toWire({ chain }: Deps, row: StoredReview): Review {
  return {
    ek_id: row.ekId,
    reviewer_id: agentIds.serialize({ chainId: chain.id, agentId: row.agentId }),
    rating: row.rating,
    text: row.text,
    revision: row.revision,
    key_id: row.keyId,
    listing_id: listingId.serialize({ ...ekIds.parse(row.ekId), version: row.version }),
    checked_at_block: { number: String(row.block.number), hash: row.block.hash },
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  };
}
