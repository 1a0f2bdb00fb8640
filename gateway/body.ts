/** A request's body, read while it stays small. */

import type { z } from "zod";
import { ExchangeError } from "../sdk/errors.ts";
import { parseJson } from "../sdk/http.ts";

/** The most bytes of a body. */
export const BODY_MAX = 1024 * 1024;

/** All bytes; throws PAYLOAD_TOO_LARGE as soon as there are too many, or are announced. */
export async function readBody({ headers, body }: Request): Promise<Uint8Array> {
  if (Number(headers.get("content-length") ?? 0) > BODY_MAX) throw tooLarge();
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body ?? []) {
    length += piece.length;
    if (length > BODY_MAX) throw tooLarge();
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** The body as JSON of a given form; throws INVALID_REQUEST for anything else. */
export function parseBody<T>(bytes: Uint8Array, schema: z.ZodType<T>): T {
  const result = schema.safeParse(parseJson(new TextDecoder().decode(bytes)));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const pointer = `/${issue?.path.join("/") ?? ""}`;
  throw new ExchangeError(
    "INVALID_REQUEST",
    `The body is not what this wants: ${pointer} ${issue?.message}.`,
    {
      hint: "Send JSON as README.md describes it.",
      details: { pointer },
    },
  );
}

function tooLarge(): ExchangeError {
  return new ExchangeError("PAYLOAD_TOO_LARGE", `A body has at most ${BODY_MAX} bytes here.`, {
    hint: "Send less.",
    details: { max_bytes: BODY_MAX },
  });
}

/** Throws PAYLOAD_TOO_LARGE for a request that carries a body where none is wanted. */
export function refuseBody(headers: Headers): void {
  if (headers.get("transfer-encoding") === null && Number(headers.get("content-length") ?? 0) === 0) return;
  throw new ExchangeError("PAYLOAD_TOO_LARGE", "A request to a gateway has no body.", {
    hint: "Send it without one.",
  });
}
