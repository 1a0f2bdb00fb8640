/**
 * Capability tokens as PASETO v4.public
 * ├── verify to the claims that were signed, by the same keys and the same function as JWTs
 * ├── T40 forged: other versions and purposes, other keys, footers, implicit assertions, changed or cut bytes   all refused alike
 * ├── T40 neither format is taken for the other, whatever is put together from the two
 * ├── expired, too old, from the future
 * └── for another gateway
 */
import { createHmac } from "node:crypto";
import { expect } from "chai";
import fc from "fast-check";
import {
  base64url,
  createLocalJWKSet,
  exportJWK,
  generateKeyPair,
  type JWTHeaderParameters,
  SignJWT,
} from "jose";
import { PublicProtocol } from "paseto";
import { SecretKeyFromCryptoKey, SignFactory } from "paseto/v4/public";
import {
  CAPABILITY_FOOTER_TYP,
  CAPABILITY_TYP,
  type CapabilityClaims,
  signCapability,
  verifyCapability,
} from "../../sdk/capability.ts";
import { CapabilityInvalidError, type ExchangeError } from "../../sdk/errors.ts";

const issuer = "http://exchange.example";
const audience = "agt_31337_1";
const kid = "2026-11";

const { publicKey, privateKey } = await generateKeyPair("EdDSA", { extractable: true });
const other = await generateKeyPair("EdDSA", { extractable: true });
const jwk = { ...(await exportJWK(publicKey)), kid, alg: "EdDSA", use: "sig" };
const check = { keys: createLocalJWKSet({ keys: [jwk] }), issuer, audience };
const v4 = new PublicProtocol(SignFactory);

const seconds = () => Math.floor(Date.now() / 1000);
const bytes = (value: unknown) =>
  new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
const iso = (at: number) => new Date(at * 1000).toISOString();

function claims(changes: Partial<CapabilityClaims> = {}): CapabilityClaims {
  return {
    iss: issuer,
    sub: "agt_31337_2",
    aud: audience,
    jti: "9d4e0c6c-3c5e-4f0e-8d8a-0a6f4a0d7d11",
    iat: seconds(),
    exp: seconds() + 300,
    ek_id: "ek_31337_1",
    listing_id: "lst_31337_1_v1",
    key_id: "key_31337_1_2_0",
    manifest_hash: `0x${"a".repeat(64)}`,
    scopes: ["read", "download"],
    purpose: "use",
    ...changes,
  };
}

const sign = (changes: Partial<CapabilityClaims> = {}, key = privateKey) =>
  signCapability(claims(changes), { privateKey: key, kid }, "paseto");

const goodFooter = { kid, typ: CAPABILITY_FOOTER_TYP };
type Made = {
  by?: typeof privateKey;
  footer?: unknown;
  implicit?: string;
  payload?: Record<string, unknown>;
};

/** Any v4.public token, signed by any key over any footer. */
async function make({
  by = privateKey,
  footer = goodFooter,
  implicit,
  payload = {},
}: Made = {}): Promise<string> {
  const good = { ...claims(), iat: iso(seconds()), exp: iso(seconds() + 300), ...payload };
  return v4.Sign(await SecretKeyFromCryptoKey(by), JSON.parse(JSON.stringify(good)), {
    ...(footer === null ? {} : { footer: bytes(footer) }),
    ...(implicit === undefined ? {} : { implicitAssertion: bytes(implicit) }),
  });
}

/** A JWT by the exchange's own key under another header. */
const signJwt = (header: Record<string, unknown>) =>
  new SignJWT(claims())
    .setProtectedHeader({ alg: "EdDSA", kid, typ: CAPABILITY_TYP, ...header } as JWTHeaderParameters)
    .sign(privateKey);

const attempt = (token: string) =>
  verifyCapability(token, check).then(
    () => undefined,
    (error: ExchangeError) => error,
  );

async function refusal(token: string, what = token.slice(0, 60)): Promise<ExchangeError> {
  const error = await attempt(token);
  expect(error, what).to.be.instanceOf(CapabilityInvalidError);
  return error as ExchangeError;
}

