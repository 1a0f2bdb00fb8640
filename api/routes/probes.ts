/** For orchestrators and balancers: not of the API's description, since no client needs them. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { ALIVE, readiness } from "../../ops/probes.ts";
import type { Deps } from "../deps.ts";
import type { AppEnv } from "../http/context.ts";

export function addProbeRoutes(app: OpenAPIHono<AppEnv>, { health, lifecycle }: Deps): void {
  app.get("/livez", (c) => c.json(ALIVE.body, ALIVE.status));
  app.get("/readyz", (c) => {
    c.header("Cache-Control", "no-store");
    // What is only degraded serves: an index that lags is no reason to send requests elsewhere, where it lags too.
    const { status, checks } = health.state();
    const faults = Object.entries(checks).filter(([, { ok }]) => !ok);
    const vital =
      status === "down" ? faults.map(([name, { detail }]) => `${name}: ${detail ?? "not ok"}`) : [];
    const { body, status: code } = readiness(lifecycle?.draining() ?? false, vital);
    return c.json(body, code);
  });
}
