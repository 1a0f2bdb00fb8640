/**
 * The indexer's own database user. Its SQL endpoint is open to anybody, so what it may not do it must not be able to do: the role owns the
 * indexer's schemas and sees nothing of the API's.
 */
import { randomBytes } from "node:crypto";
import { connect } from "./postgres.ts";

const ROLE = "moa_indexer";

/** Makes sure of the role, gives it a new password, and returns the URL by which the indexer connects. `url` must be a superuser's. */
export async function indexerUrlOf(url: string): Promise<string> {
  const password = randomBytes(24).toString("hex");
  const sql = connect(url);
  try {
    const [known] = await sql`select 1 from pg_roles where rolname = ${ROLE}`;
    // Role names and passwords take no parameters; both are ours, of letters and digits alone.
    await sql.unsafe(
      `${known ? "alter" : "create"} role ${ROLE} login nosuperuser nocreatedb nocreaterole password '${password}'`,
    );
    const [{ name }] = await sql<[{ name: string }]>`select quote_ident(current_database()) as name`;
    await sql.unsafe(`grant create on database ${name} to ${ROLE}`);
    // What Ponder has cached of the chain is of use to its owner alone, and can be fetched again.
    const [cache] = await sql`
      select 1 from pg_namespace where nspname = 'ponder_sync' and pg_get_userbyid(nspowner) <> ${ROLE}`;
    if (cache) await sql`drop schema ponder_sync cascade`;
  } finally {
    await sql.end();
  }
  const own = new URL(url);
  own.username = ROLE;
  own.password = password;
  return own.href;
}
