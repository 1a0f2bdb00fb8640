/**
 * An item in parts (chunking strategy `multipart`): an index, itself an item of the manifest, names each part's place and hash. So parts
 * can be fetched side by side as ranges of the item, each is checked on its own as it comes, and a transfer that broke goes on where it was.
 */
import { sha256 } from "viem";
import { z } from "zod";
import { HashMismatchError, ManifestInvalidError } from "./errors.ts";
import { type ContentManifest, type ManifestItem, verifyItem } from "./manifest.ts";

export const PART_INDEX_TYPE = "application/vnd.moa.parts+json";

export const partIndexSchema = z
  .strictObject({
    index_version: z.literal("1.0"),
    /** Of the whole item, in bytes. */
    size_bytes: z.int().nonnegative(),
    /** In order, without gaps. sha256 in lower-case hex. */
    parts: z
      .array(
        z.strictObject({
          offset: z.int().nonnegative(),
          size: z.int().positive(),
          sha256: z.string().regex(/^[0-9a-f]{64}$/, "64 lower-case hex digits"),
        }),
      )
      .max(100_000),
  })
  .superRefine(({ size_bytes, parts }, ctx) => {
    let end = 0;
    for (const [i, { offset, size }] of parts.entries()) {
      if (offset !== end)
        ctx.addIssue({ code: "custom", path: ["parts", i, "offset"], message: `is not ${end}` });
      end = offset + size;
    }
    if (end !== size_bytes)
      ctx.addIssue({ code: "custom", path: ["size_bytes"], message: `is not the parts' ${end}` });
  });
export type PartIndex = z.infer<typeof partIndexSchema>;
export type Part = PartIndex["parts"][number];

/** The item that holds the index of `item`'s parts; undefined when it is in one part. */
export function partIndexItem(manifest: ContentManifest, item: ManifestItem): ManifestItem | undefined {
  const { chunks } = item;
  if (chunks?.enabled !== true || chunks.strategy !== "multipart") return undefined;
  return manifest.items.find(({ id }) => id === chunks.manifest_ref?.uri);
}

/** Reads an index that was fetched and hash-checked as an item. Throws MANIFEST_INVALID. */
export function parsePartIndex(item: ManifestItem, value: unknown): PartIndex {
  const result = partIndexSchema.safeParse(value);
  const faults = result.success
    ? []
    : result.error.issues.map(({ path, message }) => ({ pointer: `/${path.join("/")}`, message }));
  if (result.success && item.size_bytes !== undefined && item.size_bytes !== result.data.size_bytes)
    faults.push({ pointer: "/size_bytes", message: `is not the item's ${item.size_bytes}` });
  if (!result.success || faults.length > 0) throw new ManifestInvalidError({ faults });
  return result.data;
}

/** Throws {@link HashMismatchError} unless `bytes` are the part's. */
export function verifyPart(item: ManifestItem, part: Part, bytes: Uint8Array): void {
  const actual = sha256(bytes).slice(2);
  if (bytes.length === part.size && actual === part.sha256) return;
  throw new HashMismatchError({ item: `${item.id} at ${part.offset}`, expected: part.sha256, actual });
}

/** Reads bytes `first` to `last` of the item, both inclusive: a `Range` request to its gateway. */
export type ReadRange = (range: { first: number; last: number }) => Promise<Uint8Array>;

/**
 * Fetches an item part by part, `parallel` at a time, each checked as it comes and read again once when it is wrong or does not come. Throws
 * what the second try threw; the other parts are then left alone.
 *
 * @example
 * const bytes = await fetchParts(item, index, ({ first, last }) => get(`items/${item.id}`, { range: `bytes=${first}-${last}` }));
 */
export async function fetchParts(
  item: ManifestItem,
  index: PartIndex,
  read: ReadRange,
  { parallel = 4 }: { parallel?: number } = {},
): Promise<Uint8Array> {
  const whole = new Uint8Array(index.size_bytes);
  const waiting = [...index.parts];
  const fetchPart = async (part: Part) => {
    const bytes = await read({ first: part.offset, last: part.offset + part.size - 1 });
    verifyPart(item, part, bytes);
    whole.set(bytes, part.offset);
  };
  const work = async () => {
    for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
      const again = part;
      try {
        await fetchPart(part).catch(() => fetchPart(again));
      } catch (error) {
        waiting.length = 0;
        throw error;
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: parallel }, work));
  const failed = ends.find((end) => end.status === "rejected");
  if (failed) throw failed.reason;
  verifyItem(item, whole);
  return whole;
}
