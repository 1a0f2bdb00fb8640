/*
 * logOf({ header, txIndex, nodes, logIndex })
 * ├── given a block that the chain has forgotten, or has not yet    reverts BlockUnknown(number)
 * ├── given another header than that block's                        reverts HeaderMismatch(number, expected, given)
 * ├── given nodes that lead to no receipt, or another's             reverts ReceiptNotProven(txIndex, reason)
 * ├── given a list without logs in a receipt's place                reverts NotReceipt(txIndex)
 * ├── given an index that the receipt has no log at                 reverts LogNotFound(txIndex, logIndex, count)
 * └── else                                                          the log, of receipts of every type, alone in a block or among many
 * keepBlock(number)
 * ├── of a block that the chain knows       keeps its hash for ever, whoever calls
 * └── else                                  reverts BlockUnknown(number)
 */
import { expect } from "chai";
import { fromRlp, type Hash, type Hex, keccak256, numberToHex, padHex, sliceHex, toHex, toRlp } from "viem";
import { loadFixture, networkHelpers, publicClient } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, type Moa, people } from "./support/deploy.ts";
import { deployMarket, FUNDS } from "./support/market.ts";
import { type Proof, proveLog, provenBlock } from "./support/receipts.ts";
import { proofOf, trieOf } from "./support/trie.ts";

const { buyer, sponsor, stranger } = people;
/** EIP-2935's contract, its code as the EIP has it. */
const HISTORY = "0x0000F90827F1C53a10cb7A02335B175320002935";
const HISTORY_CODE =
  "0x3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500";
const HISTORY_SIZE = 8191n;
/** Its place among a header's fields. */
const RECEIPTS_ROOT = 5;
/** `TrieProof.ProofError`, as far as it is met here. */
const Fault = { Root: 2, LargeNode: 3, Path: 6, Extra: 8, Missing: 13 } as const;
const TRANSFER = keccak256(toHex("Transfer(address,address,uint256)"));

