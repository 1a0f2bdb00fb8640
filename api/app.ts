/** The app: what every request goes through, and all routes. */
import { OpenAPIHono } from "@hono/zod-openapi";
import { ExchangeError } from "../sdk/errors.ts";
import { readSession, readSignIn } from "./actions/session.ts";
import type { Deps } from "./deps.ts";
import type { AppContext, AppEnv } from "./http/context.ts";
import { errorResponse, onError } from "./http/errors.ts";
import { allowedMethods } from "./http/methods.ts";
import { limitBody, openToSites, readableJson, requestLog } from "./http/middleware.ts";
import { operationIdsOf, operationsOf } from "./metrics/requests.ts";
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
import { addProbeRoutes } from "./routes/probes.ts";
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
  app.use(
    requestLog(
      operationsOf(() => operationIdsOf(app)),
      deps.chain.id,
    ),
  );
  app.use(openToSites);
  app.use(limitBody);
  // Everything of an agent's own: the session first, the request's form after it.
  for (const path of ["/me", "/me/*"]) {
    app.use(path, async (c, next) => {
      if (allowedMethods(app, c.req.path).includes(c.req.method)) {
        const authorization = c.req.header("authorization");
        if (c.req.path === TOKEN_PATH) c.set("signIn", await readSignIn(deps, authorization));
        else c.set("session", await readSession(deps, authorization));
      }
      await next();
    });
  }
  for (const path of jsonPaths) app.use(path, readableJson);
  addAuthRoutes(app, deps);
  addMeRoutes(app, deps);
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
  addProbeRoutes(app, deps);
  addGatewayRoutes(app, deps);
  addReferenceRoutes(app);
  addAnalyticsRoutes(app, deps);
  app.notFound((c) => notFound(app, c));
  return app;
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
