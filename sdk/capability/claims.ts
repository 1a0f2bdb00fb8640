/** What a capability token says, whatever its format. */
import { z } from "zod";
import { scopes as scopeRecord } from "../records.ts";

/** No token lives longer, in seconds. */
export const CAPABILITY_MAX_TTL = 600;
/** Seconds by which the clocks of exchange and gateway may differ. */
export const CAPABILITY_TOLERANCE = 5;

const scopeSchema = z.enum(Object.keys(scopeRecord) as [keyof typeof scopeRecord]);

export const capabilityClaimsSchema = z.object({
  /** The exchange. */
  iss: z.string(),
  /** Who may use it: an agent id. */
  sub: z.string(),
  /** The seller's agent id: gateways serve their seller's tokens only. */
  aud: z.string(),
  jti: z.string(),
  iat: z.int(),
  exp: z.int(),
  ek_id: z.string(),
  /** The version that was bought. */
  listing_id: z.string(),
  /** The key by which access was granted; absent on a validator's token. */
  key_id: z.string().optional(),
  /** keccak256 of that version's ContentManifest: which bytes the gateway must serve. */
  manifest_hash: z.string(),
  scopes: z.array(scopeSchema).min(1),
  purpose: z.enum(["use", "validate"]),
  quota: z.object({ rpm: z.int().optional(), daily_quota: z.int().optional() }).optional(),
  policy: z.object({ transferable: z.boolean(), watermark: z.boolean() }).optional(),
  /** Stands for this buyer and key in what is delivered, so that the exchange can tell whose copy leaked. */
  watermark_id: z.string().optional(),
  rate_limit_key: z.string().optional(),
  ttl_hint: z.int().optional(),
  /**
   * Whom the token is bound to: the RFC 7638 thumbprint of the key by which its bearer has to sign a DPoP proof with every request
   * (RFC 9449 section 6.1). Absent on a plain bearer token.
   */
  cnf: z.object({ jkt: z.string() }).optional(),
});

export type CapabilityClaims = z.infer<typeof capabilityClaimsSchema>;

/** How a token is written. The listing's `token_scheme` chooses. */
export const tokenSchemes = ["jwt", "paseto"] as const;
export type TokenScheme = (typeof tokenSchemes)[number];
