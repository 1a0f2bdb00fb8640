/**
 * Capability URLs: one item, or a part of it, for a few minutes, to whoever has the URL. A plain HTTP client can use it, without a header.
 * Such a URL carries a copy of the token's claims with an HMAC-SHA256 of this gateway; every use of it is one of the key's.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { type CapabilityClaims, capabilityClaimsSchema } from "../sdk/capability.ts";
import { CapabilityExpiredError, CapabilityInvalidError } from "../sdk/errors.ts";
import { parseJson } from "../sdk/http.ts";
import { itemIdSchema } from "../sdk/manifest.ts";

/** The longest time in seconds that a URL works; never longer than the token that it was asked with. */
export const PRESIGNED_MAX_TTL = 300;

export const presignRequestSchema = z.strictObject({
  item: itemIdSchema,
  purpose: z.literal("download").optional(),
  /** First and last byte, both inclusive; all of the item when left out. */
  range: z
    .strictObject({ first: z.int().nonnegative(), last: z.int().nonnegative() })
    .refine(({ first, last }) => first <= last, "a range's last byte is not before its first")
    .optional(),
  /** How often it can be used: the ranges of one download are one use. */
  uses: z.int().min(1).max(1000).default(1),
  ttl_seconds: z.int().min(1).max(PRESIGNED_MAX_TTL).default(PRESIGNED_MAX_TTL),
});

const grantSchema = z.object({
  id: z.uuid(),
  claims: capabilityClaimsSchema,
  item: z.string(),
  download: z.boolean(),
  range: z.object({ first: z.int(), last: z.int() }).optional(),
  uses: z.int(),
  /** Unix seconds. */
  until: z.int(),
});
export type Grant = z.infer<typeof grantSchema>;

export type Presigner = {
  /** The text that goes into the URL as `signed`. */
  sign(grant: Grant): string;
  /** Throws INVALID_SIGNATURE or TOKEN_EXPIRED. */
  open(signed: string): Grant;
};

/** `secret` has at least 32 bytes, and is this gateway's alone. */
export function createPresigner(secret: Uint8Array, clock: () => number = Date.now): Presigner {
  const macOf = (body: string) => createHmac("sha256", secret).update(body).digest();
  return {
    sign(grant) {
      const body = Buffer.from(JSON.stringify(grant)).toString("base64url");
      return `${body}.${macOf(body).toString("base64url")}`;
    },
    open(signed) {
      const [body = "", mac = "", more] = signed.split(".");
      const given = Buffer.from(mac, "base64url");
      const expected = macOf(body);
      if (more !== undefined || given.length !== expected.length || !timingSafeEqual(given, expected))
        throw new CapabilityInvalidError({ reason: "the URL was not signed by this gateway" });
      const grant = grantSchema.parse(parseJson(Buffer.from(body, "base64url").toString()));
      if (grant.until * 1000 <= clock())
        throw new CapabilityExpiredError({ expiredAt: new Date(grant.until * 1000) });
      return grant;
    },
  };
}

/** The end of a URL that is asked for now: Unix seconds. */
export function endOf({ exp }: CapabilityClaims, ttlSeconds: number, now: number): number {
  return Math.min(exp, Math.floor(now / 1000) + Math.min(ttlSeconds, PRESIGNED_MAX_TTL));
}
