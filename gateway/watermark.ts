/** Puts the buyer's handle into the pieces of an item that declares a place for it: see sdk/watermark.ts. */
import type { ManifestItem } from "../sdk/manifest.ts";
import { watermarkField, watermarkText, writeField } from "../sdk/watermark.ts";

/** To be called with each piece in order; the first begins at byte `first`. Undefined where nothing may be changed. */
export function markOf(
  item: ManifestItem,
  handle: string | undefined,
  first: number,
): ((piece: Uint8Array) => void) | undefined {
  const field = watermarkField(item);
  if (field === null || handle === undefined) return undefined;
  const text = watermarkText(handle, field);
  let at = first;
  return (piece) => {
    writeField(piece, at, field, text);
    at += piece.length;
  };
}
