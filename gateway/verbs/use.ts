/** The verbs by which a buyer reads: FetchMetadata, FetchExp, the URL for a plain client, and the report of a citation. */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { ExchangeError } from "../../sdk/errors.ts";
import { actionOf, refusePurpose } from "../access.ts";
import { parseBody } from "../body.ts";
import { admit, type Call, conclude } from "../call.ts";
import { isNotModified } from "../conditions.ts";
import type { Inner } from "../core.ts";
import { serveItem } from "../item.ts";
import { endOf, presignRequestSchema } from "../presign.ts";
import { bytesResponse, contentResponse, PRIVATE } from "../respond.ts";
import type { ItemRoute } from "../route.ts";
import { jsonAnswer } from "./answer.ts";
import { enter, enterSigned } from "./enter.ts";

type Body = () => Promise<Uint8Array>;

/** FetchMetadata: the manifest as canonical JSON, so that keccak256 of the body is the hash on chain. Costs no use. */
export async function fetchMetadata(
  call: Call,
  request: Request,
  ek: string,
  inner: Inner,
): Promise<Response> {
  await enter(call, request, { ek, action: "fetch" }, inner);
  const { manifest } = call;
  if (!manifest) throw new Error("Entered without a manifest.");
  const headers = { etag: `"${manifest.hash}"`, ...PRIVATE };
  const fresh = isNotModified(request.headers, headers.etag);
  const response = fresh
    ? contentResponse(null, { status: 304, headers, requestId: call.id })
    : bytesResponse(manifest.json, { status: 200, headers, requestId: call.id });
  const bytes = fresh || request.method === "HEAD" ? 0 : Number(response.headers.get("content-length"));
  await conclude(call, { status: response.status, bytes }, inner);
  return response;
}

/** FetchExp: one item, or a part of it. */
export async function fetchItem(
  call: Call,
  request: Request,
  route: ItemRoute,
  inner: Inner,
): Promise<Response> {
  const action = actionOf(route);
  const grant =
    route.signed === null
      ? void (await enter(call, request, { ek: route.ek, action }, inner))
      : await enterSigned(call, route.signed, { ek: route.ek, item: route.item, action }, inner);
  refusePurpose(route);
  call.itemId = route.item;
  const { manifest, claims } = call;
  if (!manifest || !claims) throw new Error("Entered without a manifest.");
  const opening = `${grant?.id ?? claims.jti} ${route.item}`;
  return withDelivery(call, inner, (over) =>
    serveItem(
      {
        method: request.method,
        headers: request.headers,
        requestId: call.id,
        manifest,
        itemId: route.item,
        ...(grant?.range === undefined ? {} : { within: grant.range }),
        ...(claims.watermark_id === undefined ? {} : { watermark: claims.watermark_id }),
        admit: (part) =>
          admit(call, inner, {
            range: request.headers.get("range"),
            ...(part === null ? {} : { part: { opening, ...part } }),
          }),
        ended: async (end) => {
          over();
          await conclude(call, end, inner);
        },
      },
      inner,
    ),
  );
}

/** A URL for one item, that needs no header. Costs no use until it is used. */
export async function presign(
  call: Call,
  request: Request,
  ek: string,
  body: Body,
  inner: Inner,
): Promise<Response> {
  await enter(call, request, { ek, action: "fetch" }, inner);
  const { claims, manifest } = call;
  const { item, purpose, range, uses, ttl_seconds } = parseBody(await body(), presignRequestSchema);
  if (!claims || !manifest?.items.has(item)) {
    throw new ExchangeError("EK_NOT_FOUND", `The manifest has no item "${item}".`, {
      hint: "Take item ids from GET /exp/:ek/metadata.",
      details: { item },
    });
  }
  const until = endOf(claims, ttl_seconds, Date.now());
  const signed = inner.presigner.sign({
    id: randomUUID(),
    claims,
    item,
    download: purpose === "download",
    ...(range === undefined ? {} : { range }),
    uses,
    until,
  });
  const query = `${purpose === undefined ? "" : "purpose=download&"}signed=${signed}`;
  const path = `/exp/${encodeURIComponent(ek)}/items/${encodeURIComponent(item)}?${query}`;
  const expires_at = new Date(until * 1000).toISOString();
  // What is done with it is a use, not the asking.
  delete call.claims;
  return jsonAnswer(call, { url: `${inner.publicUrl ?? ""}${path}`, expires_at, uses }, inner);
}

const quoteSchema = z.strictObject({
  /** The work in which the Experience is cited: a title, a link. */
  work: z.string().min(1).max(200),
});

/** An agent says that it cited the Experience: the QuoteEvent. A use like any other, and it needs the `quote` scope. */
export async function quote(
  call: Call,
  request: Request,
  ek: string,
  body: Body,
  inner: Inner,
): Promise<Response> {
  await enter(call, request, { ek, action: "quote" }, inner);
  const bytes = await body();
  const { work } = parseBody(bytes, quoteSchema);
  const headers = await admit(call, inner, { body: bytes });
  call.reason = work;
  return jsonAnswer(call, { quoted: true, receipt_id: call.id }, inner, headers);
}

/** Counts the deliveries under way, so that slow readers can't fill the memory. */
async function withDelivery(
  call: Call,
  { delivering, maxDeliveries = 256 }: Inner,
  work: (over: () => void) => Promise<Response>,
): Promise<Response> {
  if (delivering.size >= maxDeliveries) {
    throw new ExchangeError(
      "SERVICE_UNAVAILABLE",
      `${delivering.size} deliveries are under way, no more fit.`,
      { hint: "Try again in a few seconds." },
    );
  }
  delivering.add(call.id);
  const over = () => delivering.delete(call.id);
  try {
    return await work(over);
  } catch (error) {
    over();
    throw error;
  }
}
