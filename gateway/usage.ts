/** What buyers did, as signed events for the exchange: the source of its access counts. */
import { randomUUID } from "node:crypto";
import { CompactSign } from "jose";
import { CAPABILITY_ALG } from "../sdk/capability.ts";
import { type UsageEvent, usageEventSchema } from "../sdk/wire/public.ts";
import type { Courier } from "./courier.ts";
import type { Log } from "./log.ts";
import type { Outbox } from "./outbox.ts";
import type { SigningKey } from "./signing-key.ts";

/** A use, before it has an id and a time. */
export type Use = Omit<UsageEvent, "event_id" | "timestamp">;

export type UsageRecorder = {
  /**
   * Resolves when the event is safe on disk; it never waits for the exchange. Never rejects: a buyer is not refused because a use could not
   * be counted, the log says it instead.
   */
  record(use: Use): Promise<void>;
};

/** Signs each event as a compact JWS (EdDSA, `kid` = the key's thumbprint) and hands it to the outbox. */
export function createUsageRecorder({
  key,
  outbox,
  courier,
  log,
}: {
  key: SigningKey;
  outbox: Outbox;
  courier: Courier;
  log: Log;
}): UsageRecorder {
  return {
    async record(use) {
      const event: UsageEvent = { event_id: randomUUID(), timestamp: new Date().toISOString(), ...use };
      try {
        const payload = new TextEncoder().encode(JSON.stringify(usageEventSchema.parse(event)));
        const jws = await new CompactSign(payload)
          .setProtectedHeader({ alg: CAPABILITY_ALG, kid: key.kid })
          .sign(key.privateKey);
        if (await outbox.append({ id: event.event_id, jws })) courier.wake();
      } catch (error) {
        log("error", "use_not_recorded", { error, event });
      }
    },
  };
}
