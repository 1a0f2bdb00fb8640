/** What every request carries. */
import type { Context } from "hono";
import type { Session, SignIn } from "../actions/session.ts";

export type AppEnv = {
  Variables: {
    requestId: string;
    /** Where the request comes from; see `clientAddress`. */
    address: string;
    session: Session;
    /** In place of `session` where the route asks the chain itself, with all else that it has to know. */
    signIn: SignIn;
  };
};
export type AppContext = Context<AppEnv>;
