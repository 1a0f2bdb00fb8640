/** What every request carries. */
import type { Context } from "hono";
import type { Session } from "../actions/session.ts";

export type AppEnv = { Variables: { requestId: string; address: string; session: Session } };
export type AppContext = Context<AppEnv>;
