/**
 * The exchange's signing keys (Ed25519): rows, made once, shared by all copies. The newest that is not retired signs; a key stays
 * published until it is retired, so that keys can overlap.
 */
import {
  type CryptoKey,
  calculateJwkThumbprint,
  createLocalJWKSet,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  type JWTVerifyGetKey,
} from "jose";
import type { Store } from "./database.ts";

/** Milliseconds for which the set of keys is kept: no longer than verifiers keep it. */
const REFRESH_MS = 30_000;

export type SigningKey = { kid: string; privateKey: CryptoKey };

export type SigningKeys = {
  /** The key to sign with. */
  current(): Promise<SigningKey>;
  /** The public keys (RFC 7517). */
  published(): Promise<JWK[]>;
  /** Finds the public key for a token that the exchange signed. */
  verifier: JWTVerifyGetKey;
};

type KeySet = { signing: SigningKey; publicKeys: JWK[]; verifier: JWTVerifyGetKey; readAt: number };

/** Makes the first key when there is none. Several processes may call it at once. */
export async function ensureSigningKey({ lock }: Pick<Store, "lock">): Promise<void> {
  await lock.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(hashtextextended('signing key ' || current_schema(), 0))`;
    const rows = await tx`select kid from signing_keys where retired_at is null limit 1`;
    if (rows.length > 0) return;
    const { privateKey } = await generateKeyPair("EdDSA", { extractable: true });
    const jwk = await exportJWK(privateKey);
    const kid = await calculateJwkThumbprint(jwk);
    await tx`insert into signing_keys (kid, private_jwk) values (${kid}, ${tx.json(jwk as Record<string, string>)})`;
  });
}

export function createSigningKeys({ sql }: Pick<Store, "sql">): SigningKeys {
  let cached: Promise<KeySet> | undefined;

  const keySet = async (): Promise<KeySet> => {
    if (cached && performance.now() - (await cached).readAt > REFRESH_MS) cached = undefined;
    cached ??= readKeys(sql).catch((error: unknown) => {
      cached = undefined;
      throw error;
    });
    return cached;
  };

  return {
    current: async () => (await keySet()).signing,
    published: async () => (await keySet()).publicKeys,
    verifier: async (header, token) => (await keySet()).verifier(header, token),
  };
}

async function readKeys(sql: Store["sql"]): Promise<KeySet> {
  const rows = await sql<{ kid: string; private_jwk: JWK }[]>`
    select kid, private_jwk from signing_keys where retired_at is null or retired_at > now()
    order by retired_at is not null, created_at desc`;
  const [newest] = rows;
  if (!newest) throw new Error("There is no signing key.");
  const publicKeys = rows.map(({ kid, private_jwk: { d: _private, ...jwk } }) => ({
    ...jwk,
    kid,
    alg: "EdDSA",
    use: "sig",
  }));
  return {
    signing: { kid: newest.kid, privateKey: (await importJWK(newest.private_jwk, "EdDSA")) as CryptoKey },
    publicKeys,
    verifier: createLocalJWKSet({ keys: publicKeys }),
    readAt: performance.now(),
  };
}
