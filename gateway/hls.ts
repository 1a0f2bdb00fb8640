/**
 * HLS (RFC 8216) as it passes through a gateway: playlist and segments are items like any other, and a playlist's URIs are relative, so
 * that `…/items/main.m3u8` leads a player to `…/items/segment-0.ts`. Nothing is rewritten on the way: the bytes have to be those of the
 * manifest's hash.
 */
import { itemIdSchema } from "../sdk/manifest.ts";

export const PLAYLIST_TYPES: readonly string[] = ["application/vnd.apple.mpegurl", "audio/mpegurl"];

/** What a playlist refers to: segments, other playlists, keys, maps. */
export function playlistUris(text: string): string[] {
  if (!/^\uFEFF?#EXTM3U\s/.test(text)) throw new Error("A playlist begins with #EXTM3U.");
  return text.split(/\r?\n/).flatMap((line) => {
    if (line.startsWith("#EXT")) return [...line.matchAll(/[:,]URI="([^"]*)"/g)].map(([, uri = ""]) => uri);
    return line.trim() === "" || line.startsWith("#") ? [] : [line.trim()];
  });
}

/** What is wrong with a playlist among these items; empty when a player can follow all of it. */
export function playlistFaults(text: string, itemIds: ReadonlySet<string>): string[] {
  return playlistUris(text).flatMap((uri) => {
    if (!itemIdSchema.safeParse(uri).success)
      return [`"${uri}" is no name of an item: write the file's name alone, without a folder or a server`];
    return itemIds.has(uri) ? [] : [`"${uri}" is not among the items: add the file`];
  });
}
