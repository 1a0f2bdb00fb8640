/** What every request carries. */
import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import type { Session, SignIn } from "../actions/session.ts";

/** `Bindings`: Node's own request and answer, for what is not one body but a stream. */
export type AppEnv = {
  Bindings: HttpBindings;
  Variables: {
    requestId: string;
    session: Session;
    /** In place of `session` where the route asks the chain itself, with all else that it has to know. */
    signIn: SignIn;
  };
};
export type AppContext = Context<AppEnv>;
