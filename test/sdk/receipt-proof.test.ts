/** Proofs of logs: the trie against another one written for the contracts' tests, and a block that does not fit together. */
import { expect } from "chai";
import fc from "fast-check";
import { type Hex, toHex } from "viem";
import { proveLog, type RawHeader } from "../../sdk/receipt-proof.ts";
import { proveIndex } from "../../sdk/trie.ts";
import { proofOf, trieOf } from "../contracts/support/trie.ts";

const receipt = fc.uint8Array({ minLength: 33, maxLength: 300 }).map((bytes): Hex => toHex(bytes));

describe("receipt proof", () => {
  it("T12 has the root and the way of any other trie of the same receipts", () => {
    fc.assert(
      fc.property(fc.array(receipt, { minLength: 1, maxLength: 300 }), fc.nat(), (receipts, seed) => {
        const index = seed % receipts.length;
        const trie = trieOf(receipts);
        expect(proveIndex(receipts, index)).to.deep.equal({ root: trie.root, nodes: proofOf(trie, index) });
      }),
      { numRuns: 100 },
    );
  });

  it("is refused for a header or receipts that are not the block's", () => {
    const header: RawHeader = { hash: `0x${"1".repeat(64)}`, receiptsRoot: `0x${"2".repeat(64)}` };
    expect(() => proveLog(header, [], { txIndex: 0, logIndex: 0 })).to.throw(
      "fields that are not known here",
    );
  });
});
