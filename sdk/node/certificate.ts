/** A client certificate for an agent: self-signed, since who it belongs to is said by the agent's wallet (sdk/agent-identity.ts). */
import { generateKeyPairSync, randomBytes, sign, X509Certificate } from "node:crypto";

export type ClientCertificate = {
  /** PEM. */
  certificate: string;
  /** PEM (PKCS #8). A secret. */
  privateKey: string;
  /** The public key as SubjectPublicKeyInfo, DER: what `bindCertificate` binds. */
  spki: Uint8Array;
};

/**
 * Makes a key pair (P-256) and an X.509 v3 certificate of it (RFC 5280), good for as many days from now.
 * @example
 * const { certificate, privateKey, spki } = makeCertificate({ days: 30 });
 */
export function makeCertificate({
  days,
  commonName = "MOA agent",
  from = new Date(Date.now() - 60_000),
}: {
  days: number;
  commonName?: string;
  /** When it begins; a minute ago when left out, since clocks differ. */
  from?: Date;
}): ClientCertificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const spki = publicKey.export({ type: "spki", format: "der" });
  const name = sequence(der(SET, sequence(COMMON_NAME, der(UTF8_STRING, Buffer.from(commonName)))));
  const algorithm = sequence(ECDSA_WITH_SHA256);
  const body = sequence(
    der(VERSION, der(INTEGER, Buffer.of(2))),
    der(INTEGER, Buffer.concat([Buffer.of(1), randomBytes(15)])), // positive, and of one length
    algorithm,
    name,
    sequence(time(from), time(new Date(from.getTime() + days * 86_400_000))),
    name,
    spki,
  );
  const signature = sign("sha256", body, privateKey);
  const whole = sequence(body, algorithm, der(BIT_STRING, Buffer.concat([Buffer.of(0), signature])));
  return {
    certificate: new X509Certificate(whole).toString(),
    privateKey: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    spki,
  };
}

/** Of a certificate that was made elsewhere, PEM or DER. */
export function spkiOf(certificate: string | Uint8Array): Uint8Array {
  const { publicKey } = new X509Certificate(certificate);
  return publicKey.export({ type: "spki", format: "der" });
}

const [INTEGER, BIT_STRING, UTF8_STRING, UTC_TIME, GENERALIZED_TIME, SEQUENCE, SET, VERSION] = [
  0x02, 0x03, 0x0c, 0x17, 0x18, 0x30, 0x31, 0xa0,
] as const;
/** id-at-commonName and ecdsa-with-SHA256, as object identifiers. */
const COMMON_NAME = Buffer.from("0603550403", "hex");
const ECDSA_WITH_SHA256 = Buffer.from("06082a8648ce3d040302", "hex");

/** A tag, a length and a value (X.690). */
function der(tag: number, value: Uint8Array): Buffer {
  const { length } = value;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), value]);
  const digits = Buffer.from(length.toString(16).padStart(length > 0xff ? 4 : 2, "0"), "hex");
  return Buffer.concat([Buffer.of(tag, 0x80 | digits.length), digits, value]);
}

function sequence(...parts: Uint8Array[]): Buffer {
  return der(SEQUENCE, Buffer.concat(parts));
}

/** Two digits of the year until 2049, four from then on (RFC 5280 section 4.1.2.5). */
function time(at: Date): Buffer {
  const digits = `${at.toISOString().replace(/[-:T]|\..*/g, "")}Z`;
  return at.getUTCFullYear() < 2050
    ? der(UTC_TIME, Buffer.from(digits.slice(2)))
    : der(GENERALIZED_TIME, Buffer.from(digits));
}
