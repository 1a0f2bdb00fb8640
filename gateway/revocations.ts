/**
 * The exchange's feed of revocations, kept at hand: tokens and signing keys that are not honoured any more, although they verify.
 *
 * While the feed is out of reach the gateway goes on with what it knows (fail open). An exchange that is away must not close the sellers'
 * gateways, and what that costs is bounded: a token whose right has ended lives on to its `exp`, ten minutes after its issue at the
 * latest and one minute where the money could still go back, which the codec enforces without the feed.
 */

import { CAPABILITY_TOLERANCE } from "../sdk/capability/claims.ts";
import type { CapabilityClaims } from "../sdk/capability.ts";
import { CapabilityRevokedError } from "../sdk/errors.ts";
import { type RevocationFeed, revocationFeedSchema } from "../sdk/wire/revocations.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Log } from "./log.ts";

export type Revocations = {
  /** Throws {@link CapabilityRevokedError}. */
  assertLive(claims: Pick<CapabilityClaims, "jti">): void;
  /** Whether the exchange has killed this signing key. */
  isWithdrawn(kid: string): boolean;
  /** Time of the last successful poll in Unix ms; null before the first. */
  fetchedAt(): number | null;
  stop(): void;
};

export type RevocationsOptions = {
  /** `…/gateway/revocations` of the exchange. */
  url: URL;
  log: Log;
  /** Time between two polls, in ms: with the exchange's own few seconds it is how long a revoked token lives. */
  pollMs?: number;
  clock?: Clock;
};

/** Milliseconds that one answer may take. */
const TIMEOUT_MS = 10_000;

/** Polls at once and then regularly, so that no request has to wait for it. */
export function createRevocations({
  url,
  log,
  pollMs = 5_000,
  clock = systemClock,
}: RevocationsOptions): Revocations {
  /** By jti: why, and until when it could be honoured (Unix ms). */
  const revoked = new Map<string, { reason: string; until: number }>();
  let withdrawn: ReadonlySet<string> = new Set();
  let cursor = 0;
  let seen: { etag: string; cursor: number } | undefined;
  let fetchedAt: number | null = null;
  let failing = false;
  let stopped = false;
  let cancel = () => {};

  const take = ({ tokens, kids, cursor: next }: RevocationFeed) => {
    for (const { jti, reason, expires_at } of tokens) {
      revoked.set(jti, { reason, until: Date.parse(expires_at) + 2 * CAPABILITY_TOLERANCE * 1000 });
    }
    withdrawn = new Set(kids);
    cursor = next;
  };

  /** One page; whether there are more. */
  const page = async (): Promise<boolean> => {
    const from = cursor;
    const response = await fetch(`${url.href}?since=${from}`, {
      headers: seen?.cursor === from ? { "if-none-match": seen.etag } : {},
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.status === 304) return false;
    if (response.status !== 200)
      throw new Error(`The exchange answered ${response.status} to a poll of revocations.`);
    const feed = revocationFeedSchema.parse(await response.json());
    const etag = response.headers.get("etag");
    seen = etag === null ? undefined : { etag, cursor: from };
    take(feed);
    return feed.more;
  };

  const poll = async () => {
    try {
      while (await page());
      fetchedAt = clock.now();
      if (failing) log("info", "revocations_fetched", { url: url.href });
      failing = false;
    } catch (error) {
      if (!failing) log("warn", "revocations_not_fetched", { url: url.href, error });
      failing = true;
    }
    for (const [jti, { until }] of revoked) if (until < clock.now()) revoked.delete(jti);
    if (!stopped) cancel = clock.after(pollMs, () => void poll());
  };
  void poll();

  return {
    assertLive({ jti }) {
      const found = revoked.get(jti);
      if (found) throw new CapabilityRevokedError({ jti, reason: found.reason });
    },
    isWithdrawn: (kid) => withdrawn.has(kid),
    fetchedAt: () => fetchedAt,
    stop() {
      stopped = true;
      cancel();
    },
  };
}
