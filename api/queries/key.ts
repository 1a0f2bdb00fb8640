/** One key, whoever holds it. */
import { eq } from "drizzle-orm";
import { ExchangeError } from "../../sdk/errors.ts";
import { keyId as keyIds, listingId } from "../../sdk/ids.ts";
import { flags, fromBits, scopes } from "../../sdk/records.ts";
import type { Key } from "../../sdk/wire/market.ts";
import type { Deps } from "../deps.ts";
import { views } from "./index-database.ts";
import { isoTime } from "./time.ts";

/** Throws NOT_FOUND. */
export async function getKey(deps: Deps, keyId: string): Promise<Key> {
  const { key } = views;
  const [row] = await deps.index.read((db) => db.select().from(key).where(eq(key.id, keyId)));
  if (!row) {
    throw new ExchangeError("NOT_FOUND", `There is no key ${keyId}.`, {
      hint: "Key ids stand in purchases, in GET /me/buy/keys and in GET /trades.",
      details: { key_id: keyId },
    });
  }
  const now = BigInt(Math.floor(Date.now() / 1000));
  const rented = row.userId !== null && row.userExpires !== null && row.userExpires > now;
  return {
    key_id: row.id,
    ek_id: row.ekId,
    listing_id: listingId.serialize({ ...keyIds.parse(row.id), version: row.version }),
    holder_id: row.holderId,
    ...(rented ? { user_id: row.userId as string, user_until: isoTime(row.userExpires as bigint) } : {}),
    state: row.burnt ? "burnt" : row.expiry !== 0n && row.expiry <= now ? "expired" : "live",
    started_at: isoTime(row.startedAt),
    ...(row.expiry === 0n ? {} : { expires_at: isoTime(row.expiry) }),
    scopes: fromBits(scopes, row.scopes) as Key["scopes"],
    flags: fromBits(flags, row.flags) as Key["flags"],
  };
}
