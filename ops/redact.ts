/**
 * Keeps out of the log what would let its reader act for somebody else: tokens, signatures, keys, cards, passwords, tickets in URLs. By the
 * name of a field, by the form of a text, and by the very value of the secrets that the process was started with.
 */

const HIDDEN = "[redacted]";

/** Names of fields, in lower case and without `-` and `_`, whose value is never written. */
const secretNames = new Set([
  ...["authorization", "proxyauthorization", "cookie", "setcookie", "dpop", "signinwithx"],
  ...["paymentsignature", "xpayment", "paymentpayload", "signature", "sig", "v", "r", "s"],
  ...["secret", "clientsecret", "password", "passphrase", "privatekey", "privatejwk", "apikey", "mnemonic"],
  ...["jwt", "jws", "ticket", "signed", "raw", "card", "cardnumber", "pan", "cvc", "cvv", "iban"],
]);
const secretEndings = /(?:secret|password|privatekey|signature|cookie|apikey|jwt|ticket|token)$/;
/** What may stand under a name like `token`: an ERC-20's address, a hash, or no text at all. */
const HARMLESS = /^0x(?:[0-9a-f]{40}|[0-9a-f]{64})$/i;

/** Forms of text, and what stands in the log in their place. */
const forms: readonly (readonly [RegExp, string])[] = [
  // JWS, JWE, and what x402 and MPP send: base64 of JSON.
  [/eyJ[\w+/=-]{8,}(?:\.[\w-]*)*/g, "[token]"],
  [/\bv[1-4]\.(?:public|local)\.[\w-]{8,}(?:\.[\w-]*)?/g, "[token]"], // PASETO
  [/\b(Bearer|DPoP|Basic) +[\w+/=.~-]{16,}/gi, "$1 [token]"],
  [/0x[0-9a-f]{128,}/gi, "[hex]"], // signatures, signed transactions
  [/\b(?:pi|seti)_\w+_secret_\w+|\b[sr]k_(?:live|test)_\w+|\bwhsec_\w+/g, "[secret]"], // Stripe's
  [/([a-z][a-z0-9+.-]*:\/\/)[^\s/@"]+@/gi, `$1${HIDDEN}@`], // user and password in a URL
  [
    /([?&][\w-]*(?:signed|ticket|token|sig|signature|secret|key|code|password|auth)=)[^&\s"'#]+/gi,
    `$1${HIDDEN}`,
  ],
];

/** Digits like a card's, with spaces or dashes between them. */
const CARD = /\b[3-6](?:[ -]?\d){12,18}\b/g;

export type Redact = {
  /** A text without what is secret in it. */
  text(value: string): string;
  /** For `JSON.stringify`: errors and bigints become readable, secrets do not. */
  replacer(this: unknown, key: string, value: unknown): unknown;
};

/** Shorter values would be found everywhere. */
const SHORTEST_SECRET = 8;

/** `secrets`: values that must appear nowhere, as they stand and, for hex, without their `0x` and in any case. */
export function createRedact(secrets: readonly string[] = []): Redact {
  const values = secrets.flatMap((secret) => [secret, secret.replace(/^0x/i, "")]);
  const long = [...new Set(values)].filter((value) => value.length >= SHORTEST_SECRET);
  const known =
    long.length === 0
      ? undefined
      : new RegExp(
          long
            .toSorted((a, b) => b.length - a.length)
            .map((value) => value.replace(/[^\w]/g, "\\$&"))
            .join("|"),
          "gi",
        );
  const text = (value: string): string => {
    let clean = known ? value.replace(known, "[secret]") : value;
    for (const [form, instead] of forms) clean = clean.replace(form, instead);
    return clean.replace(CARD, (digits) => (isCardNumber(digits) ? "[card]" : digits));
  };
  return {
    text,
    replacer(key, value) {
      if (isSecretName(key, this) && !isHarmless(value)) return HIDDEN;
      if (typeof value === "string") return text(value);
      if (typeof value === "bigint") return value.toString();
      return value instanceof Error ? readable(value) : value;
    },
  };
}

function isSecretName(key: string, holder: unknown): boolean {
  const name = key.toLowerCase().replace(/[-_]/g, "");
  // A JWK's private part, and the three parts of an ECDSA signature, are named by one letter: they count beside their like.
  if (name.length === 1) {
    const beside = typeof holder === "object" && holder !== null ? holder : {};
    return (name === "d" && "kty" in beside) || (secretNames.has(name) && "r" in beside && "s" in beside);
  }
  return secretNames.has(name) || secretEndings.test(name);
}

function isHarmless(value: unknown): boolean {
  if (typeof value === "string") return HARMLESS.test(value);
  return value === null || value === undefined || typeof value === "boolean";
}

/** Errors have no fields of their own that JSON would show. One with a code tells what happened; one without has to be found. */
function readable(error: Error): Record<string, unknown> {
  const { name, message, cause, stack } = error;
  return {
    name,
    message,
    ...("code" in error ? { code: error.code } : { stack }),
    ...(cause ? { cause } : {}),
  };
}

/** By the check digit (ISO/IEC 7812-1): long amounts are no cards, but for one in ten. */
function isCardNumber(text: string): boolean {
  const digits = [...text.replace(/\D/g, "")].toReversed().map(Number);
  const sum = digits.reduce((total, digit, i) => {
    const counted = i % 2 === 0 ? digit : digit * 2;
    return total + (counted > 9 ? counted - 9 : counted);
  }, 0);
  return sum % 10 === 0;
}
