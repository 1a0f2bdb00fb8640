/** Where a request came from, as it may be kept. */
import type { Origin } from "../actions/audit.ts";
import { networkOf } from "./client-address.ts";
import type { AppContext } from "./context.ts";

/** Characters of a User-Agent that are kept. */
const MAX_CLIENT = 160;

export function originOf(c: Pick<AppContext, "get" | "req">): Origin {
  return {
    requestId: c.get("requestId"),
    client: (c.req.header("user-agent") ?? "").replace(/[^\x20-\x7e]/g, "?").slice(0, MAX_CLIENT),
    network: networkOf(c.get("address")),
  };
}
