/**
 * Capability tokens
 * ├── T40 forged: other algorithms, other keys, keys named in the token, changed bytes   INVALID_SIGNATURE
 * ├── T41 of another exchange, for another gateway, of another kind                       INVALID_SIGNATURE
 * ├── expired, too old, from the future, living too long
 * ├── claims missing or of another type
 * └── the keys can't be had: thrown on as it is, never a verdict on the token
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import fc from "fast-check";
import {
  base64url,
  createLocalJWKSet,
  createRemoteJWKSet,
  exportJWK,
  generateKeyPair,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from "jose";
import {
  CAPABILITY_MAX_TTL,
  CAPABILITY_TYP,
  type CapabilityClaims,
  signCapability,
  verifyCapability,
} from "../../sdk/capability.ts";
import { CapabilityExpiredError, CapabilityInvalidError } from "../../sdk/errors.ts";

const issuer = "http://exchange.example";
const audience = "agt_31337_1";
const kid = "2026-11";

const { publicKey, privateKey } = await generateKeyPair("EdDSA", { extractable: true });
const publicJwk = { ...(await exportJWK(publicKey)), kid, alg: "EdDSA", use: "sig" };
const keys = createLocalJWKSet({ keys: [publicJwk] });
const check = { keys, issuer, audience };

const seconds = () => Math.floor(Date.now() / 1000);

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

const sign = (changes: Partial<CapabilityClaims> = {}) =>
  signCapability(claims(changes), { privateKey, kid });

/** Signs anything with the exchange's own key. */
const signAny = (payload: JWTPayload, header: Record<string, unknown> = {}) =>
  new SignJWT(payload)
    .setProtectedHeader({ alg: "EdDSA", kid, typ: CAPABILITY_TYP, ...header })
    .sign(privateKey);

async function refusal(token: string): Promise<CapabilityInvalidError> {
  const error = await verifyCapability(token, check).then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error, `verifying ${token.slice(0, 60)}`).to.be.instanceOf(CapabilityInvalidError);
  expect((error as CapabilityInvalidError).code).to.equal("INVALID_SIGNATURE");
  return error as CapabilityInvalidError;
}

const encode = (value: unknown) => base64url.encode(JSON.stringify(value));

/** A token with this header, signed by `sign` or not at all. */
async function forge(header: object, mac: (input: string) => Promise<string> | string): Promise<string> {
  const input = `${encode({ kid, typ: CAPABILITY_TYP, ...header })}.${encode(claims())}`;
  return `${input}.${await mac(input)}`;
}

const hmac = (secret: string) => async (input: string) => {
  const key = await crypto.subtle.importKey(
    "raw",
    new TextEncoder().encode(secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign"],
  );
  return base64url.encode(
    new Uint8Array(await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(input))),
  );
};