describe("ReceiptProofs", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  const logOf = (proof: Proof) => moa.receipts.read.logOf([proof]);
  const transfer = (value: bigint, options = {}) =>
    moa.usdc.write.transfer([stranger.address, value], { ...by(buyer), ...options });
  const expected = (blockNumber: bigint, value: bigint) => ({
    blockNumber,
    emitter: moa.usdc.address,
    topics: [
      TRANSFER,
      padHex(buyer.address.toLowerCase() as Hex, { size: 32 }),
      padHex(stranger.address.toLowerCase() as Hex, { size: 32 }),
    ],
    data: numberToHex(value, { size: 32 }),
  });
  const numberOf = async (hash: Hash) => (await publicClient.getTransactionReceipt({ hash })).blockNumber;

  it("T12 shows a log of a receipt of each type", async () => {
    const gasPrice = 10n ** 10n;
    for (const options of [{ type: "legacy", gasPrice }, { type: "eip2930", gasPrice, accessList: [] }, {}]) {
      const hash = await transfer(7n, options);
      expect(await logOf(await proveLog(hash, 0))).to.deep.equal(expected(await numberOf(hash), 7n));
    }
  });

  it("shows each of many transactions of a block", async () => {
    const hashes = await inOneBlock(20, (i) => transfer(100n + BigInt(i), { gas: 100_000n }));
    const blockNumber = await numberOf(hashes[0] as Hash);
    for (const [i, hash] of hashes.entries()) {
      const proof = await proveLog(hash, 0);
      expect(proof.txIndex).to.equal(BigInt(i));
      expect(await logOf(proof)).to.deep.equal(expected(blockNumber, 100n + BigInt(i)));
    }
  });

  it("shows logs without data and topics' values as they are", async () => {
    const hash = await moa.usdc.write.approve([stranger.address, FUNDS], by(buyer));
    const { data, topics } = await logOf(await proveLog(hash, 0));
    expect([data, topics.length]).to.deep.equal([numberToHex(FUNDS, { size: 32 }), 3]);
  });

  describe("refuses", () => {
    let proof: Proof;
    beforeEach(async () => {
      proof = await proveLog(transfer(7n), 0);
    });

    it("T12 a header that was tampered with", async () => {
      const { number, header } = await provenBlock((await publicClient.getBlockNumber()) - 1n);
      const { hash } = await publicClient.getBlock({ blockNumber: number });
      for (const at of [10, 100, 200]) {
        const forged = flip(header, at);
        await reverts(logOf({ ...proof, header: forged }), moa.receipts, "HeaderMismatch", [
          ...[number, hash, keccak256(forged)],
        ]);
      }
    });

    it("T12 a true header under a receipt of another block", async () => {
      const { header } = await proveLog(transfer(8n), 0);
      await reverts(logOf({ ...proof, header }), moa.receipts, "ReceiptNotProven", [0n, Fault.Root]);
    });

    it("T12 another index than the receipt's, and nodes that are missing, too many or forged", async () => {
      const none: Hex[] = [];
      const [node] = proof.nodes as [Hex];
      await reverts(logOf({ ...proof, txIndex: 1n }), moa.receipts, "ReceiptNotProven", [1n, Fault.Path]);
      await reverts(logOf({ ...proof, nodes: none }), moa.receipts, "ReceiptNotProven", [0n, Fault.Missing]);
      await reverts(logOf({ ...proof, nodes: [node, node] }), moa.receipts, "ReceiptNotProven", [
        0n,
        Fault.Extra,
      ]);
      await reverts(logOf({ ...proof, nodes: [flip(node, 300)] }), moa.receipts, "ReceiptNotProven", [
        0n,
        Fault.Root,
      ]);
    });

    it("T12 a neighbour's nodes", async () => {
      const hashes = await inOneBlock(3, (i) => transfer(BigInt(i + 1), { gas: 100_000n }));
      const { trie } = await provenBlock(await numberOf(hashes[0] as Hash));
      const second = await proveLog(hashes[1] as Hash, 0);
      const call = logOf({ ...second, nodes: proofOf(trie, 2) });
      await reverts(call, moa.receipts, "ReceiptNotProven", [1n, Fault.LargeNode]);
    });

    it("an index that the receipt has no log at", async () => {
      await reverts(logOf({ ...proof, logIndex: 1n }), moa.receipts, "LogNotFound", [0n, 1n, 1n]);
    });

    it("a block that is not there yet, or is this very one", async () => {
      const next = (await publicClient.getBlockNumber()) + 1n;
      for (const number of [next, next + 1n]) {
        await reverts(moa.receipts.write.keepBlock([number]), moa.receipts, "BlockUnknown", [number]);
      }
    });
  });

  it("T12 a block that was kept can be shown for ever, another not", async () => {
    const hashes = [await transfer(7n), await transfer(8n)] as const;
    const [kept, other] = [await proveLog(hashes[0], 0), await proveLog(hashes[1], 0)];
    const number = await numberOf(hashes[0]);
    await moa.receipts.write.keepBlock([number], by(sponsor));
    const { hash } = await publicClient.getBlock({ blockNumber: number });
    await networkHelpers.mine(300);
    await moa.receipts.write.keepBlock([number], by(stranger));
    expect(await moa.receipts.read.hashOf([number])).to.equal(hash);
    expect(await logOf(kept)).to.deep.equal(expected(number, 7n));
    await reverts(logOf(other), moa.receipts, "BlockUnknown", [number + 1n]);
    await reverts(moa.receipts.write.keepBlock([number + 1n]), moa.receipts, "BlockUnknown", [number + 1n]);
  });

  it("asks the chain's history beyond 256 blocks, where there is one", async () => {
    const hash = await transfer(7n);
    const [proof, number] = [await proveLog(hash, 0), await numberOf(hash)];
    const block = await publicClient.getBlock({ blockNumber: number });
    await networkHelpers.mine(300);
    await reverts(logOf(proof), moa.receipts, "BlockUnknown", [number]);
    await networkHelpers.setCode(HISTORY, HISTORY_CODE);
    await networkHelpers.setStorageAt(HISTORY, number % HISTORY_SIZE, block.hash);
    expect(await logOf(proof)).to.deep.equal(expected(number, 7n));
    await networkHelpers.mine(HISTORY_SIZE);
    await reverts(logOf(proof), moa.receipts, "BlockUnknown", [number]);
  });

  it("takes no list for a receipt that is too short to have logs", async () => {
    const fields = fromRlp((await proveLog(transfer(7n), 0)).header) as Hex[];
    const trie = trieOf([toRlp(["0x01", "0x5208", "0x"])]);
    fields[RECEIPTS_ROOT] = trie.root;
    const header = toRlp(fields);
    await networkHelpers.mine(300);
    // A history that says of every block that this is its header.
    await networkHelpers.setCode(HISTORY, `0x7f${keccak256(header).slice(2)}5f5260205ff3`);
    const call = logOf({ header, txIndex: 0n, nodes: proofOf(trie, 0), logIndex: 0n });
    await reverts(call, moa.receipts, "NotReceipt", [0n]);
  });

  it("takes no history's refusal for a hash", async () => {
    const number = await publicClient.getBlockNumber();
    await networkHelpers.mine(300);
    // The local chain's own, which reverts with words; one that answers nothing; one that is not there.
    for (const code of [undefined, "0x5f5ffd", "0x00"] as const) {
      if (code) await networkHelpers.setCode(HISTORY, code);
      await reverts(moa.receipts.write.keepBlock([number]), moa.receipts, "BlockUnknown", [number]);
    }
  });
});

/** Sends `count` transactions and mines them together. */
async function inOneBlock(count: number, send: (i: number) => Promise<Hash>): Promise<Hash[]> {
  const client = publicClient as unknown as {
    request(call: { method: string; params: unknown[] }): Promise<unknown>;
  };
  await client.request({ method: "evm_setAutomine", params: [false] });
  try {
    const hashes: Hash[] = [];
    for (let i = 0; i < count; i++) hashes.push(await send(i));
    await networkHelpers.mine();
    return hashes;
  } finally {
    await client.request({ method: "evm_setAutomine", params: [true] });
  }
}

/** With one bit of one byte turned. */
function flip(bytes: Hex, at: number): Hex {
  const byte = Number(sliceHex(bytes, at, at + 1)) ^ 1;
  return `${sliceHex(bytes, 0, at)}${byte.toString(16).padStart(2, "0")}${sliceHex(bytes, at + 1).slice(2)}` as Hex;
}
