/** Nonces of sign-in-with-x messages: each lets its signer in once, whatever the number of APIs. */
import type { Address } from "viem";
import type { Sql } from "./database.ts";

/** Uses the nonce up. True for one caller only. After `expiresAt` the message must be refused for its age alone. */
export async function consumeSiwxNonce(
  sql: Sql,
  { address, nonce, expiresAt }: { address: Address; nonce: string; expiresAt: Date },
): Promise<boolean> {
  const rows = await sql`
    insert into siwx_nonces (address, nonce, expires_at)
    values (${address.toLowerCase()}, ${nonce}, ${expiresAt})
    on conflict do nothing
    returning nonce`;
  return rows.length === 1;
}

/** Forgets what can't be sent again. */
export async function dropOldSiwxNonces(sql: Sql): Promise<void> {
  await sql`delete from siwx_nonces where expires_at < now() - interval '1 hour'`;
}