describe("capability: PASETO", () => {
  it("verifies to the claims that were signed, with times in seconds", async () => {
    const signed = claims({ quota: { rpm: 60 }, watermark_id: "wm_x", cnf: { jkt: "k" } });
    const token = await signCapability(signed, { privateKey, kid }, "paseto");
    expect(token).to.match(/^v4\.public\.[\w-]+\.[\w-]+$/);
    expect(await verifyCapability(token, check)).to.deep.equal(signed);
  });

  it("T40 refuses every forged PASETO, and all alike", async () => {
    const honest = await sign();
    const jwt = await signCapability(claims(), { privateKey, kid });
    const [, , payload = "", footer = ""] = honest.split(".");
    const [head = "", jwtBody = "", jwtMac = ""] = jwt.split(".");
    const raw = base64url.decode(payload);
    const flipped = (at: number) => {
      const copy = raw.slice();
      copy[at] = (copy[at] ?? 0) ^ 1;
      return `v4.public.${base64url.encode(copy)}.${footer}`;
    };
    const body = (at: string) => `${at}.${payload}.${footer}`;
    const hs = createHmac("sha256", base64url.decode(String(jwk.x)))
      .update(payload)
      .digest("base64url");
    const corpus: [what: string, token: string | Promise<string>][] = [
      ["v1.public", body("v1.public")],
      ["v2.public", body("v2.public")],
      ["v3.public", body("v3.public")],
      ["v3.local", body("v3.local")],
      ["v4.local", body("v4.local")],
      ["v4.local under the public prefix", `v4.public.v4.local.${payload}`],
      ["V4.PUBLIC", body("V4.PUBLIC")],
      ["v5.public", body("v5.public")],
      ["a space before it", ` ${honest}`],
      ["another key under our kid", make({ by: other.privateKey })],
      ["another key under its kid", make({ by: other.privateKey, footer: { ...goodFooter, kid: "other" } })],
      ["no footer", make({ footer: null })],
      ["footer cut off", `v4.public.${payload}`],
      ["an empty footer", `v4.public.${payload}.`],
      ["a footer that is no JSON", make({ footer: "kid" })],
      ["a footer that is the kid alone", make({ footer: JSON.stringify(kid) })],
      ["a footer without kid", make({ footer: { typ: CAPABILITY_FOOTER_TYP } })],
      ["a footer with an empty kid", make({ footer: { ...goodFooter, kid: "" } })],
      ["a footer without typ", make({ footer: { kid } })],
      ["a footer of another typ", make({ footer: { kid, typ: "session" } })],
      ["a JWT's typ in the footer", make({ footer: { kid, typ: "ek+jwt" } })],
      ["a footer with a jwk", make({ by: other.privateKey, footer: { ...goodFooter, jwk } })],
      ["a footer with a jku", make({ footer: { ...goodFooter, jku: "http://127.0.0.1:9/" } })],
      ["a footer with a wrapped key (wpk)", make({ footer: { ...goodFooter, wpk: "k4.local-wrap.pie.x" } })],
      [
        "a kid with a path",
        make({ by: other.privateKey, footer: { ...goodFooter, kid: "../../etc/passwd" } }),
      ],
      ["a kid that is a list", make({ footer: { ...goodFooter, kid: [kid] } })],
      ["a huge footer", make({ footer: { ...goodFooter, kid: "k".repeat(5_000) } })],
      [
        "another footer put under it",
        `v4.public.${payload}.${base64url.encode(JSON.stringify({ ...goodFooter, kid: "x" }))}`,
      ],
      [
        "the footer in another order",
        `v4.public.${payload}.${base64url.encode(JSON.stringify({ typ: CAPABILITY_FOOTER_TYP, kid }))}`,
      ],
      ["an implicit assertion", make({ implicit: "{}" })],
      ["an implicit assertion of our issuer", make({ implicit: issuer })],
      ["one bit of the claims", flipped(10)],
      ["one bit of the signature", flipped(raw.length - 10)],
      ["cut by one byte", `v4.public.${base64url.encode(raw.slice(0, -1))}.${footer}`],
      ["the signature alone", `v4.public.${base64url.encode(raw.slice(-64))}.${footer}`],
      ["no signature", `v4.public.${base64url.encode(raw.slice(0, -64))}.${footer}`],
      [
        "a signature of zeros",
        `v4.public.${base64url.encode(new Uint8Array([...raw.slice(0, -64), ...new Uint8Array(64)]))}.${footer}`,
      ],
      ["an HMAC by the public key", `v4.public.${payload}.${footer}.${hs}`],
      ["padding", `v4.public.${payload}==.${footer}`],
      ["a part more", `${honest}.${footer}`],
      ["itself, nested", make({ payload: { ek_id: undefined, token: honest } })],
      [
        "a JWT's claims and signature",
        `v4.public.${base64url.encode(new Uint8Array([...base64url.decode(jwtBody), ...base64url.decode(jwtMac)]))}.${footer}`,
      ],
      ["a JWT with a PASETO's signature", `${head}.${jwtBody}.${base64url.encode(raw.slice(-64))}`],
      ["a JWT header over a PASETO payload", `${head}.${payload}.${jwtMac}`],
      ["a JWT after the prefix", `v4.public.${jwt}`],
      [
        "times as numbers",
        `v4.public.${base64url.encode(new Uint8Array([...bytes(claims()), ...raw.slice(-64)]))}.${footer}`,
      ],
      ["an exp that is no time", `v4.public.${payload}.${footer}`.replace(payload.slice(0, 8), "AAAAAAAA")],
      ["not yet valid (nbf)", make({ payload: { nbf: iso(seconds() + 60) } })],
      ["issued in the future", make({ payload: { iat: iso(seconds() + 60) } })],
      ["no ek_id", make({ payload: { ek_id: undefined } })],
      ["scopes that are a text", make({ payload: { scopes: "read" } })],
      ["another issuer", make({ payload: { iss: `${issuer}/` } })],
      ["another gateway's", make({ payload: { aud: "agt_31337_9" } })],
      ["a JWT of ours that names no key", signJwt({ kid: undefined })],
      ["a JWT of ours that names an empty key", signJwt({ kid: "" })],
      ["a JWT of ours with a PASETO's typ", signJwt({ typ: CAPABILITY_FOOTER_TYP })],
      ["nothing after the prefix", "v4.public."],
      ["dots after the prefix", "v4.public..."],
    ];
    expect(corpus.length).to.be.at.least(50);
    const shapes = new Set<string>();
    for (const [what, token] of corpus) {
      const error = await refusal(await token, what);
      shapes.add(
        JSON.stringify([error.name, error.code, error.status, error.hint, Object.keys(error.details)]),
      );
    }
    expect([...shapes]).to.have.length(1);
  });

  it("T40 refuses any change of a single character, and any junk behind the prefix", async () => {
    const token = await sign();
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 1), fc.constantFrom(..."Aa0_-.=~ "), async (at, char) => {
        const changed = token.slice(0, at) + char + token.slice(at + 1);
        fc.pre(changed !== token);
        await refusal(changed);
      }),
      { numRuns: 200 },
    );
    await fc.assert(fc.asyncProperty(fc.string(), async (junk) => void (await refusal(`v4.public.${junk}`))));
  });

  it("tells an expired one from a forged one, and takes none older than ten minutes", async () => {
    const late = await attempt(await sign({ iat: seconds() - 400, exp: seconds() - 60 }));
    expect(late?.code).to.equal("TOKEN_EXPIRED");
    expect(late?.message).to.match(/^Capability token expired at 20.*Z\.$/);
    expect((await attempt(await sign({ iat: seconds() - 700, exp: seconds() + 3_000 })))?.code).to.equal(
      "TOKEN_EXPIRED",
    );
    const forged = await sign({ iat: seconds() - 400, exp: seconds() - 60 }, other.privateKey);
    expect((await refusal(forged)).code).to.equal("INVALID_SIGNATURE");
    const later = { ...check, now: new Date(Date.now() + 200_000) };
    expect((await verifyCapability(await sign(), later)).sub).to.equal("agt_31337_2");
  });

  it("throws on what keeps the keys away, and blames no token for it", async () => {
    const down = new Error("down");
    const keys = async () => {
      throw down;
    };
    const error = await verifyCapability(await sign(), { ...check, keys }).catch((thrown: unknown) => thrown);
    expect(error).to.equal(down);
  });
});
