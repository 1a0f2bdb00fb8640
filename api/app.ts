/** The app: what every request goes through, and all routes. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { ExchangeError } from "../sdk/errors.ts";
import { readSession, readSignIn, type Session, type SignIn } from "./actions/session.ts";
import { readSignedRequest } from "./actions/signed-request.ts";
import type { Deps } from "./deps.ts";
import { auditAnswer } from "./http/audit.ts";
import { acceptable, cacheHeaders } from "./http/caching.ts";
import type { AppContext, AppEnv } from "./http/context.ts";
import { errorResponse, onError } from "./http/errors.ts";
import { once, takesKey } from "./http/idempotency.ts";
import { limitAddress, limitAgent, limitUnderWay } from "./http/limits.ts";
import { allowedMethods } from "./http/methods.ts";
import { limitBody, openToSites, readableJson, requestLog } from "./http/middleware.ts";
import { addAccountRoutes } from "./routes/account.ts";
import { addAnalyticsRoutes } from "./routes/analytics.ts";
import { addAuthRoutes } from "./routes/auth.ts";
import { addBuyRoutes, TOKEN_PATH } from "./routes/buy.ts";
import { addCardRoutes } from "./routes/card.ts";
import { addDashboardRoutes } from "./routes/dashboard.ts";
import { addGatewayRoutes } from "./routes/gateways.ts";
import { addListingRoutes } from "./routes/listings.ts";
import { addMarketRoutes } from "./routes/market.ts";
import { addMeRoutes } from "./routes/me.ts";
import { addOrderRoutes } from "./routes/orders.ts";
import { addPublicRoutes } from "./routes/public.ts";
import { addReferenceRoutes } from "./routes/reference.ts";
import { addServiceRoutes } from "./routes/service.ts";
import { addValidateRoutes } from "./routes/validate.ts";
import { addVoiceRoutes } from "./routes/voices.ts";
import { addX402Routes } from "./routes/x402.ts";

/**
 * Where bodies are JSON. Paying is not among them: a request to pay is answered with its 402 whatever it carries, so that those who
 * discover paid resources find it.
 */
const jsonPaths = ["/auth/*", "/me/*", "/listings/*", "/gateway/*", "/public/*"];

export function createApp(deps: Deps): OpenAPIHono<AppEnv> {
  const app = new OpenAPIHono<AppEnv>();
  app.onError(onError);
  app.use(requestLog);
  app.use(openToSites);
  app.use(limitUnderWay(deps));
  app.use(limitAddress(deps));
  app.use(limitBody);
  app.use(cacheHeaders);
  app.use(acceptable);
  // Everything of an agent's own, `/me` too: the session first, the request's form after it. Once: a signed request's nonce is used up.
  app.use("/me/*", async (c, next) => {
    if (allowedMethods(app, c.req.path).includes(c.req.method)) {
      if (c.req.path === TOKEN_PATH) c.set("signIn", await callerOf(c, deps, readSignIn));
      else c.set("session", await callerOf<Session>(c, deps, readSession));
      await limitAgent(c, deps);
    }
    await next();
  });
  app.use(async (c, next) => {
    await next();
    await auditAnswer(c, deps);
  });
  app.use((c, next) => (takesKey(c) ? once(c, deps, next) : next()));
  for (const path of jsonPaths) app.use(path, readableJson);
  addAuthRoutes(app, deps);
  addMeRoutes(app, deps);
  addAccountRoutes(app, deps);
  addDashboardRoutes(app, deps);
  addListingRoutes(app, deps);
  addMarketRoutes(app, deps);
  addVoiceRoutes(app, deps);
  addBuyRoutes(app, deps);
  addX402Routes(app, deps);
  addCardRoutes(app, deps);
  addOrderRoutes(app, deps);
  addValidateRoutes(app, deps);
  addPublicRoutes(app, deps);
  addServiceRoutes(app, deps);
  addGatewayRoutes(app, deps);
  addReferenceRoutes(app);
  addAnalyticsRoutes(app, deps);
  app.notFound((c) => notFound(app, c));
  return app;
}

/** By its session, or by its own signature. Both at once leave open whose request it is. */
async function callerOf<T extends SignIn>(
  c: AppContext,
  deps: Deps,
  read: (deps: Deps, authorization: string | undefined) => Promise<T>,
): Promise<T | Session> {
  const header = c.req.header("x-signature");
  const authorization = c.req.header("authorization");
  if (header === undefined) return read(deps, authorization);
  if (authorization !== undefined) {
    throw new ExchangeError("INVALID_SIGNATURE", "The request has a session and a signature of its own.", {
      hint: "Send Authorization or X-Signature, not both.",
    });
  }
  const { pathname, search } = new URL(c.req.url);
  const body = new Uint8Array(await c.req.arrayBuffer());
  return readSignedRequest(deps, {
    header,
    method: c.req.method,
    pathAndQuery: `${pathname}${search}`,
    body,
  });
}

function notFound(app: OpenAPIHono<AppEnv>, c: AppContext): Response {
  const allowed = allowedMethods(app, c.req.path);
  if (allowed.length === 0) {
    return errorResponse(
      c,
      new ExchangeError("NOT_FOUND", `There is nothing at ${c.req.path.slice(0, 200)}.`, {
        hint: "GET /openapi.json names all paths.",
      }),
    );
  }
  c.header("Allow", allowed.join(", "));
  return errorResponse(
    c,
    new ExchangeError("METHOD_NOT_ALLOWED", `${c.req.method} is not for ${c.req.path.slice(0, 200)}.`, {
      hint: `Use ${allowed.join(" or ")}.`,
      details: { allowed },
    }),
  );
}
