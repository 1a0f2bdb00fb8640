import { expect } from "chai";
import { createLocalJWKSet, type JWTVerifyGetKey } from "jose";
import { createTokenVerifier } from "../../gateway/verified.ts";
import { type CapabilityClaims, signCapability, tokenSchemes } from "../../sdk/capability.ts";
import { CapabilityExpiredError, CapabilityInvalidError } from "../../sdk/errors.ts";
import { makeClaims, makeKey, type TestKey } from "./support/exchange.ts";

/*
a token that was found good
├── comes again                               the same claims, without another look at the signature
├── comes again, changed by one character     refused
├── comes again after its end                 refused as expired
└── T42 its key was killed meanwhile          refused; fetched anew: checked again and honoured
*/
describe("gateway: tokens that are remembered", () => {
  const issuer = "https://exchange.example";
  let key: TestKey;
  let other: TestKey;
  before(async () => {
    [key, other] = await Promise.all([makeKey(), makeKey()]);
  });

  /** A verifier over a set of keys that can be replaced, at a time that can be moved. */
  function start() {
    const state = { keys: createLocalJWKSet({ keys: [key.jwk] }), now: Date.now(), signatures: 0 };
    const find: JWTVerifyGetKey = (header, token) => {
      // Who only asks for the key has no signature to check.
      if (token.signature !== "") state.signatures++;
      return state.keys(header, token);
    };
    const verify = createTokenVerifier({ keys: { find }, issuer, now: () => state.now });
    return { state, verify };
  }

  const refusal = (promise: Promise<CapabilityClaims>) =>
    promise.then(
      () => undefined,
      (error: unknown) => error,
    );

  for (const scheme of tokenSchemes) {
    it(`gives the claims again, and refuses a changed one (${scheme})`, async () => {
      const { verify } = start();
      const claims = makeClaims(issuer);
      const token = await signCapability(claims, key, scheme);
      const first = await verify(token);
      expect(first).to.deep.equal(claims);
      expect(await verify(token), "the very same").to.equal(first);
      const changed = `${token.slice(0, 40)}${token[40] === "A" ? "B" : "A"}${token.slice(41)}`;
      expect(await refusal(verify(changed))).to.be.instanceOf(CapabilityInvalidError);
    });

    it(`T42 refuses it once its key is killed (${scheme})`, async () => {
      const { state, verify } = start();
      const token = await signCapability(makeClaims(issuer), key, scheme);
      await verify(token);
      state.keys = createLocalJWKSet({ keys: [other.jwk] });
      expect(await refusal(verify(token))).to.be.instanceOf(CapabilityInvalidError);
    });

    it(`refuses it after its end (${scheme})`, async () => {
      const { state, verify } = start();
      const claims = makeClaims(issuer);
      const token = await signCapability(claims, key, scheme);
      await verify(token);
      state.now = (claims.exp + 60) * 1000;
      expect(await refusal(verify(token))).to.be.instanceOf(CapabilityExpiredError);
    });
  }

  it("looks at the signature once for each set of keys", async () => {
    const { state, verify } = start();
    const token = await signCapability(makeClaims(issuer), key);
    for (let i = 0; i < 3; i++) await verify(token);
    expect(state.signatures).to.equal(1);
    state.keys = createLocalJWKSet({ keys: [key.jwk] });
    for (let i = 0; i < 3; i++) await verify(token);
    expect(state.signatures).to.equal(2);
  });
});
