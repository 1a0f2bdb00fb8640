/** Quote hash and till: the twins against `Exchange.quoteHashOf` and `Exchange.tillOf`. */
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
    const { exchange } = await loadFixture(deployMoa);
    const at = { chainId: 31337, exchange: exchange.address };
    await fc.assert(
      fc.asyncProperty(quotes, async (quote) => {
        expect(tillAddress(at, quote)).to.equal(await exchange.read.tillOf([quote]));
        expect(quoteHash(at, quote)).to.equal(await exchange.read.quoteHashOf([quote]));
      }),
      { numRuns: 200 },
    );
  });

  it("T17 is another one for any other quote, chain or exchange", async () => {
    const at = { chainId: 31337, exchange: getAddress(`0x${"11".repeat(20)}`) };
    fc.assert(
      fc.property(quotes, quotes, (a, b) => {
        fc.pre(quoteHash(at, a) !== quoteHash(at, b));
        const tills = [
          tillAddress(at, a),
          tillAddress(at, b),
          tillAddress({ ...at, chainId: 1 }, a),
          tillAddress({ ...at, exchange: getAddress(`0x${"22".repeat(20)}`) }, a),
          tillAddress(at, { ...a, maxPrice: a.maxPrice ^ 1n }),
          tillAddress(at, { ...a, version: (a.version + 1) % 2 ** 32 }),
        ];
        expect(new Set(tills).size).to.equal(tills.length);
      }),
    );
  });
});
