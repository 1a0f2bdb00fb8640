/**
 * Typed errors. Each has a stable `code`, a message that names the value that was wrong, and a hint that says what to do next.
 * The codes are those of the wire: {@link errorCodes}.
 */

/** Every code that the API and the gateway answer with, and its usual HTTP status. */
export const errorCodes = {
  // Auth and identity
  INVALID_EOA: 400,
  NONCE_EXPIRED: 401,
  INVALID_SIGNATURE: 401,
  SESSION_EXPIRED: 401,
  // Access and ownership
  EK_NOT_FOUND: 404,
  EK_NOT_OWNED: 403,
  SCOPE_DENIED: 403,
  TOKEN_EXPIRED: 401,
  QUOTA_EXCEEDED: 429,
  // Listing and validation
  LISTING_INVALID: 400,
  LISTING_CONFLICT: 409,
  VALIDATION_INVALID: 422,
  VALIDATION_CONFLICT: 409,
  // Store and gateway
  STORE_DOWN: 503,
  GATEWAY_UNREACHABLE: 502,
  MANIFEST_INVALID: 400,
  HASH_MISMATCH: 502,
  EXECUTION_FAILED: 502,
  // Payments and points
  PAYMENT_REQUIRED: 402,
  PAYMENT_FAILED: 402,
  PAYMENT_PENDING: 202,
  POINTS_POLICY_VIOLATION: 409,
  // Rate and system
  RATE_LIMITED: 429,
  PAYLOAD_TOO_LARGE: 413,
  INTERNAL_ERROR: 500,
  SERVICE_UNAVAILABLE: 503,
  // HTTP itself
  INVALID_REQUEST: 400,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
} as const;

export type ErrorCode = keyof typeof errorCodes;

export type ExchangeErrorOptions = {
  hint?: string;
  /** Facts for the machine: the values that were wrong, the bound that they broke. JSON only. */
  details?: Record<string, unknown>;
  /** HTTP status where it differs from the code's usual one. */
  status?: number;
  requestId?: string;
  cause?: unknown;
};

/** The base of all errors of the exchange, also thrown as it is for what the API answers. */
export class ExchangeError extends Error {
  override readonly name: string = "ExchangeError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Record<string, unknown>;
  readonly status: number;
  readonly requestId: string | undefined;

  constructor(code: ErrorCode, message: string, options: ExchangeErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? {};
    this.status = options.status ?? errorCodes[code];
    this.requestId = options.requestId;
  }
}

/** An id that is not of the wire's form. */
export class InvalidIdError extends ExchangeError {
  override readonly name = "InvalidIdError";
  constructor({ id, expected }: { id: string; expected: string }) {
    super("INVALID_REQUEST", `"${id.slice(0, 80)}" is not an id like ${expected}.`, {
      hint: "Take ids as the API gives them: they name their chain.",
      details: { id: id.slice(0, 80), expected },
    });
  }
}

/** The token was well formed and signed, but its time is over. */
export class CapabilityExpiredError extends ExchangeError {
  override readonly name = "CapabilityExpiredError";
  constructor({ expiredAt }: { expiredAt: Date }) {
    super("TOKEN_EXPIRED", `Capability token expired at ${expiredAt.toISOString()}.`, {
      hint: "Ask the exchange for a new token: the key itself is still valid.",
      details: { expired_at: expiredAt.toISOString() },
    });
  }
}

/** The token is malformed, not signed by the exchange, or meant for somebody else. */
export class CapabilityInvalidError extends ExchangeError {
  override readonly name = "CapabilityInvalidError";
  constructor({ reason }: { reason: string }) {
    super("INVALID_SIGNATURE", `Capability token refused: ${reason}.`, {
      hint: "Ask the exchange for a token with POST /me/buy/token and send it unchanged.",
      details: { reason },
    });
  }
}

/** The token was good, but what it was issued for has ended since. Clients treat it like one whose time is over: ask for a new one. */
export class CapabilityRevokedError extends ExchangeError {
  override readonly name = "CapabilityRevokedError";
  constructor({ jti, reason }: { jti: string; reason: string }) {
    super("TOKEN_EXPIRED", `Capability token ${jti} was revoked: ${reason}.`, {
      hint: "Ask the exchange for a new token: it tells whether you still hold a key.",
      details: { reason: "revoked", why: reason },
    });
  }
}

/** Bytes that are not those the manifest names. */
export class HashMismatchError extends ExchangeError {
  override readonly name = "HashMismatchError";
  constructor({ item, expected, actual }: { item: string; expected: string; actual: string }) {
    super("HASH_MISMATCH", `"${item}" hashes to ${actual}, the manifest says ${expected}.`, {
      hint: "Do not use these bytes. Keep them as evidence and report the listing.",
      details: { item, expected, actual },
    });
  }
}

/** A ContentManifest with faults; each names its place by a JSON pointer (RFC 6901). */
export class ManifestInvalidError extends ExchangeError {
  override readonly name = "ManifestInvalidError";
  constructor({ faults }: { faults: { pointer: string; message: string }[] }) {
    const first = faults[0];
    super(
      "MANIFEST_INVALID",
      `The content manifest has ${faults.length} fault(s): ${first?.pointer} ${first?.message}.`,
      {
        hint: "Mend each place in details.faults and send it again.",
        details: { faults },
      },
    );
  }
}
