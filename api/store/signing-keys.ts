/**
 * The exchange's signing keys (Ed25519) as its processes use them: rows, shared by all copies. A key is published before it signs and
 * until nothing that it signed can be alive; how they are made, rotated and killed is in `key-rotation.ts`.
 */
import { type CryptoKey, createLocalJWKSet, importJWK, type JWK, type JWTVerifyGetKey } from "jose";
import type { Store } from "./database.ts";

/** Milliseconds for which the set of keys is kept: a part of the minute in which a killed key must be dead everywhere. */
const REFRESH_MS = 1_000;
/** Seconds for which others may keep the published set. With {@link REFRESH_MS} and a gateway's own 20 s it stays well below 60. */
export const JWKS_MAX_AGE = 15;

export type SigningKey = { kid: string; privateKey: CryptoKey };

export type SigningKeys = {
  /** The key to sign with. */
  current(): Promise<SigningKey>;
  /** The public keys (RFC 7517), the signing one first. */
  published(): Promise<JWK[]>;
  /** Finds the public key for a token that the exchange signed. */
  verifier: JWTVerifyGetKey;
};

type KeySet = { signing: SigningKey; publicKeys: JWK[]; verifier: JWTVerifyGetKey };
type Row = { kid: string; private_jwk: JWK };

export function createSigningKeys({ sql }: Pick<Store, "sql">): SigningKeys {
  let reading: { set: Promise<KeySet>; at: number } | undefined;
  let last: { kids: string; set: KeySet } | undefined;

  const read = async (): Promise<KeySet> => {
    const rows = await readRows(sql);
    const kids = rows.map(({ kid }) => kid).join();
    if (last?.kids !== kids) last = { kids, set: await keySetOf(rows) };
    return last.set;
  };

  const keySet = (): Promise<KeySet> => {
    if (reading && performance.now() - reading.at < REFRESH_MS) return reading.set;
    const now = { set: read(), at: performance.now() };
    reading = now;
    now.set.catch(() => {
      if (reading === now) reading = undefined; // the next one asks again
    });
    return now.set;
  };

  return {
    current: async () => (await keySet()).signing,
    published: async () => (await keySet()).publicKeys,
    verifier: async (header, token) => (await keySet()).verifier(header, token),
  };
}

/** The keys that count, the one that signs first: of those whose time to sign has come the latest. */
function readRows(sql: Store["sql"]): Promise<Row[]> {
  return sql<Row[]>`
    select kid, private_jwk from signing_keys
    where killed_at is null and (retired_at is null or retired_at > now())
    order by coalesce(signs_from <= now(), false) desc, signs_from desc nulls last, created_at`;
}

async function keySetOf(rows: readonly Row[]): Promise<KeySet> {
  const [first] = rows;
  if (!first) throw new Error("There is no signing key.");
  const publicKeys = rows.map(({ kid, private_jwk: { d: _private, ...jwk } }) => ({
    ...jwk,
    kid,
    alg: "EdDSA",
    use: "sig",
  }));
  return {
    signing: { kid: first.kid, privateKey: (await importJWK(first.private_jwk, "EdDSA")) as CryptoKey },
    publicKeys,
    verifier: createLocalJWKSet({ keys: publicKeys }),
  };
}