describe("capability", () => {
  it("verifies to the claims that were signed", async () => {
    const signed = claims({ quota: { rpm: 60 }, policy: { transferable: false, watermark: true } });
    const token = await signCapability(signed, { privateKey, kid });
    expect(await verifyCapability(token, check)).to.deep.equal(signed);
  });

  describe("T40 forged tokens", () => {
    const none = () => "";
    const corpus: [what: string, token: () => Promise<string>][] = [
      ["alg none", () => forge({ alg: "none" }, none)],
      ["alg None", () => forge({ alg: "None" }, none)],
      ["no alg", () => forge({}, none)],
      ["alg null", () => forge({ alg: null }, none)],
      ["HS256 with the public key's x", () => forge({ alg: "HS256" }, hmac(publicJwk.x as string))],
      ["HS256 with the public key as JSON", () => forge({ alg: "HS256" }, hmac(JSON.stringify(publicJwk)))],
      ["HS256 with an empty secret", () => forge({ alg: "HS256" }, hmac("\0"))],
      ["EdDSA without signature", () => forge({ alg: "EdDSA" }, none)],
      [
        "EdDSA with a signature of zeros",
        () => forge({ alg: "EdDSA" }, () => base64url.encode(new Uint8Array(64))),
      ],
      [
        "ES256 header over an EdDSA signature",
        async () => (await sign()).replace(/^[^.]+/, encode({ alg: "ES256", kid, typ: CAPABILITY_TYP })),
      ],
      [
        "b64 false",
        () => forge({ alg: "EdDSA", b64: false, crit: ["b64"] }, () => base64url.encode(new Uint8Array(64))),
      ],
      ["an unknown critical extension", () => forge({ alg: "EdDSA", crit: ["x"], x: 1 }, none)],
    ];
    for (const [what, token] of corpus)
      it(`refuses ${what}`, async () => void (await refusal(await token())));

    it("refuses another key's signature, named by jwk, jku, x5u, or by the exchange's kid", async () => {
      const other = await generateKeyPair("EdDSA", { extractable: true });
      const jwk = await exportJWK(other.publicKey);
      const headers = [
        {},
        { jwk },
        { jku: "http://127.0.0.1:1/jwks.json" },
        { x5u: "http://127.0.0.1:1/x5u" },
        { kid: "other" },
        { kid: "../../etc/passwd" },
        { kid: undefined },
      ];
      for (const header of headers) {
        const token = await new SignJWT(claims())
          .setProtectedHeader({ alg: "EdDSA", kid, typ: CAPABILITY_TYP, ...header } as JWTHeaderParameters)
          .sign(other.privateKey);
        await refusal(token);
      }
    });

    it("refuses any change of a single character, and any junk", async () => {
      const token = await sign();
      await fc.assert(
        fc.asyncProperty(
          fc.nat(token.length - 1),
          fc.constantFrom(..."Aa0_-.=~ \u{1f600}"),
          async (at, char) => {
            const changed = token.slice(0, at) + char + token.slice(at + 1);
            // The last character of a base64url text carries bits that belong to no byte.
            fc.pre(changed !== token && at < token.length - 1 && token[at + 1] !== ".");
            await refusal(changed);
          },
        ),
        { numRuns: 300 },
      );
      await fc.assert(fc.asyncProperty(fc.string(), async (junk) => void (await refusal(junk))));
    });
  });

  describe("T41 tokens for somebody else", () => {
    const others: [what: string, changes: Partial<CapabilityClaims>][] = [
      ["another gateway's", { aud: "agt_31337_9" }],
      ["another exchange's", { iss: "http://other.example" }],
      ["one with a slash behind the issuer", { iss: `${issuer}/` }],
    ];
    for (const [what, changes] of others) {
      it(`refuses ${what}`, async () => void (await refusal(await sign(changes))));
    }

    it("refuses a session or any other kind of token of the same exchange", async () => {
      for (const typ of ["JWT", "session+jwt", undefined]) {
        await refusal(await signAny(claims() as JWTPayload, { typ }));
      }
    });
  });

  describe("time", () => {
    it("tells an expired token as TOKEN_EXPIRED, with the time", async () => {
      const exp = seconds() - 60;
      const error = await verifyCapability(await sign({ iat: exp - 60, exp }), check).catch(
        (e: unknown) => e,
      );
      expect(error).to.be.instanceOf(CapabilityExpiredError);
      expect((error as CapabilityExpiredError).message).to.equal(
        `Capability token expired at ${new Date(exp * 1000).toISOString()}.`,
      );
      expect((error as CapabilityExpiredError).code).to.equal("TOKEN_EXPIRED");
    });

    it(`takes no token older than ${CAPABILITY_MAX_TTL} s, whatever its exp says`, async () => {
      const error = await verifyCapability(
        await sign({ iat: seconds() - CAPABILITY_MAX_TTL - 60, exp: seconds() + 3_600 }),
        check,
      ).catch((e: unknown) => e);
      expect(error).to.be.instanceOf(CapabilityExpiredError);
    });

    it("takes no token from the future", async () =>
      void (await refusal(await sign({ iat: seconds() + 60 }))));
  });

  describe("claims", () => {
    for (const name of [
      "sub",
      "jti",
      "iat",
      "exp",
      "ek_id",
      "listing_id",
      "manifest_hash",
      "scopes",
      "purpose",
      "iss",
      "aud",
    ]) {
      it(`refuses a token without ${name}`, async () => {
        const { [name as "sub"]: _, ...rest } = claims();
        await refusal(await signAny(rest as JWTPayload));
      });
    }
    const wrong: Record<string, unknown>[] = [
      { scopes: [] },
      { scopes: ["admin"] },
      { scopes: "read" },
      { purpose: "any" },
      { exp: "tomorrow" },
      { sub: 7 },
      { aud: [audience, "agt_31337_9"] },
    ];
    for (const changes of wrong) {
      it(`refuses ${JSON.stringify(changes)}`, async () =>
        void (await refusal(await signAny({ ...claims(), ...changes } as JWTPayload))));
    }
  });

  describe("when the keys can't be had", () => {
    it("throws that on, and calls no token invalid", async () => {
      const token = await sign();
      const server = createServer((_, response) => response.writeHead(503).end("down"));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`);
      const down = await verifyCapability(token, { ...check, keys: createRemoteJWKSet(url) }).catch(
        (e: unknown) => e,
      );
      server.close();
      expect(down).to.be.instanceOf(Error).and.not.instanceOf(CapabilityInvalidError);

      const gone = await verifyCapability(token, {
        ...check,
        keys: createRemoteJWKSet(url, { cooldownDuration: 0 }),
      }).catch((e: unknown) => e);
      expect(gone).to.be.instanceOf(Error).and.not.instanceOf(CapabilityInvalidError);
    });
  });
});
