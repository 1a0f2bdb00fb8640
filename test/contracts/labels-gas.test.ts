/*
 * What labels cost. Of a label on a listing that has some (no text), by trace:
 *   21,000 transaction · 2,560 calldata · 7,800 three contracts called, one of them by the second · 2,600 the version's terms · 6,300
 *   three slots of theirs · 25,000 the label's slot, new · 5,000 the listing's tally · 7,900 the event · the rest computing: ABI decoding of the nested input, one encoding for event and hash
 */
import { expect } from "chai";
import { encodeFunctionData, type Hex } from "viem";
import { labelRegistryAbi } from "../../sdk/abis/index.ts";
import { loadFixture, publicClient } from "./support/chain.ts";
import { by, people } from "./support/deploy.ts";
import { deployValidators, INPUT, type LabelInput } from "./support/label.ts";
import { BUYER, FIXED, UNIT, VALIDATOR } from "./support/market.ts";

const { buyer, stranger, unit, validator } = people;
const BARE: LabelInput = { ...INPUT, tags: [], summary: "", evidenceKind: 0, evidence: "0x" };

describe("labels: gas", () => {
  const gasOf = async (hash: Promise<Hex>) =>
    Number((await publicClient.waitForTransactionReceipt({ hash: await hash })).gasUsed);

  async function deployTwo() {
    return deployValidators(2);
  }

  it("a label, a revision, a withdrawal, a batch", async () => {
    const { moa } = await loadFixture(deployTwo);
    const { write } = moa.labels;
    const inputs = [1n, 2n, 3n].map((ekId) => ({ ...BARE, ekId }));
    await write.labelBatch([VALIDATOR, inputs], by(validator));
    const costs = {
      bare: await gasOf(write.label([BUYER, BARE], by(buyer))),
      revision: await gasOf(write.revise([BUYER, BARE], by(buyer))),
      withdrawal: await gasOf(write.withdraw([BUYER, FIXED], by(buyer))),
      full: await gasOf(write.label([UNIT, INPUT], by(unit))),
      batchOfTwo: await gasOf(write.labelBatch([UNIT, inputs.slice(1)], by(unit))),
    };
    const limits = { bare: 88_000, revision: 91_000, withdrawal: 50_000, full: 94_500, batchOfTwo: 144_500 };
    for (const [name, limit] of Object.entries(limits)) {
      expect(costs[name as keyof typeof costs], name).to.be.within(limit * 0.9, limit);
    }
  });

  it("isEndorsed: three slots and one call", async () => {
    const { moa, validators } = await loadFixture(deployTwo);
    const { agentId, address } = validators[0] as (typeof validators)[number];
    await moa.labels.write.label([agentId, BARE], by({ address }));
    await moa.labels.write.endorse([FIXED, agentId], by(stranger));
    const asking = async (ekId: bigint) => {
      const data = encodeFunctionData({ abi: labelRegistryAbi, functionName: "isEndorsed", args: [ekId] });
      const gas = await publicClient.estimateGas({ to: moa.labels.address, data, account: stranger.address });
      return Number(gas) - 21_000;
    };
    expect(await asking(FIXED)).to.be.within(8_000, 11_000);
    expect(await asking(2n), "a listing that nobody endorsed").to.be.lessThan(3_000);
  });
});
