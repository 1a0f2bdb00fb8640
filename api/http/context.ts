/** What every request carries. */
import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import type { Session } from "../actions/session.ts";

/** `Bindings`: Node's own request and answer, for what is not one body but a stream. */
export type AppEnv = { Bindings: HttpBindings; Variables: { requestId: string; session: Session } };
export type AppContext = Context<AppEnv>;
