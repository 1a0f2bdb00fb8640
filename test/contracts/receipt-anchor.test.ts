/*
 * anchor(agentId, gatewayId, day, root, count)
 * ├── not by the agent's EOA, or an operator with ANCHOR    reverts NotAuthorized(agentId, caller, ANCHOR)
 * ├── given a day that is still to come                     reverts DayInFuture(day, today)
 * ├── given a root without receipts, or the other way round reverts RootMismatch(root, count)
 * ├── given a day that has its root                         reverts AlreadyAnchored(agentId, gatewayId, day, root)
 * └── else                                                  keeps it for ever; emits ReceiptsAnchored
 * verify(agentId, gatewayId, day, leaf, index, proof)
 * └── true for a leaf of the day at its own position with its own siblings, and for nothing else
 */
import { expect } from "chai";
import { getContract, type Hex, keccak256, toHex, zeroHash } from "viem";
import { receiptAnchorAbi } from "../../sdk/abis/index.ts";
import { receiptProof, receiptTree } from "../../sdk/receipt-tree.ts";
import { loadFixture, now } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, client, create, people } from "./support/deploy.ts";
import { Actions, BUYER, deployMarket, rotate, SELLER } from "./support/market.ts";

const { buyer, next, operator, seller, stranger } = people;
const GATEWAY = keccak256(toHex("gateway"));
const leafOf = (i: number) => keccak256(toHex(`receipt ${i}`));

async function deployAnchor() {
  const moa = await deployMarket();
  const address = await create("ReceiptAnchor", [moa.registry.address]);
  return { moa, anchor: getContract({ address, abi: receiptAnchorAbi, client }) };
}

describe("ReceiptAnchor", () => {
  let world: Awaited<ReturnType<typeof deployAnchor>>;
  let today: number;
  beforeEach(async () => {
    world = await loadFixture(deployAnchor);
    today = Number((await now()) / 86_400n);
  });

  const put = (
    root: Hex,
    count: bigint,
    { day = today, who = seller, agentId = SELLER, gateway = GATEWAY } = {},
  ) => world.anchor.write.anchor([agentId, gateway, day, root, count], by(who));
  const verify = (leaf: Hex, index: number | bigint, proof: readonly Hex[], day = today) =>
    world.anchor.read.verify([SELLER, GATEWAY, day, leaf, BigInt(index), proof]);

  describe("anchor", () => {
    const root = leafOf(0);

    it("keeps a day's root, and tells it", async () => {
      await put(root, 7n);
      const [event] = await world.anchor.getEvents.ReceiptsAnchored();
      expect(event?.args).to.deep.equal({
        ...{ agentId: SELLER, gatewayId: GATEWAY, day: today, root, count: 7n, by: seller.address },
      });
      expect(await world.anchor.read.anchorOf([SELLER, GATEWAY, today])).to.deep.equal({
        ...{ root, count: 7n, anchoredAt: Number(await now()) },
      });
    });

    it("once per agent, gateway and day, and never otherwise", async () => {
      await put(root, 7n);
      for (const args of [
        [leafOf(1), 7n],
        [root, 7n],
        [zeroHash, 0n],
      ] as const) {
        const call = put(args[0], args[1]);
        await reverts(call, world.anchor, "AlreadyAnchored", [SELLER, GATEWAY, today, root]);
      }
      await put(leafOf(1), 1n, { day: today - 1 });
      await put(leafOf(1), 1n, { gateway: leafOf(9) });
      await put(leafOf(1), 1n, { who: buyer, agentId: BUYER });
      expect((await world.anchor.read.anchorOf([SELLER, GATEWAY, today])).root).to.equal(root);
    });

    it("T24 is the agent's, or an operator's that may do just that", async () => {
      const { moa, anchor } = world;
      const refuses = (who = operator) =>
        reverts(put(root, 7n, { who }), anchor, "NotAuthorized", [SELLER, who.address, Actions.ANCHOR]);
      await refuses(stranger);
      await moa.registry.write.grant([operator.address, Actions.ALL - Actions.ANCHOR, 2n ** 40n], by(seller));
      await refuses();
      await moa.registry.write.grant([operator.address, Actions.ANCHOR, 2n ** 40n], by(seller));
      await put(root, 7n, { who: operator });
      await rotate(moa, SELLER, seller, next);
      await refuses();
      await refuses(seller);
      await put(root, 7n, { who: next, day: today - 1 });
    });

    it("of no day that is still to come, of a day without receipts too", async () => {
      await reverts(put(root, 7n, { day: today + 1 }), world.anchor, "DayInFuture", [
        today + 1,
        BigInt(today),
      ]);
      await reverts(put(root, 0n), world.anchor, "RootMismatch", [root, 0n]);
      await reverts(put(zeroHash, 1n), world.anchor, "RootMismatch", [zeroHash, 1n]);
      await put(zeroHash, 0n);
      expect((await world.anchor.read.anchorOf([SELLER, GATEWAY, today])).anchoredAt).to.be.greaterThan(0);
      expect(await verify(zeroHash, 0, [])).to.equal(false);
    });
  });

  describe("verify", () => {
    for (const count of [1, 2, 3, 7, 8]) {
      it(`proves each of ${count} at its place, and at no other`, async () => {
        const tree = receiptTree(Array.from({ length: count }, (_, i) => leafOf(i)));
        await put(tree.root, BigInt(count));
        for (const [index, leaf] of tree.leaves.entries()) {
          const proof = receiptProof(tree, index);
          expect(await verify(leaf, index, proof)).to.equal(true);
          expect(await verify(leaf, index ^ 1, proof), "another place").to.equal(false);
          expect(await verify(leaf, index + 2 ** proof.length, proof), "beyond the tree").to.equal(false);
          expect(await verify(leafOf(99), index, proof), "another leaf").to.equal(false);
          expect(await verify(leaf, index, [...proof, zeroHash]), "too long").to.equal(false);
          expect(await verify(leaf, index, proof, today - 1), "another day").to.equal(false);
        }
      });
    }

    it("takes no inner node for a leaf, nor the filling", async () => {
      const tree = receiptTree([0, 1, 2].map(leafOf));
      await put(tree.root, 3n);
      const inner = tree.rows[1]?.[0] as Hex;
      expect(await verify(inner, 0, [tree.rows[1]?.[1] as Hex])).to.equal(false);
      expect(await verify(zeroHash, 3, receiptProof(tree, 3))).to.equal(false);
    });

    it("neighbours prove that a receipt was left out", async () => {
      const all = [0, 1, 2, 3, 4, 5].map(leafOf).toSorted();
      const missing = all[3] as Hex;
      const tree = receiptTree(all.filter((leaf) => leaf !== missing));
      await put(tree.root, 5n);
      const [before, after] = [tree.leaves[2], tree.leaves[3]] as [Hex, Hex];
      expect(before < missing && missing < after).to.equal(true);
      expect(await verify(before, 2, receiptProof(tree, 2))).to.equal(true);
      expect(await verify(after, 3, receiptProof(tree, 3))).to.equal(true);
    });
  });

  it("a receipt can't be among the day's twice", () => {
    expect(() => receiptTree([leafOf(1), leafOf(2), leafOf(1)])).to.throw("twice");
    expect(receiptTree([]).root).to.equal(zeroHash);
  });
});
