/**
 * DPoP proofs (RFC 9449)
 * ├── T40 a proof for this request tells the client's key, by ES256 and EdDSA
 * ├── T40 for another request, time or token; with a private, symmetric or foreign key; of another typ: refused
 * └── T40 any changed character is refused
 */
import { expect } from "chai";
import fc from "fast-check";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWTHeaderParameters, SignJWT } from "jose";
import { createDpopKey, DPOP_WINDOW, signDpopProof, verifyDpopProof } from "../../sdk/dpop.ts";
import { CapabilityInvalidError } from "../../sdk/errors.ts";

const request = { htm: "POST", htu: "https://exchange.example/me/buy/token" };
const key = await generateKeyPair("ES256", { extractable: true });
const jwk = await exportJWK(key.publicKey);
const seconds = () => Math.floor(Date.now() / 1000);

const good = () => ({ jti: crypto.randomUUID(), htm: "POST", htu: request.htu, iat: seconds() });
const forge = (
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
  by = key.privateKey,
) =>
  new SignJWT({ ...good(), ...claims })
    .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk, ...header } as JWTHeaderParameters)
    .sign(by);

async function refused(proof: string, what: string, wanted: Parameters<typeof verifyDpopProof>[1] = request) {
  const error = await verifyDpopProof(proof, wanted).catch((thrown: unknown) => thrown);
  expect(error, what).to.be.instanceOf(CapabilityInvalidError);
}

describe("dpop", () => {
  it("T40 tells the thumbprint of the key, whichever of the algorithms it has", async () => {
    const own = await createDpopKey();
    const proof = await signDpopProof(own, { ...request, htu: `${request.htu}?a=1#b`, accessToken: "t" });
    const found = await verifyDpopProof(proof, { ...request, accessToken: "t" });
    expect(found.jkt).to.equal(own.jkt);
    expect(found.until).to.be.closeTo(seconds() + DPOP_WINDOW, 5);
    const edwards = await generateKeyPair("EdDSA", { extractable: true });
    const edJwk = await exportJWK(edwards.publicKey);
    const other = await forge({}, { alg: "EdDSA", jwk: edJwk }, edwards.privateKey);
    expect((await verifyDpopProof(other, request)).jkt).to.equal(await calculateJwkThumbprint(edJwk));
  });

  it("T40 refuses what proves nothing for this request", async () => {
    const secret = await exportJWK(key.privateKey);
    const stranger = await generateKeyPair("ES256");
    const bad: [string, Promise<string>][] = [
      ["another method", forge({ htm: "GET" })],
      ["a method in small letters", forge({ htm: "post" })],
      ["another path", forge({ htu: "https://exchange.example/me/validate/token" })],
      ["another host", forge({ htu: "https://other.example/me/buy/token" })],
      ["another scheme", forge({ htu: "http://exchange.example/me/buy/token" })],
      ["an old one", forge({ iat: seconds() - DPOP_WINDOW - 5 })],
      ["one from the future", forge({ iat: seconds() + DPOP_WINDOW + 5 })],
      ["no iat", forge({ iat: undefined })],
      ["no jti", forge({ jti: undefined })],
      ["no htu", forge({ htu: undefined })],
      ["typ JWT", forge({}, { typ: "JWT" })],
      ["no jwk", forge({}, { jwk: undefined })],
      ["a private jwk", forge({}, { jwk: secret })],
      ["a symmetric jwk", forge({}, { jwk: { kty: "oct", k: "AAAA" } })],
      ["a jwk that is a text", forge({}, { jwk: "x" })],
      ["another's jwk", forge({}, {}, stranger.privateKey)],
      ["a jku instead", forge({}, { jwk: undefined, jku: "http://127.0.0.1:9/" })],
    ];
    for (const [what, proof] of bad) await refused(await proof, what);
    for (const junk of ["", "x", "..", "a.b.c"]) await refused(junk, junk);
    const honest = await forge();
    await refused(`${honest}, ${honest}`, "two of them");
    await refused(honest, "no ath for a token", { ...request, accessToken: "t" });
    await refused(await forge({ ath: "x" }), "another token's ath", { ...request, accessToken: "t" });
  });

  it("T40 refuses any change of a single character", async () => {
    const proof = await signDpopProof(await createDpopKey(), request);
    await fc.assert(
      fc.asyncProperty(fc.nat(proof.length - 1), fc.constantFrom(..."Aa0_-.="), async (at, char) => {
        const changed = proof.slice(0, at) + char + proof.slice(at + 1);
        fc.pre(changed !== proof && at < proof.length - 1 && proof[at + 1] !== ".");
        await refused(changed, changed);
      }),
      { numRuns: 100 },
    );
  });
});
