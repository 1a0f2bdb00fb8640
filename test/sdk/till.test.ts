/** Quote hash and till: the twins against `Tills.quoteHashOf` and `Tills.tillOf`. */
import { expect } from "chai";
import fc from "fast-check";
import { type Address, getAddress, type Hex, toHex } from "viem";
import { quoteHash, tillAddress } from "../../sdk/till.ts";
import { loadFixture } from "../contracts/support/chain.ts";
import { deployMoa } from "../contracts/support/deploy.ts";

const hex = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes): Hex => toHex(bytes));
const uint = (bits: number) => fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) - 1n });
const quotes = fc.record({
  ekId: uint(256),
  version: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  buyer: hex(20).map((a): Address => getAddress(a)),
  token: hex(20).map((a): Address => getAddress(a)),
  maxPrice: uint(256),
  deadline: uint(256),
  salt: hex(32),
});

describe("till", () => {
  it("T12 T17 is the address, and the quote's hash the hash, that the contract computes", async () => {
    const { tills } = await loadFixture(deployMoa);
    const at = { chainId: 31337, tills: tills.address };
    await fc.assert(
      fc.asyncProperty(quotes, async (quote) => {
        expect(tillAddress(at, quote)).to.equal(await tills.read.tillOf([quote]));
        expect(quoteHash(at, quote)).to.equal(await tills.read.quoteHashOf([quote]));
      }),
      { numRuns: 200 },
    );
  });

  it("T17 is another one for any other quote, chain or contract", async () => {
    const at = { chainId: 31337, tills: getAddress(`0x${"11".repeat(20)}`) };
    fc.assert(
      fc.property(quotes, quotes, (a, b) => {
        fc.pre(quoteHash(at, a) !== quoteHash(at, b));
        const addresses = [
          tillAddress(at, a),
          tillAddress(at, b),
          tillAddress({ ...at, chainId: 1 }, a),
          tillAddress({ ...at, tills: getAddress(`0x${"22".repeat(20)}`) }, a),
          tillAddress(at, { ...a, maxPrice: a.maxPrice ^ 1n }),
          tillAddress(at, { ...a, version: (a.version + 1) % 2 ** 32 }),
        ];
        expect(new Set(addresses).size).to.equal(addresses.length);
      }),
    );
  });
});
