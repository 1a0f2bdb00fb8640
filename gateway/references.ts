/**
 * Items that the store does not hold itself: the manifest says where they are, and the gateway is to fetch them (`resolve: gateway`). Only
 * the schemes that the seller has configured are followed; without any, nothing that a manifest names is ever fetched.
 */
import type { ManifestItem } from "../sdk/manifest.ts";
import type { Store, StoredItem } from "./store.ts";

export type Reference = ManifestItem["ref"];
/** Finds what a reference names. Null when there is no such thing; rejects for what it may not follow. */
export type Resolver = (ref: Reference) => Promise<StoredItem | null>;
export type Resolvers = Partial<Record<Reference["scheme"], Resolver>>;

/** Looks into the store first, so that a copy there always wins. */
export function withReferences(store: Store, resolvers: Resolvers): Store {
  return {
    ...store,
    async open(hash, itemId, item) {
      const stored = await store.open(hash, itemId, item);
      if (stored !== null || item?.ref.resolve !== "gateway") return stored;
      return (await resolvers[item.ref.scheme]?.(item.ref)) ?? null;
    },
  };
}
