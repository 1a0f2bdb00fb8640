import { expect } from "chai";
import { type Hex, keccak256, stringToBytes, zeroHash } from "viem";
import { placeOf, proveLeaf, provesAbsence, verifyLeaf } from "../../sdk/receipt-proofs.ts";
import { receiptTree } from "../../sdk/receipt-tree.ts";
import { hashRequest, leafOf, missingNumbers, provesReplay, type Receipt } from "../../sdk/receipts.ts";

/*
the tree of a day
├── inclusion   every leaf of trees of 0 to 20, at its place alone
├── absence     of what is not there, by neighbours or at an end; never of what is there
└── order       one, whatever the order in which they came
numbers         those that are missing, and those that were given twice
*/
describe("sdk: receipts", () => {
  const leaves = (count: number): Hex[] =>
    Array.from({ length: count }, (_, i) => keccak256(stringToBytes(`receipt ${i}`)));

  it("proves every leaf, at its place alone", () => {
    for (let count = 1; count <= 20; count++) {
      const tree = receiptTree(leaves(count));
      tree.leaves.forEach((leaf, index) => {
        const proof = proveLeaf(tree, index);
        expect(verifyLeaf(tree.root, proof), `${index} of ${count}`).to.equal(true);
        expect(verifyLeaf(tree.root, { ...proof, index: index + 1 })).to.equal(false);
        expect(verifyLeaf(tree.root, { ...proof, leaf: keccak256(leaf) })).to.equal(false);
        expect(verifyLeaf(tree.root, { ...proof, path: [...proof.path, zeroHash] })).to.equal(false);
        expect(verifyLeaf(zeroHash, proof)).to.equal(false);
      });
    }
    expect(receiptTree([]).root).to.equal(zeroHash);
    const [only] = leaves(1) as [Hex];
    expect(receiptTree([only]).root, "of one receipt the root is its node").to.equal(keccak256(only));
    expect(() => proveLeaf(receiptTree([]), 0)).to.throw(/no leaf 0/);
  });

  it("has one order, and counts nothing twice", () => {
    const all = leaves(9);
    expect(receiptTree([...all].reverse())).to.deep.equal(receiptTree(all));
    expect(() => receiptTree([...all, ...all])).to.throw(/twice/);
  });

  it("proves what was left out, and never what is there", () => {
    const all = leaves(12);
    const kept = receiptTree(all.slice(0, 11));
    const day = { root: kept.root, count: kept.leaves.length };
    const around = (leaf: Hex) => {
      const { index } = placeOf(kept, leaf);
      return {
        before: index > 0 ? proveLeaf(kept, index - 1) : undefined,
        after: index < day.count ? proveLeaf(kept, index) : undefined,
      };
    };
    const omitted = all[11] as Hex;
    expect(placeOf(kept, omitted).found).to.equal(false);
    expect(provesAbsence(day, omitted, around(omitted))).to.equal(true);
    for (const end of [`0x${"00".repeat(32)}`, `0x${"ff".repeat(32)}`] as Hex[])
      expect(provesAbsence(day, end, around(end)), end).to.equal(true);
    for (const leaf of kept.leaves) {
      expect(placeOf(kept, leaf).found).to.equal(true);
      const { index } = placeOf(kept, leaf);
      const before = index > 0 ? proveLeaf(kept, index - 1) : undefined;
      const after = index + 1 < day.count ? proveLeaf(kept, index + 1) : undefined;
      expect(provesAbsence(day, leaf, { before, after }), "not neighbours").to.equal(false);
    }
    expect(provesAbsence(day, omitted, {}), "nothing shown").to.equal(false);
    expect(provesAbsence({ ...day, count: 99 }, omitted, around(omitted)), "another count").to.equal(false);
    expect(provesAbsence({ root: zeroHash, count: 0 }, omitted, {})).to.equal(true);
  });

  it("finds missing numbers, and numbers given twice", () => {
    const receipt = (chain: string, number: number, event_id = `${chain}${number}`) =>
      ({ event_id, receipt: { chain, number } }) as Receipt;
    const all = [receipt("a", 3), receipt("a", 1), receipt("b", 7), receipt("a", 6)];
    expect(missingNumbers(all)).to.deep.equal([
      { chain: "a", number: 2 },
      { chain: "a", number: 4 },
      { chain: "a", number: 5 },
    ]);
    expect(provesReplay(receipt("a", 1), receipt("a", 1, "other"))).to.equal(true);
    expect(provesReplay(receipt("a", 1), receipt("a", 1))).to.equal(false);
    expect(provesReplay(receipt("a", 1), receipt("b", 1, "other"))).to.equal(false);
  });

  it("hashes are of all that was asked, and of the whole receipt", () => {
    const request = { method: "GET", target: "/exp/ek_1_1/items/a", range: null, body: null };
    const hashes = [
      request,
      { ...request, range: "bytes=0-1" },
      { ...request, method: "POST" },
      { ...request, body: "x" },
    ].map(hashRequest);
    expect(new Set(hashes).size).to.equal(4);
    expect(leafOf("a.b.c")).to.equal(keccak256(stringToBytes("a.b.c")));
  });
});
