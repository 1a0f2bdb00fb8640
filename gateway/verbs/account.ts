/** What was used, on record: receipts, the buyer's signature under them or against them, and the tree of a day. */
import { randomUUID } from "node:crypto";
import { decodeJwt } from "jose";
import { z } from "zod";
import { receiptTree } from "../../sdk/receipt-tree.ts";
import { type ReceiptDay, usageEventSchema } from "../../sdk/wire/public.ts";
import { parseBody } from "../body.ts";
import type { Call } from "../call.ts";
import type { Inner } from "../core.ts";
import { noReceipt, type StoredReceipt } from "../receipts.ts";
import { jsonAnswer } from "./answer.ts";
import { admitBearer } from "./enter.ts";

type Body = () => Promise<Uint8Array>;

/** A receipt, for the buyer that it was given to, with any token of this seller's. */
export async function showReceipt(call: Call, request: Request, id: string, inner: Inner): Promise<Response> {
  const { jws, countersignature } = await ownReceipt(call, request, id, inner);
  return answerQuietly(
    call,
    { receipt: jws, ...(countersignature === null ? {} : { countersignature }) },
    inner,
  );
}

const countersignatureSchema = z.strictObject({ countersignature: z.string().max(4096) });

export async function countersignReceipt(
  call: Call,
  request: Request,
  id: string,
  body: Body,
  inner: Inner,
): Promise<Response> {
  await ownReceipt(call, request, id, inner);
  const { countersignature } = parseBody(await body(), countersignatureSchema);
  const { eventId } = await inner.receipts.countersign(id, countersignature);
  await inner.usage.forward(eventId, countersignature);
  return answerQuietly(call, { receipt_id: id, countersigned: true }, inner);
}

const disputeSchema = z.strictObject({ reason: z.string().min(1).max(200) });

/** The buyer disputes a use: the exchange hears of it by a DisputeEvent. */
export async function disputeReceipt(
  call: Call,
  request: Request,
  id: string,
  body: Body,
  inner: Inner,
): Promise<Response> {
  const { jws } = await ownReceipt(call, request, id, inner);
  const { reason } = parseBody(await body(), disputeSchema);
  const { ek_id, exp_id, seller_id, buyer_agent_id, action, item_id } = usageEventSchema.parse(
    decodeJwt(jws),
  );
  await inner.usage.record({
    event_id: randomUUID(),
    event_type: "DisputeEvent",
    ...{ ek_id, exp_id, seller_id, buyer_agent_id, action },
    ...(item_id === undefined ? {} : { item_id }),
    result: "error",
    reason,
    disputed: id,
  });
  return answerQuietly(call, { receipt_id: id, disputed: true }, inner);
}

/** The root of a day's receipts: for anybody, since it tells nothing but how many there were. */
export async function showDay(call: Call, day: string, inner: Inner): Promise<Response> {
  const { leaves, root } = receiptTree(await inner.receipts.day(day));
  const answer: ReceiptDay = {
    gateway_id: inner.signingKey.kid,
    day,
    root,
    count: leaves.length,
    open: day >= new Date().toISOString().slice(0, 10),
  };
  return answerQuietly(call, answer, inner);
}

async function ownReceipt(call: Call, request: Request, id: string, inner: Inner): Promise<StoredReceipt> {
  const claims = await admitBearer(call, request, inner);
  const receipt = await inner.receipts.find(id);
  if (receipt?.buyer !== claims.sub) throw noReceipt(id);
  return receipt;
}

/** To look at one's receipts is no use of an Experience. */
function answerQuietly(call: Call, value: unknown, inner: Inner): Promise<Response> {
  delete call.claims;
  return jsonAnswer(call, value, inner);
}
