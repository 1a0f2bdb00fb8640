/** ExecuteExp: runs what the seller declared, with the buyer's inputs; where a run has a price, for one payment each. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { ExchangeError } from "../../sdk/errors.ts";
import { parseJson } from "../../sdk/http.ts";
import { itemIdSchema } from "../../sdk/manifest.ts";
import { parseBody } from "../body.ts";
import { admit, type Call, conclude, oweReceipt } from "../call.ts";
import type { Inner } from "../core.ts";
import type { Executable } from "../execution.ts";
import { readWhole } from "../item.ts";
import { type Answer, payAndRun } from "../paid-call.ts";
import { asExchangeError, bytesResponse, errorResponse } from "../respond.ts";
import type { Toll } from "../toll.ts";
import { jsonAnswer } from "./answer.ts";
import { enter } from "./enter.ts";

export const executeRequestSchema = z.strictObject({
  /** Any JSON: the standard input of what is run. */
  inputs: z.unknown(),
  /** Which item of the manifest, where it is WebAssembly; its entrypoint when left out. */
  item: itemIdSchema.optional(),
});

/** The largest WebAssembly module in bytes. */
const MODULE_MAX = 16 * 1024 * 1024;

type Job = { executable: Executable; module?: Uint8Array; inputs: Uint8Array; body: Uint8Array };

export async function execute(
  call: Call,
  request: Request,
  ek: string,
  body: () => Promise<Uint8Array>,
  inner: Inner,
): Promise<Response> {
  await enter(call, request, { ek, action: "execute" }, inner);
  const { executor } = inner;
  if (!executor) {
    throw new ExchangeError("EK_NOT_FOUND", "This gateway runs nothing.", {
      hint: "Fetch the items instead.",
    });
  }
  const executable = executor.executable(ek);
  const bytes = await body();
  const { inputs, item } = parseBody(bytes, executeRequestSchema);
  const job: Job = {
    executable,
    inputs: Buffer.from(JSON.stringify(inputs ?? null)),
    body: bytes,
    ...(executable.kind === "wasm" ? { module: await moduleOf(call, item, inner) } : {}),
  };
  if (executable.price_units !== undefined)
    return executePaid(call, request, job, executable.price_units, inner);
  const headers = await admit(call, inner, { body: bytes });
  const output = await executor.execute(executable, job);
  return jsonAnswer(call, answerOf(output), inner, headers);
}

/** The output as JSON where it is some, else as text. */
function answerOf(output: Uint8Array): { output: unknown } {
  const text = new TextDecoder().decode(output);
  const value = parseJson(text);
  return { output: value === undefined ? text : value };
}

async function moduleOf(call: Call, wanted: string | undefined, inner: Inner): Promise<Uint8Array> {
  const { manifest } = call;
  if (!manifest) throw new Error("Entered without a manifest.");
  const id = wanted ?? manifest.entrypoint ?? "";
  call.itemId = id;
  const item = manifest.items.get(id);
  if (item?.media_type !== "application/wasm") {
    throw new ExchangeError("EK_NOT_FOUND", `"${id}" is no WebAssembly of this Experience.`, {
      hint: "Say which item to run: one of media type application/wasm.",
      details: { item: id },
    });
  }
  return readWhole(manifest, item, MODULE_MAX, inner);
}

async function executePaid(
  call: Call,
  request: Request,
  job: Job,
  units: string,
  inner: Inner,
): Promise<Response> {
  const { toll, executor, claims } = { ...inner, claims: call.claims };
  if (!toll || !executor || !claims) throw new Error("A run with a price, and nobody to take it.");
  const header = request.headers.get("payment-signature");
  const payment = header === null ? undefined : await toll.read(units, header);
  if (!payment) {
    const why = header === null ? "Payment required" : "The payment does not fit the price";
    return demand(call, units, why, toll, inner);
  }
  let headers: Record<string, string> = {};
  let error: ExchangeError | undefined;
  const run = async (): Promise<Answer> => {
    try {
      const body = JSON.stringify(answerOf(await executor.execute(job.executable, job)));
      return { status: 200, body, headers };
    } catch (thrown) {
      error = asExchangeError(thrown);
      return { status: error.status, body: await errorResponse(error, call.id).text(), headers };
    }
  };
  const { answer, fresh } = await payAndRun(
    payment,
    {
      requestHash: createHash("sha256")
        .update(`${claims.sub} ${call.target} `)
        .update(job.body)
        .digest("hex"),
      admit: async () => {
        headers = await admit(call, inner, { body: job.body });
      },
      resume: () => {
        headers = oweReceipt(call, { body: job.body });
      },
      run,
    },
    { ledger: inner.ledger, toll },
  );
  // Sent again: the use is on record already.
  if (!fresh) delete call.claims;
  const { status, body } = answer;
  const hash = createHash("sha256").update(body).digest("hex");
  const bytes = Buffer.byteLength(body);
  await conclude(call, { status, bytes, hash, ...(error === undefined ? {} : { error }) }, inner);
  const paid = { "payment-response": toll.receipt(payment, answer.tx), "cache-control": "no-store" };
  return bytesResponse(body, { status, headers: { ...answer.headers, ...paid }, requestId: call.id });
}

/** The 402, with what has to be paid. */
async function demand(call: Call, units: string, why: string, toll: Toll, inner: Inner): Promise<Response> {
  const error = new ExchangeError("PAYMENT_REQUIRED", `${why}: a run costs ${units} units.`, {
    hint: "Pay as the PAYMENT-REQUIRED header says (x402 v2), and send the request again with the payment.",
    details: { units },
  });
  const url = `${inner.publicUrl ?? ""}${call.target.split("?")[0]}`;
  const { header } = await toll.demand(units, { url, description: "One run" }, why);
  await conclude(call, { status: error.status, bytes: 0, error }, inner);
  const response = errorResponse(error, call.id);
  response.headers.set("payment-required", header);
  return response;
}
