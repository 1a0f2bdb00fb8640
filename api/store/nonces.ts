/** Sign-in nonces: rows, so that any copy of the API can take what another one gave. */
import type { Address } from "viem";
import type { Sql } from "./database.ts";

export type Nonce = {
  /** As it is handed out. */
  nonce: string;
  eoa: Address;
  /** The EIP-4361 message to sign. */
  message: string;
  expiresAt: Date;
};

export async function saveNonce(sql: Sql, { nonce, eoa, message, expiresAt }: Nonce): Promise<void> {
  await sql`
    insert into nonces (nonce, eoa, message, expires_at)
    values (${nonce}, ${eoa.toLowerCase()}, ${message}, ${expiresAt})`;
}

/** The nonce, unless it is unknown, used or expired. */
export async function findNonce(sql: Sql, nonce: string): Promise<Nonce | undefined> {
  const [row] = await sql<{ nonce: string; eoa: Address; message: string; expiresAt: Date }[]>`
    select nonce, eoa, message, expires_at as "expiresAt"
    from nonces
    where nonce = ${nonce} and used_at is null and expires_at > now()`;
  return row;
}

/** Uses the nonce up. True for one caller only, however many try. */
export async function consumeNonce(sql: Sql, nonce: string): Promise<boolean> {
  const rows = await sql`
    update nonces set used_at = now()
    where nonce = ${nonce} and used_at is null and expires_at > now()
    returning nonce`;
  return rows.length === 1;
}

/** Forgets nonces that can't be used any more. */
export async function dropOldNonces(sql: Sql): Promise<void> {
  await sql`delete from nonces where expires_at < now() - interval '1 hour'`;
}
