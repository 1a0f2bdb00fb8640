/** The keys that an agent can use now: those that it holds, and those that it rents. */
import { and, desc, eq, gt, or, sql } from "drizzle-orm";
import { z } from "zod";
import { agentId as agentIds, joinTokenId, keyId as keyIds, listingId } from "../../sdk/ids.ts";
import type { pageQuerySchema } from "../../sdk/wire/common.ts";
import type { MyKeysResponse } from "../../sdk/wire/dashboard.ts";
import type { Session } from "../actions/session.ts";
import type { Deps } from "../deps.ts";
import { lastUses, liveTokens } from "../store/usage-log.ts";
import { cursorOf, paged } from "./cursor.ts";
import { views } from "./index-database.ts";
import { summariesOf } from "./listing-rows.ts";
import { isoTime } from "./time.ts";

/** When it was sold, and the key. */
const cursor = cursorOf(z.tuple([z.string().regex(/^[0-9]{1,20}$/), z.string().max(120)]));

export async function keysOf(
  deps: Deps,
  { agentId }: Session,
  query: z.output<typeof pageQuerySchema>,
): Promise<MyKeysResponse> {
  const me = agentIds.serialize({ chainId: deps.chain.id, agentId });
  const page = paged(await readKeys(deps, me, query), query.limit, (row) =>
    cursor.write([String(row.startedAt), row.id]),
  );
  const ekIds = [...new Set(page.items.map(({ ekId }) => ekId))];
  const [summaries, used, tokens] = await Promise.all([
    summariesOf(deps, ekIds),
    lastUses(deps.sql, me, ekIds),
    liveTokens(deps.sql, agentId),
  ]);
  const items = page.items.map((row) => {
    const ref = keyIds.parse(row.id);
    const summary = summaries.get(row.ekId);
    const until = tokens.get(joinTokenId(ref));
    return {
      key_id: row.id,
      ek_id: row.ekId,
      listing_id: listingId.serialize({ ...ref, version: row.version }),
      ...(summary && { ek_summary: summary }),
      ...(row.expiry === 0n ? {} : { expires_at: isoTime(row.expiry) }),
      ek_token_status: { has_token: until !== undefined, ...(until && { expires_at: until.toISOString() }) },
      ...lastUse(used.get(row.ekId)),
    };
  });
  return { items, ...(page.cursor_next === undefined ? {} : { cursor_next: page.cursor_next }) };
}

const lastUse = (at: Date | undefined) => at && { last_used_at: at.toISOString() };

function readKeys(deps: Deps, me: string, query: z.output<typeof pageQuerySchema>) {
  const { key } = views;
  const now = BigInt(Math.floor(Date.now() / 1000));
  const after = cursor.read(query.cursor);
  const lent = sql`coalesce(${key.userExpires} > ${String(now)}::numeric, false)`; // another has the use of it
  return deps.index.read((db) =>
    db
      .select()
      .from(key)
      .where(
        and(
          or(and(eq(key.holderId, me), sql`not ${lent}`), and(eq(key.userId, me), lent)),
          eq(key.burnt, false),
          or(eq(key.expiry, 0n), gt(key.expiry, now)),
          after && sql`(${key.startedAt}, ${key.id}) < (${after[0]}::numeric, ${after[1]})`,
        ),
      )
      .orderBy(desc(key.startedAt), desc(key.id))
      .limit(query.limit + 1),
  );
}
