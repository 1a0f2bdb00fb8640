/**
 * Makes the text of each SQL query unforeseeable before Ponder judges it.
 *
 * Ponder 0.17 remembers which queries it found harmless by the first 40 bits of their SHA-256. Two queries that agree in 40 bits, one
 * harmless and one not, are found in seconds; sent one after the other the second runs unjudged, with all the database user's rights.
 * With a secret in the text nobody can look for such a pair. The rights of that user are the other line of defence.
 */
import { randomBytes } from "node:crypto";
import { z } from "zod";

const SALT = `/*${randomBytes(16).toString("hex")}*/`;

/** What `@ponder/client` sends: a drizzle query in superjson. Its `meta` tells dates and bigints from text, which Postgres does itself. */
const querySchema = z.object({
  json: z.object({
    sql: z.string(),
    params: z.array(z.unknown()).default([]),
    typings: z.array(z.unknown()).default([]),
  }),
});

/** The request with its query salted; undefined when it carries none. */
export function saltSql(request: Request): Request | undefined {
  const url = new URL(request.url);
  const query = parseQuery(url.searchParams.get("sql") ?? "");
  if (!query) return undefined;
  // Built anew, not mended: `meta` could put another text in the place of the one that was salted.
  const salted = { json: { ...query.json, sql: `${SALT}${query.json.sql}` } };
  url.searchParams.set("sql", JSON.stringify(salted));
  return new Request(url, { headers: request.headers });
}

function parseQuery(text: string): z.infer<typeof querySchema> | undefined {
  try {
    return querySchema.parse(JSON.parse(text));
  } catch {
    return undefined; // the caller answers 400
  }
}
