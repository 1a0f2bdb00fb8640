import { expect } from "chai";
import type { Hash } from "viem";
import { createHeads, type HeadOptions } from "../../api/chain/heads.ts";

/*
the chain's head, as new as it was ever seen
├── a node that is behind     a little: relied on, but nothing is granted by it; more: not relied on
├── that catches up           waited for
├── a chain that went back    is not behind: its blocks are others
└── that stands still         known by its newest block's age, where blocks come by themselves
*/
describe("api: heads", () => {
  /** A node whose blocks' hashes are of `fork`. */
  function open(options: HeadOptions = {}) {
    const node = { head: 100n, fork: 1, age: 0 };
    const blockAt = (number: bigint) => ({
      number,
      hash: `0x${node.fork}${String(number).padStart(63, "0")}` as Hash,
      timestamp: BigInt(Math.floor(Date.now() / 1000) - node.age),
    });
    const client = {
      getBlock: async ({ blockNumber }: { blockNumber?: bigint }) => blockAt(blockNumber ?? node.head),
    };
    return { node, heads: createHeads({ client } as unknown as Parameters<typeof createHeads>[0], options) };
  }
  const codeOf = (asked: Promise<unknown>) =>
    asked.then(
      () => undefined,
      (error: { code?: string }) => error.code,
    );

  it("T55 grants nothing by a node that is behind, and does not rely on it where it is more than a little", async function () {
    this.timeout(10_000);
    const { node, heads } = open();
    expect((await heads.newest()).number).to.equal(100n);
    node.head = 98n;
    expect(await heads.fault()).to.equal(undefined);
    expect(await codeOf(heads.newest())).to.equal("SERVICE_UNAVAILABLE");
    node.head = 96n;
    expect(await heads.fault()).to.equal("its newest block is 96, 4 behind one that was seen");
    setTimeout(() => {
      node.head = 101n;
    }, 500);
    expect((await heads.newest()).number).to.equal(101n);
  });

  it("T22 believes a chain that went back, by its blocks", async () => {
    const { node, heads } = open();
    for (node.head = 90n; node.head < 100n; node.head++) await heads.newest();
    await heads.newest();
    Object.assign(node, { head: 95n, fork: 2 });
    expect(await heads.fault()).to.equal(undefined);
    expect((await heads.newest()).number).to.equal(95n);
    node.head = 94n;
    expect(await codeOf(heads.newest()), "of the new chain, too").to.equal("SERVICE_UNAVAILABLE");
  }).timeout(10_000);

  it("T55 knows a node that stands still by the age of its newest block", async () => {
    const { node, heads } = open({ maxAge: 60 });
    expect(await heads.fault()).to.equal(undefined);
    node.age = 75;
    expect(await heads.fault()).to.match(/^its newest block, 100, is 7[56] s old: it stands still$/);
    const local = open();
    local.node.age = 100_000;
    expect(await local.heads.fault()).to.equal(undefined);
  });
});
