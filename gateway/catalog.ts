/** The manifests of a store, each checked once against the hash that the chain commits to. */
import type { Hash } from "viem";
import { canonicalJson } from "../sdk/canonical.ts";
import { ExchangeError, HashMismatchError, ManifestInvalidError } from "../sdk/errors.ts";
import { keccak256, utf8 } from "../sdk/hash.ts";
import { createLru } from "../sdk/lru.ts";
import { type ManifestItem, parseManifest } from "../sdk/manifest.ts";
import { type Store, storeDown } from "./store.ts";

/** Texts of manifests kept in memory, in UTF-16 units; parsed they take a few times as much. */
const KEPT = 16 * 1024 * 1024;

export type Manifest = {
  hash: Hash;
  expId: string;
  /** Canonical: its keccak256 is `hash`, so that a buyer can check what it got without parsing it. */
  json: string;
  items: ReadonlyMap<string, ManifestItem>;
  entrypoint: string | undefined;
};

export type Catalog = {
  /** Throws EK_NOT_FOUND, HASH_MISMATCH, MANIFEST_INVALID or STORE_DOWN. */
  manifest(hash: string): Promise<Manifest>;
};

export function createCatalog(store: Store): Catalog {
  const kept = createLru<Manifest>({ limit: KEPT, weigh: ({ json }) => json.length });
  return {
    async manifest(hash) {
      const known = kept.get(hash);
      if (known) return known;
      // The hash becomes a path in some stores.
      if (!isHash(hash)) throw notKept(hash);
      const text = await store.manifest(hash).catch((cause) => {
        throw storeDown(cause);
      });
      if (text === null) throw notKept(hash);
      const manifest = read(hash, text);
      kept.set(hash, manifest);
      return manifest;
    },
  };
}

function read(hash: Hash, text: string): Manifest {
  let value: unknown;
  let json: string;
  try {
    value = JSON.parse(text);
    json = canonicalJson(value);
  } catch (cause) {
    // Not JSON, or nested deeper than the stack.
    throw broken("is not JSON that can be hashed", cause);
  }
  const actual = keccak256(utf8(json));
  if (actual !== hash) throw new HashMismatchError({ item: "manifest.json", expected: hash, actual });
  try {
    const { exp_id, items, default_entrypoint: entrypoint } = parseManifest(value);
    return { hash, expId: exp_id, json, items: new Map(items.map((item) => [item.id, item])), entrypoint };
  } catch (cause) {
    if (cause instanceof ManifestInvalidError) throw broken("is not a ContentManifest 1.0", cause);
    throw cause;
  }
}

function isHash(value: string): value is Hash {
  return /^0x[0-9a-f]{64}$/.test(value);
}

function notKept(hash: string): ExchangeError {
  return new ExchangeError("EK_NOT_FOUND", `This gateway keeps no manifest ${hash.slice(0, 80)}.`, {
    hint: "The seller has not published this version here, or has withdrawn it: report the listing.",
    details: { manifest_hash: hash.slice(0, 80) },
  });
}

/** The seller's fault, not the caller's: hence not the code's usual 400. */
function broken(what: string, cause: unknown): ExchangeError {
  return new ExchangeError("MANIFEST_INVALID", `The seller's manifest ${what}.`, {
    status: 502,
    hint: "Report the listing: its content can't be served as it was sold.",
    details: cause instanceof ManifestInvalidError ? cause.details : {},
    cause,
  });
}
