/** DPoP proofs that were used: rows, so that none counts twice at two copies of the API. */
import type { DpopProof } from "../../sdk/dpop.ts";
import type { Sql } from "./database.ts";

/** Uses the proof up. True for one caller only, however many try. */
export async function consumeProof(sql: Sql, { jkt, jti, until }: DpopProof): Promise<boolean> {
  const rows = await sql`
    insert into dpop_proofs (jkt, jti, expires_at) values (${jkt}, ${jti}, to_timestamp(${until}))
    on conflict do nothing returning jti`;
  return rows.length === 1;
}

/** Forgets proofs that would be refused for their age. */
export async function dropOldProofs(sql: Sql): Promise<void> {
  await sql`delete from dpop_proofs where expires_at < now() - interval '10 seconds'`;
}
