/**
 * Where a buyer's handle goes into what is delivered. What was sold is what the manifest's hash is of, so an item is only ever changed where
 * its manifest entry says so: `annotations.watermark` names a field of ASCII zeros, and the buyer's copy has its handle there instead.
 * Whoever puts the zeros back has the very bytes that were sold.
 */
import { z } from "zod";
import type { ManifestItem } from "./manifest.ts";

/** `offset` and `length` in bytes. The field is in the item with that many `0` (0x30). */
const fieldSchema = z.object({ offset: z.int().nonnegative(), length: z.int().min(8).max(256) });
export type WatermarkField = z.infer<typeof fieldSchema>;

const ZERO = 0x30;

/** The field that an item declares; null where it declares none, and so must never be changed. */
export function watermarkField({ annotations }: ManifestItem): WatermarkField | null {
  return fieldSchema.safeParse(annotations?.watermark).data ?? null;
}

/** The handle as it stands in the field: cut or filled up with zeros to its length. */
export function watermarkText(handle: string, { length }: WatermarkField): Uint8Array {
  return new TextEncoder().encode(handle.slice(0, length).padEnd(length, "0")).subarray(0, length);
}

/** Writes the part of the field that falls into `piece`, which begins at byte `at` of the item. */
export function writeField(
  piece: Uint8Array,
  at: number,
  { offset, length }: WatermarkField,
  text: Uint8Array,
): void {
  const first = Math.max(offset, at);
  const end = Math.min(offset + length, at + piece.length);
  if (first < end) piece.set(text.subarray(first - offset, end - offset), first - at);
}

/** A copy as it was sold: with zeros in the field. Changes `bytes`, and returns what stood there. */
export function takeOutWatermark(bytes: Uint8Array, field: WatermarkField): string {
  const { offset, length } = field;
  const found = new TextDecoder().decode(bytes.subarray(offset, offset + length));
  bytes.fill(ZERO, Math.min(offset, bytes.length), Math.min(offset + length, bytes.length));
  return found;
}
