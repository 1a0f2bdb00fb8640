/** A short answer in JSON, recorded before it goes out. */
import { createHash } from "node:crypto";
import { type Call, conclude } from "../call.ts";
import { bytesResponse } from "../respond.ts";

export async function jsonAnswer(
  call: Call,
  value: unknown,
  inner: Parameters<typeof conclude>[2],
  headers: Record<string, string> = {},
): Promise<Response> {
  const json = JSON.stringify(value);
  const hash = createHash("sha256").update(json).digest("hex");
  await conclude(call, { status: 200, bytes: Buffer.byteLength(json), hash }, inner);
  return bytesResponse(json, {
    status: 200,
    headers: { "cache-control": "no-store", ...headers },
    requestId: call.id,
  });
}
