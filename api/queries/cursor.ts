/** Cursors of lists that go page by page: the last row's place in the order, not its number. */
import type { z } from "zod";
import { ExchangeError } from "../../sdk/errors.ts";

export type Cursor<S extends z.ZodType> = {
  write(place: z.input<S>): string;
  /** Throws INVALID_REQUEST for what no list of ours gave out. */
  read(cursor: string | undefined): z.output<S> | undefined;
};

/** @example cursorOf(z.tuple([z.int(), z.string()])) */
export function cursorOf<S extends z.ZodType>(schema: S): Cursor<S> {
  return {
    write: (place) => Buffer.from(JSON.stringify(place)).toString("base64url"),
    read(cursor) {
      if (cursor === undefined) return undefined;
      try {
        return schema.parse(JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")));
      } catch {
        throw new ExchangeError("INVALID_REQUEST", `"${cursor.slice(0, 80)}" is no cursor of this list.`, {
          hint: "Take cursor_next of the page before, or leave the cursor out.",
        });
      }
    },
  };
}

/** A page and the cursor of the next one, from one row more than the page holds. */
export function paged<T>(rows: readonly T[], limit: number, cursorOfRow: (row: T) => string) {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, ...(rows.length > limit && last ? { cursor_next: cursorOfRow(last) } : {}) };
}
