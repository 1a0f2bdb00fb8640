/** Whether stored bytes are the sold ones: sha256 against the manifest, remembered as long as the store names the same version. */
import { createHash } from "node:crypto";
import { ExchangeError, HashMismatchError } from "../sdk/errors.ts";
import { createLru } from "../sdk/lru.ts";
import type { ManifestItem } from "../sdk/manifest.ts";
import { free, type StoredItem, storeDown } from "./store.ts";

/** Items whose check is remembered. */
const KEPT = 10_000;

export type Integrity = {
  /** True when these bytes were found right before, false when they have to be hashed. Throws HASH_MISMATCH when they were found wrong. */
  known(key: string, item: ManifestItem, stored: StoredItem): boolean;
  /** Judges a digest of all bytes, and remembers it. Throws HASH_MISMATCH. */
  judge(key: string, item: ManifestItem, stored: StoredItem, actual: string): void;
  /** Reads and judges the bytes unless they are known. Requests for the same bytes share one reading. */
  check(key: string, item: ManifestItem, stored: StoredItem): Promise<void>;
};

/** `key` names an item of a manifest, in all methods. */
export function createIntegrity(): Integrity {
  const verdicts = createLru<{ version: string; actual: string }>({ limit: KEPT, weigh: () => 1 });
  const reading = new Map<string, Promise<string>>();

  const known: Integrity["known"] = (key, item, stored) => {
    refuseSize(item, stored);
    const verdict = verdicts.get(key);
    if (verdict === undefined || verdict.version !== stored.version) return false;
    refuse(item, verdict.actual);
    return true;
  };
  const judge: Integrity["judge"] = (key, item, stored, actual) => {
    if (stored.version !== null) verdicts.set(key, { version: stored.version, actual });
    refuse(item, actual);
  };
  return {
    known,
    judge,
    async check(key, item, stored) {
      if (known(key, item, stored)) return;
      const name = `${key} ${stored.version}`;
      let digest = stored.version === null ? undefined : reading.get(name);
      if (digest === undefined) {
        digest = digestOf(stored);
        if (stored.version !== null) {
          reading.set(name, digest);
          const forget = () => reading.delete(name);
          digest.then(forget, forget);
        }
      }
      judge(key, item, stored, await digest);
    },
  };
}

/** Throws unless the gateway can check the item's kind of hash. */
export function refuseUncheckable(item: ManifestItem): void {
  if (item.hash.alg === "sha256") return;
  throw new ExchangeError(
    "MANIFEST_INVALID",
    `"${item.id}" is hashed with ${item.hash.alg}; this gateway serves only what it can check, sha256.`,
    { status: 501, hint: "The seller has to list it with sha256.", details: { alg: item.hash.alg } },
  );
}

function refuse(item: ManifestItem, actual: string): void {
  if (actual !== item.hash.value)
    throw new HashMismatchError({ item: item.id, expected: item.hash.value, actual });
}

/** A wrong length needs no hashing to be wrong. */
function refuseSize(item: ManifestItem, { size }: StoredItem): void {
  if (item.size_bytes === undefined || item.size_bytes === size) return;
  throw new ExchangeError(
    "HASH_MISMATCH",
    `"${item.id}" has ${size} bytes, the manifest says ${item.size_bytes}.`,
    {
      hint: "Report the listing: its content can't be served as it was sold.",
      details: { item: item.id, expected_bytes: item.size_bytes, actual_bytes: size },
    },
  );
}

async function digestOf(stored: StoredItem): Promise<string> {
  const hash = createHash("sha256");
  try {
    for await (const piece of stored.stream()) {
      hash.update(piece);
      free(piece);
    }
  } catch (cause) {
    throw storeDown(cause);
  }
  return hash.digest("hex");
}
