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
  /** How often they are fetched, in ms: a key that the exchange withdraws is refused after this time. */
  refreshMs?: number;
  /** The least time between two fetches, in ms: tokens with unheard-of key ids must not become load for the exchange. */
  cooldownMs?: number;
};

/** With an exchange out of reach for this long, no token that it signed can be alive, and a stolen key is the likelier signer. */
const MAX_AGE_MS = 24 * 3600 * 1000;

const cacheSchema = z.object({
  uat: z.number(),
  jwks: z.object({ keys: z.array(z.record(z.string(), z.unknown())) }),
});

/** Fetches the keys at once and then regularly, so that no request has to wait for them. */
export function createKeys({ url, file, log, refreshMs = 20_000, cooldownMs = 2_000 }: KeysOptions): Keys {
  const cache = readCache(file, log);
  const remote = createRemoteJWKSet(url, {
    cacheMaxAge: MAX_AGE_MS,
    cooldownDuration: cooldownMs,
    [jwksCache]: cache,
    [customFetch]: restFailing(cooldownMs),
  });
  let saved = JSON.stringify(cache);
  let failing = false;
  let timer: NodeJS.Timeout | undefined;
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
    if (!stopped) timer = setTimeout(refresh, next).unref();
  };
  void refresh();

  return {
    async find(header, token) {
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
      clearTimeout(timer);
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
