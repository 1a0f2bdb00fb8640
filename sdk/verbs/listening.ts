/** The verbs that wait for what happens. */
import type { Exchange } from "../client.ts";
import { subscribe } from "../streaming.ts";
import { activityItemSchema } from "../wire/public.ts";
import { ownEventSchema } from "../wire/streams.ts";
import type { Core } from "./core.ts";

export function listeners({ server, session }: Core) {
  return {
    activityStream: ({ types, domains, ...options } = {}) =>
      subscribe(
        server,
        {
          path: "/stream/public/activity",
          query: { types: types?.join(","), domains: domains?.join(",") },
          schema: activityItemSchema,
        },
        options,
      ),
    events: ({ kinds, ...options } = {}) =>
      subscribe(
        server,
        {
          path: "/stream/me/events",
          query: { kinds: kinds?.join(",") },
          signedIn: session.withToken,
          schema: ownEventSchema,
        },
        options,
      ),
  } satisfies Partial<Exchange>;
}
