/** Whether the gateway can do its work, and by which key it signs. */
import type { Courier } from "./courier.ts";
import type { Keys } from "./keys.ts";
import type { Outbox } from "./outbox.ts";
import type { Seller } from "./seller.ts";
import type { SigningKey } from "./signing-key.ts";
import type { Store } from "./store.ts";

export type Check = { ok: boolean; detail?: string };

/** `down`: no buyer can be served. `degraded`: it serves, or will as soon as the exchange or the chain is there. */
export type Health = {
  status: "ok" | "degraded" | "down";
  /** The seller's agent id; null while it is not known. */
  seller: string | null;
  /** The `x` of the Ed25519 public JWK that verifies the gateway's usage events: for `access_policy.gateway_key` of the listings. */
  gateway_key: string;
  /** What it keeps its items in: the kind of its store. */
  storage_type: string;
  checks: Record<"store" | "keys" | "seller" | "outbox", Check>;
  /** Seconds since the exchange's keys were last fetched; null before the first time. */
  keys_age_seconds: number | null;
  outbox: ReturnType<Outbox["status"]>;
};

/** Keys older than this, in seconds, outlive every token that they could verify: the exchange has been away for as long. */
const KEYS_OLD = 600;

export function createHealth({
  store,
  keys,
  seller,
  outbox,
  courier,
  signingKey,
  storageType,
}: {
  store: Store;
  keys: Keys;
  seller: Seller;
  outbox: Outbox;
  courier: Courier;
  signingKey: SigningKey;
  storageType: string;
}): () => Promise<Health> {
  return async () => {
    const [found, storeCheck] = await Promise.all([
      settle(seller.id()),
      settle(store.check(), "The store can't be read."),
    ]);
    const fetchedAt = keys.fetchedAt();
    const age = fetchedAt === null ? null : Math.max(0, Math.round((Date.now() - fetchedAt) / 1000));
    const checks: Health["checks"] = {
      store: storeCheck.check,
      keys: checkKeys(age),
      seller: found.check,
      outbox: checkOutbox(outbox, courier),
    };
    const ok = Object.values(checks).every((check) => check.ok);
    return {
      status: !checks.store.ok ? "down" : ok ? "ok" : "degraded",
      seller: found.value ?? null,
      gateway_key: signingKey.x,
      storage_type: storageType,
      checks,
      keys_age_seconds: age,
      outbox: outbox.status(),
    };
  };
}

/** `detail` replaces an error's own message where that could name the seller's paths. */
async function settle<T>(work: Promise<T>, detail?: string): Promise<{ value?: T; check: Check }> {
  try {
    return { value: await work, check: { ok: true } };
  } catch (error) {
    return {
      check: { ok: false, detail: detail ?? (error instanceof Error ? error.message : String(error)) },
    };
  }
}

function checkKeys(age: number | null): Check {
  if (age === null) return { ok: false, detail: "The exchange's keys have not been fetched yet." };
  return { ok: age <= KEYS_OLD, detail: `fetched ${age} s ago` };
}

function checkOutbox(outbox: Outbox, courier: Courier): Check {
  if (outbox.status().full) return { ok: false, detail: "The outbox is full: new usage events are dropped." };
  const trouble = courier.trouble();
  return trouble === null ? { ok: true } : { ok: false, detail: trouble };
}
