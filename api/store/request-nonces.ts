/** Nonces of signed requests: each is good once for its signer, whichever process sees it. */
import type { Address } from "viem";
import type { Sql } from "./database.ts";

/** Uses the nonce up. True for one caller only. `until`: Unix seconds after which the signature is too old anyway. */
export async function consumeRequestNonce(
  sql: Sql,
  { eoa, nonce, until }: { eoa: Address; nonce: string; until: number },
): Promise<boolean> {
  const rows = await sql`
    insert into request_nonces (eoa, nonce, expires_at)
    values (${eoa.toLowerCase()}, ${nonce.toLowerCase()}, to_timestamp(${until}))
    on conflict do nothing returning nonce`;
  return rows.length === 1;
}

export async function dropOldRequestNonces(sql: Sql): Promise<void> {
  await sql`delete from request_nonces where expires_at < now() - interval '1 minute'`;
}
