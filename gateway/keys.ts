/** The exchange's public keys, kept at hand: a gateway goes on verifying when the exchange is down, also after a restart. */
import { readFileSync } from "node:fs";
import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JWKSCacheInput,
  type JWTVerifyGetKey,
  jwksCache,
} from "jose";
import { z } from "zod";
import { ExchangeError } from "../sdk/errors.ts";
import { type Clock, systemClock } from "./clock.ts";
import { replaceFile } from "./files.ts";
import type { Log } from "./log.ts";

export type Keys = {
  /** For jose. Throws SERVICE_UNAVAILABLE when there is no key to look in; never blames the token for that. */
  find: JWTVerifyGetKey;
  /** Time of the last successful fetch in Unix ms; null before the first. */
  fetchedAt(): number | null;
  stop(): void;
};

export type KeysOptions = {
  url: URL;
  /** Where the keys survive a restart. */
  file: string;
  log: Log;
  /**
   * How often they are fetched, in ms. A key that the exchange kills is gone from the next fetch on, or sooner by the feed of
   * revocations: with the 16 s for which others may keep an older set that is well below a minute.
   */
  refreshMs?: number;
  /** The least time between two fetches, in ms: tokens with unheard-of key ids must not become load for the exchange. */
  cooldownMs?: number;
  /** Keys that the exchange has killed: refused also while an older set is at hand. */
  withdrawn?: (kid: string) => boolean;
  clock?: Clock;
};

/** With an exchange out of reach for this long, no token that it signed can be alive, and a stolen key is the likelier signer. */
const MAX_AGE_MS = 24 * 3600 * 1000;

const cacheSchema = z.object({
  uat: z.number(),
  jwks: z.object({ keys: z.array(z.record(z.string(), z.unknown())) }),
});

/** Fetches the keys at once and then regularly, so that no request has to wait for them. */
export function createKeys({
  url,
  file,
  log,
  refreshMs = 20_000,
  cooldownMs = 2_000,
  withdrawn = () => false,
  clock = systemClock,
}: KeysOptions): Keys {
  const cache = readCache(file, log);
  const remote = createRemoteJWKSet(url, {
    cacheMaxAge: MAX_AGE_MS,
    cooldownDuration: cooldownMs,
    [jwksCache]: cache,
    [customFetch]: restFailing(cooldownMs),
  });
  let saved = JSON.stringify(cache);
  let failing = false;
  let cancel = () => {};
  let stopped = false;

  const refresh = async () => {
    let next = refreshMs;
    try {
      await remote.reload();
      if (failing) log("info", "keys_fetched", { url: url.href });
      failing = false;
      const text = JSON.stringify(cache);
      if (text !== saved) await replaceFile(file, text);
      saved = text;
    } catch (error) {
      if (!failing) log("warn", "keys_not_fetched", { url: url.href, error });
      failing = true;
      next = Math.min(refreshMs, cooldownMs);
    }
    if (!stopped) cancel = clock.after(next, () => void refresh());
  };
  void refresh();

  return {
    async find(header, token) {
      if (header.kid !== undefined && withdrawn(header.kid)) throw new errors.JWKSNoMatchingKey();
      try {
        return await remote(header, token);
      } catch (error) {
        if (isAboutTheToken(error)) throw error;
        throw new ExchangeError(
          "SERVICE_UNAVAILABLE",
          "The exchange's keys can't be fetched at the moment.",
          {
            hint: "Try again in a few seconds.",
            cause: error,
          },
        );
      }
    },
    fetchedAt: () => ("uat" in cache && typeof cache.uat === "number" ? cache.uat : null),
    stop() {
      stopped = true;
      cancel();
    },
  };
}

/** jose throws its own errors also for a failing fetch. */
function isAboutTheToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}

/** jose's cooldown counts from the last success only; this one also spares an exchange that fails. */
function restFailing(cooldownMs: number): FetchImplementation {
  let last: { at: number; error: unknown } | null = null;
  return async (url, options) => {
    if (last && Date.now() - last.at < cooldownMs) throw last.error;
    try {
      const response = await fetch(url, options);
      if (response.status !== 200)
        throw new Error(`The exchange answered ${response.status} to a request for its keys.`);
      last = null;
      return response;
    } catch (error) {
      last = { at: Date.now(), error };
      throw error;
    }
  };
}

function readCache(file: string, log: Log): JWKSCacheInput {
  try {
    return cacheSchema.parse(JSON.parse(readFileSync(file, "utf8"))) as JWKSCacheInput;
  } catch (error) {
    // Without the file the keys are fetched, as at the first start.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT")
      log("warn", "kept_keys_unreadable", { file, error });
    return {};
  }
}
