/** The tokens that validators got to read what they have not labelled yet: one per agent and version. */
import type { Queryable } from "./database.ts";

export type ValidatorGrant = {
  ekId: bigint;
  version: number;
  agentId: bigint;
  jti: string;
  issuedAt: Date;
  expiresAt: Date;
  /** The chain's head at that time: no label for it is older. */
  blockNumber: bigint;
};

export async function findGrant(
  sql: Queryable,
  { ekId, version, agentId }: Pick<ValidatorGrant, "ekId" | "version" | "agentId">,
): Promise<ValidatorGrant | undefined> {
  const [row] = await sql<{ jti: string; issuedAt: Date; expiresAt: Date; block: string }[]>`
    select jti, issued_at as "issuedAt", expires_at as "expiresAt", block_number as block from validator_grants
    where ek_id = ${String(ekId)} and version = ${version} and agent_id = ${String(agentId)}`;
  if (!row) return undefined;
  const { block, ...grant } = row;
  return { ekId, version, agentId, ...grant, blockNumber: BigInt(block) };
}

/** Puts the grant in the place of `prior`, or of none. False when another one got there first. */
export async function saveGrant(
  sql: Queryable,
  grant: ValidatorGrant,
  prior: ValidatorGrant | undefined,
): Promise<boolean> {
  const rows = await sql`
    insert into validator_grants as g (ek_id, version, agent_id, jti, issued_at, expires_at, block_number) values (
      ${String(grant.ekId)}, ${grant.version}, ${String(grant.agentId)}, ${grant.jti}, ${grant.issuedAt},
      ${grant.expiresAt}, ${String(grant.blockNumber)}
    )
    on conflict (ek_id, version, agent_id) do update set
      jti = excluded.jti, issued_at = excluded.issued_at, expires_at = excluded.expires_at,
      block_number = excluded.block_number
    where g.jti = ${prior?.jti ?? null}
    returning jti`;
  return rows.length === 1;
}
