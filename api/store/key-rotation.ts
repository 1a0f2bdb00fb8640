/**
 * The life of the exchange's signing keys. There is always one that signs and one that stands by, published long before its turn: so a
 * rotation is never news to a gateway, and when a stolen key is killed its successor is known everywhere already.
 */
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";
import type { Queryable, Store } from "./database.ts";

/** Seconds for which a key must have been published before it signs: no verifier keeps an older set. */
export const KEY_LEAD = 60;
/** Seconds for which a key stays published after its last signature: a session's life, the longest of all that is signed, and a minute. */
export const KEY_KEEP = 3_660;

export type KeyState = "signing" | "next" | "standby" | "retiring" | "retired" | "killed";

export type KeyInfo = {
  kid: string;
  state: KeyState;
  createdAt: Date;
  /** When it began to sign, or will; null while it stands by. */
  signsFrom: Date | null;
  /** When it stops being published. */
  retiredAt: Date | null;
  killedAt: Date | null;
};

/** Makes the first keys where there are none. Several processes may call it at once. */
export async function ensureSigningKey({ lock }: Pick<Store, "lock">): Promise<void> {
  await alone(lock, settle);
}

/** All keys that there ever were, the latest first. */
export async function listKeys(sql: Queryable): Promise<KeyInfo[]> {
  const rows = await sql<(Omit<KeyInfo, "state"> & { past: boolean; begun: boolean; latest: boolean })[]>`
    select kid, created_at as "createdAt", signs_from as "signsFrom", retired_at as "retiredAt", killed_at as "killedAt",
      coalesce(retired_at <= now(), false) as past, coalesce(signs_from <= now(), false) as begun,
      signs_from is not distinct from max(signs_from) filter (
        where signs_from <= now() and killed_at is null and (retired_at is null or retired_at > now())
      ) over () as latest
    from signing_keys order by created_at desc, kid`;
  return rows.map(({ past, begun, latest, ...key }) => ({
    ...key,
    state: stateOf(key, { past, begun, latest }),
  }));
}

function stateOf(
  { signsFrom, killedAt }: Pick<KeyInfo, "signsFrom" | "killedAt">,
  { past, begun, latest }: { past: boolean; begun: boolean; latest: boolean },
): KeyState {
  if (killedAt) return "killed";
  if (past) return "retired";
  if (!signsFrom) return "standby";
  if (!begun) return "next";
  return latest ? "signing" : "retiring";
}

/**
 * The key that stands by begins to sign, at once or when it has been published for {@link KEY_LEAD}; the others stay published until
 * nothing that they signed is alive. Returns both.
 */
export async function rotateKeys({ lock }: Pick<Store, "lock">): Promise<{ kid: string; signsFrom: Date }> {
  return alone(lock, async (tx) => {
    await settle(tx);
    const next = await promote(tx, KEY_LEAD);
    await tx`
      update signing_keys set retired_at = ${next.signsFrom}::timestamptz + ${KEY_KEEP} * interval '1 second'
      where signs_from < ${next.signsFrom} and retired_at is null and killed_at is null`;
    await settle(tx);
    return next;
  });
}

/**
 * Ends a key this moment: it is not published any more, and what it signed is refused by every gateway within a minute. If it was the
 * one that signs, the one that stood by takes over. Throws when there is no such key. Killing it again changes nothing.
 */
export async function killKey({ lock }: Pick<Store, "lock">, kid: string): Promise<void> {
  await alone(lock, async (tx) => {
    const rows = await tx`
      update signing_keys set killed_at = coalesce(killed_at, now()) where kid = ${kid} returning kid`;
    if (rows.length === 0) throw new Error(`There is no signing key ${kid}.`);
    await settle(tx);
  });
}

/** The kids of keys that were killed, for those who may still know them. */
export async function killedKids(sql: Queryable): Promise<string[]> {
  const rows = await sql<{ kid: string }[]>`
    select kid from signing_keys where killed_at > now() - interval '7 days' order by killed_at, kid`;
  return rows.map(({ kid }) => kid);
}

/** Sees to it that one key signs for good and another stands by. */
async function settle(tx: Queryable): Promise<void> {
  const live = tx`killed_at is null and retired_at is null`;
  const [signing] = await tx`select kid from signing_keys where ${live} and signs_from is not null limit 1`;
  if (!signing) await promote(tx, 0);
  const [standby] = await tx`select kid from signing_keys where ${live} and signs_from is null limit 1`;
  if (!standby) await makeKey(tx);
}

/** Lets the key that stands by sign, from `lead` seconds after it was made at the earliest; makes one where there is none. */
async function promote(tx: Queryable, lead: number): Promise<{ kid: string; signsFrom: Date }> {
  const [standby] = await tx<{ kid: string }[]>`
    select kid from signing_keys where signs_from is null and killed_at is null order by created_at limit 1`;
  const kid = standby?.kid ?? (await makeKey(tx));
  const [row] = await tx<{ signsFrom: Date }[]>`
    update signing_keys set signs_from = date_trunc('milliseconds', greatest(now(), created_at + ${lead} * interval '1 second'))
    where kid = ${kid} returning signs_from as "signsFrom"`;
  if (!row) throw new Error(`Signing key ${kid} is gone.`); // rows are never deleted
  return { kid, signsFrom: row.signsFrom };
}

async function makeKey(tx: Queryable): Promise<string> {
  const { privateKey } = await generateKeyPair("EdDSA", { extractable: true });
  const jwk = await exportJWK(privateKey);
  const kid = await calculateJwkThumbprint(jwk);
  await tx`insert into signing_keys (kid, private_jwk) values (${kid}, ${tx.json(jwk as Record<string, string>)})`;
  return kid;
}

/** One after the other, whatever the number of processes. */
function alone<T>(lock: Store["lock"], work: (tx: Queryable) => Promise<T>): Promise<T> {
  return lock.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(hashtextextended('signing key ' || current_schema(), 0))`;
    return work(tx);
  }) as Promise<T>;
}
