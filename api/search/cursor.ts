/** Cursors of the search. Each is of one order and one set of filters: with others it would lead to a place that means nothing. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { ExchangeError } from "../../sdk/errors.ts";
import { cursorOf } from "../queries/cursor.ts";
import type { Search } from "./resolve.ts";

const bigint = z.string().refine((text) => /^[0-9]{1,19}$/.test(text) && BigInt(text) < 2n ** 63n);
const decimal = z.string().regex(/^[0-9]{1,60}(\.[0-9]{1,40})?$/);
const int32 = z
  .int()
  .min(-(2 ** 31))
  .max(2 ** 31 - 1);

/** A place among all, or in a block of those that were scored for the words. */
const placeSchema = z.union([
  z.strictObject({ key: decimal, number: bigint }),
  z.strictObject({ below: bigint.optional(), score: int32, number: bigint }),
]);
export type SearchPlace = z.infer<typeof placeSchema>;

const cursor = cursorOf(
  z.strictObject({
    of: z.string().regex(/^[0-9a-f]{12}$/),
    /** The text that was searched for in the place of what was written. */
    q: z.string().max(400).optional(),
    at: placeSchema,
  }),
);

/** Throws INVALID_REQUEST for a cursor that is none of this search. */
export function readCursor(query: Search) {
  const read = cursor.read(query.cursor);
  if (!read) return undefined;
  const scored = query.sort === "best" && Boolean(query.q);
  const integer =
    "score" in read.at || query.sort.startsWith("price") || bigint.safeParse(read.at.key).success;
  const small =
    "score" in read.at || !(query.sort === "sold" || query.sort === "score") || Number(read.at.key) < 2 ** 31;
  if (read.of === digestOf(query) && "score" in read.at === scored && integer && small) return read;
  throw new ExchangeError("INVALID_REQUEST", `"${query.cursor?.slice(0, 80)}" is no cursor of this search.`, {
    hint: "Take cursor_next of the page before, with the same words, filters and sort; or leave the cursor out.",
  });
}

export function writeCursor(query: Search, at: SearchPlace, q: string | undefined): string {
  return cursor.write({ of: digestOf(query), ...(q === undefined ? {} : { q }), at });
}

function digestOf({ cursor: _, limit: __, facets: ___, ...search }: Search): string {
  const entries = Object.entries(search).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(entries)).digest("hex").slice(0, 12);
}
