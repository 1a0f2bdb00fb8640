/** What of a request pays. */
import type { PayHeaders } from "../actions/pay.ts";
import type { AppContext } from "./context.ts";

export function payHeadersOf(c: AppContext): PayHeaders {
  return {
    signature: c.req.header("payment-signature") ?? c.req.header("x-payment"), // the latter is x402 v1's, and is told so
    authorization: c.req.header("authorization"),
    acceptPayment: c.req.header("accept-payment"),
  };
}
