/** Tells holders of keys that are about to end. By the index, and so a hint only: what a key opens is asked from the chain. */
import { and, asc, eq, gt, lte } from "drizzle-orm";
import type { Deps } from "../deps.ts";
import { views } from "../queries/index-database.ts";
import { isoTime } from "../queries/time.ts";
import { tellAgent } from "../store/events.ts";

/** Seconds before its end in which a key's holder is told. */
const AHEAD = 86_400n;
/** Keys that are looked at in one go, the first to end first. */
const MOST = 1_000;

/** Each end is told once, by however many processes. */
export async function remindOfKeys(deps: Deps): Promise<void> {
  const { key } = views;
  const now = BigInt(Math.floor(Date.now() / 1000));
  const ending = await deps.index.read((db) =>
    db
      .select()
      .from(key)
      .where(
        and(
          eq(key.chainId, deps.chain.id),
          eq(key.burnt, false),
          gt(key.expiry, now),
          lte(key.expiry, now + AHEAD),
        ),
      )
      .orderBy(asc(key.expiry))
      .limit(MOST),
  );
  for (const { id, ekId, holderId, expiry } of ending) {
    await tellAgent(deps.sql, {
      ...{ audience: holderId, kind: "key_expiring", origin: `key_expiring:${id}:${expiry}` },
      payload: {
        ...{ kind: "key_expiring", timestamp: isoTime(now), ek_id: ekId, key_id: id, due: isoTime(expiry) },
      },
    });
  }
}
