/**
 * The facilitator's HTTP interface, as x402 v2 has it (`/supported`, `/verify`, `/settle`), for resource servers of anybody's that sell
 * this exchange's quotes: settling their payment issues the key.
 */
import type { FacilitatorClient } from "@x402/core/server";
import type { PaymentPayload, PaymentRequirements } from "@x402/core/types";
import { Hono } from "hono";
import { z } from "zod";
import type { Lifecycle } from "../ops/lifecycle.ts";
import { ALIVE, readiness } from "../ops/probes.ts";
import { ExchangeError } from "../sdk/errors.ts";
import type { ChainGuard, GuardState } from "./chain/guard.ts";
import type { AppContext, AppEnv } from "./http/context.ts";
import { errorResponse, onError, toExchangeError } from "./http/errors.ts";
import { limitBody, requestLog } from "./http/middleware.ts";
import { operationsOf } from "./metrics/requests.ts";
import type { Sql } from "./store/database.ts";

export type FacilitatorDeps = {
  facilitator: FacilitatorClient;
  guard: ChainGuard;
  sql: Sql;
  chainId: number;
  /** Of the process; absent where the app has none of its own. */
  lifecycle?: Pick<Lifecycle, "draining">;
};

const requestSchema = z.object({
  x402Version: z.literal(2),
  paymentPayload: z.looseObject({
    x402Version: z.literal(2),
    payload: z.record(z.string(), z.unknown()),
    accepted: z.looseObject({}),
  }),
  paymentRequirements: z.looseObject({
    scheme: z.string(),
    network: z.string(),
    asset: z.string(),
    amount: z.string(),
    payTo: z.string(),
    extra: z.record(z.string(), z.unknown()).default({}),
  }),
});

export function createFacilitatorApp(deps: FacilitatorDeps): Hono<AppEnv> {
  const { facilitator, guard, sql, chainId, lifecycle } = deps;
  const network = `eip155:${chainId}` as const;
  const app = new Hono<AppEnv>();
  app.onError(onError);
  app.use(requestLog(operationsOf(), chainId));
  app.use(limitBody);
  app.get("/supported", async (c) => c.json(await facilitator.getSupported()));
  app.post("/verify", async (c) => {
    await guard.assertTrusted();
    const request = await read(c, network);
    if ("fault" in request) {
      return c.json({ isValid: false, invalidReason: request.reason, invalidMessage: request.fault }, 400);
    }
    return c.json(await facilitator.verify(request.payload, request.requirements));
  });
  app.post("/settle", async (c) => {
    await guard.assertTrusted();
    const request = await read(c, network);
    const refuse = (errorReason: string, errorMessage: string, transaction = "") => ({
      ...{ success: false, errorReason, errorMessage, transaction, network },
    });
    if ("fault" in request) return c.json(refuse(request.reason, request.fault), 400);
    try {
      return c.json(await facilitator.settle(request.payload, request.requirements));
    } catch (thrown) {
      const error = toExchangeError(thrown);
      if (error.status >= 500) throw thrown; // no word of what became of the payment: ask again
      return c.json(refuse(reasonOf(error), error.message, String(error.details.tx ?? "")));
    }
  });
  app.get("/health", (c) => health(c, { guard, sql, chainId }));
  app.get("/livez", (c) => c.json(ALIVE.body, ALIVE.status));
  app.get("/readyz", async (c) => {
    const { chain, database } = await look({ guard, sql });
    const faults = Object.entries({ chain, database }).filter(([, { ok }]) => !ok);
    const reasons = faults.map(([name, { detail }]) => `${name}: ${detail ?? "not ok"}`);
    const { body, status } = readiness(lifecycle?.draining() ?? false, reasons);
    return c.json(body, status);
  });
  app.notFound((c) =>
    errorResponse(
      c,
      new ExchangeError("NOT_FOUND", `There is nothing at ${c.req.path.slice(0, 200)}.`, {
        hint: "GET /supported, POST /verify, POST /settle.",
      }),
    ),
  );
  return app;
}

/** x402's word for an outcome that is not known yet, or the exchange's own reason. */
function reasonOf({ code, details }: ExchangeError): string {
  if (code === "PAYMENT_PENDING") return "settlement_pending";
  return typeof details.reason === "string" ? details.reason : code.toLowerCase();
}

type Request =
  | { payload: PaymentPayload; requirements: PaymentRequirements }
  | { reason: string; fault: string };

async function read(c: AppContext, network: string): Promise<Request> {
  const parsed = requestSchema.safeParse(await c.req.json().catch(() => undefined));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { reason: "invalid_payload", fault: `${issue?.path.join(".") || "body"}: ${issue?.message}` };
  }
  const { paymentPayload, paymentRequirements } = parsed.data;
  if (paymentRequirements.network !== network) {
    return { reason: "invalid_network", fault: `${paymentRequirements.network} is not ${network}.` };
  }
  return {
    payload: paymentPayload as unknown as PaymentPayload,
    requirements: paymentRequirements as unknown as PaymentRequirements,
  };
}

/** It works while chain and database answer. */
async function health(c: AppContext, { guard, sql, chainId }: Omit<FacilitatorDeps, "facilitator">) {
  const { chain, database } = await look({ guard, sql });
  const ok = chain.ok && database.ok;
  return c.json(
    { status: ok ? "ok" : "down", chain_id: chainId, checks: { chain, database } },
    ok ? 200 : 503,
  );
}

async function look({ guard, sql }: Pick<FacilitatorDeps, "guard" | "sql">) {
  const [chain, database] = await Promise.all([
    guard.check(),
    sql`select 1`.then(
      (): GuardState => ({ ok: true }),
      (): GuardState => ({ ok: false, detail: "it does not answer" }),
    ),
  ]);
  return { chain, database };
}
