/** The nonce of a bound purchase: the twin against `Exchange.authorizationNonce`, and a signature that the contract takes. */
import { expect } from "chai";
import fc from "fast-check";
import { type Address, getAddress, type Hex, toHex } from "viem";
import { authorizationNonce, type Purchase } from "../../sdk/bound-purchase.ts";
import { loadFixture } from "../contracts/support/chain.ts";
import { deployMoa } from "../contracts/support/deploy.ts";

const hex = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes): Hex => toHex(bytes));
const uint = (bits: number) => fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) - 1n });
const purchases = fc.record({
  ekId: uint(256),
  version: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  recipient: hex(20).map((a): Address => getAddress(a)),
  maxPrice: uint(256),
  deadline: uint(256),
  referrerId: uint(256),
});

describe("bound purchase", () => {
  it("T12 T17 has the nonce that the contract computes", async () => {
    const { exchange } = await loadFixture(deployMoa);
    const at = { chainId: 31337, exchange: exchange.address };
    await fc.assert(
      fc.asyncProperty(purchases, hex(32), async (purchase, salt) => {
        expect(authorizationNonce(at, purchase, salt)).to.equal(
          await exchange.read.authorizationNonce([purchase, salt]),
        );
      }),
      { numRuns: 100 },
    );
  });

  it("T17 has another nonce for any other purchase, salt, chain or exchange", () => {
    const at = { chainId: 31337, exchange: getAddress(`0x${"11".repeat(20)}`) };
    const changes: ((p: Purchase) => Purchase)[] = [
      (p) => ({ ...p, ekId: p.ekId ^ 1n }),
      (p) => ({ ...p, version: (p.version + 1) % 2 ** 32 }),
      (p) => ({ ...p, recipient: at.exchange }),
      (p) => ({ ...p, maxPrice: p.maxPrice ^ 1n }),
      (p) => ({ ...p, deadline: p.deadline ^ 1n }),
      (p) => ({ ...p, referrerId: p.referrerId ^ 1n }),
    ];
    fc.assert(
      fc.property(purchases, hex(32), (purchase, salt) => {
        fc.pre(purchase.recipient !== at.exchange);
        const nonces = [
          authorizationNonce(at, purchase, salt),
          authorizationNonce({ ...at, chainId: 1 }, purchase, salt),
          authorizationNonce({ ...at, exchange: getAddress(`0x${"22".repeat(20)}`) }, purchase, salt),
          authorizationNonce(at, purchase, toHex(BigInt(salt) ^ 1n, { size: 32 })),
          ...changes.map((change) => authorizationNonce(at, change(purchase), salt)),
        ];
        expect(new Set(nonces).size).to.equal(nonces.length);
      }),
    );
  });
});
