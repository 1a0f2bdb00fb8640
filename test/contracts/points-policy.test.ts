/*
 * constructor(authority, exchange, registry, endorsements)
 * ├── given a zero address                 reverts ZeroAddress()
 * └── else                                 starts with the first policy, and says so
 * setPolicy(policy)
 * ├── when not called by the authority's   reverts AccessManagedUnauthorized(caller)
 * ├── given a member out of its bounds     reverts with its own error: the value and both bounds
 * └── else                                 is the policy from now on; emits PolicySet
 */
import { expect } from "chai";
import { parseEventLogs } from "viem";
import { pointsLedgerAbi } from "../../sdk/abis/index.ts";
import { loadFixture, publicClient } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, create, people } from "./support/deploy.ts";
import { ZERO } from "./support/market.ts";
import { deployLedger, FIRST_POLICY, type Ledger } from "./support/points.ts";

type Policy = Record<keyof typeof FIRST_POLICY, number>;

/** Each member's bounds, inclusive, and its error. */
const BOUNDS = {
  sellerAward: [1, 10, "SellerAwardOutOfBounds"],
  buyerAward: [1, 10, "BuyerAwardOutOfBounds"],
  pairTradesPerDay: [1, 50, "PairTradesOutOfBounds"],
  agentPointsPerDay: [0, 10_000, "AgentPointsOutOfBounds"],
  handful: [0, 1000, "HandfulOutOfBounds"],
  unendorsedPercent: [0, 100, "UnendorsedPercentOutOfBounds"],
} as const satisfies Record<keyof Policy, readonly [number, number, string]>;

describe("PointsLedger: policy", () => {
  let ledger: Ledger;
  beforeEach(async () => {
    ledger = await loadFixture(deployLedger);
  });

  const setPolicy = (fields: Partial<Policy>, sender = people.admin) =>
    ledger.points.write.setPolicy([{ ...FIRST_POLICY, ...fields }], by(sender));

  it("starts with 2 and 1 points, 5 orders per pair and day, half weight after 5 sales", async () => {
    expect(await ledger.points.read.policy()).to.deep.equal(FIRST_POLICY);
    const logs = await publicClient.getLogs({ address: ledger.points.address, fromBlock: 0n });
    const set = parseEventLogs({ abi: pointsLedgerAbi, logs, eventName: "PolicySet" });
    expect(set.map(({ args }) => args.policy)).to.deep.equal([FIRST_POLICY]);
  });

  it("knows its authority, exchange, registry and endorsements, none of them zero", async () => {
    const { authority, registry } = ledger.moa;
    const { exchange, endorsements } = ledger.points.read;
    const given = [authority, await exchange(), registry.address, await endorsements()];
    expect(await ledger.points.read.authority()).to.equal(authority);
    expect(await ledger.points.read.registry()).to.equal(registry.address);
    expect(given[3]).to.equal(ledger.endorser.address);
    for (const i of [1, 2, 3]) {
      await reverts(create("PointsLedger", given.with(i, ZERO)), ledger.points, "ZeroAddress");
    }
  });

  it("T25 is the authority's to set", async () => {
    const call = setPolicy({ sellerAward: 3 }, people.stranger);
    await reverts(call, ledger.points, "AccessManagedUnauthorized", [people.stranger.address]);
  });

  for (const [member, [minimum, maximum, error]] of Object.entries(BOUNDS)) {
    it(`T25 takes ${member} from ${minimum} to ${maximum} and nothing else`, async () => {
      for (const value of [minimum, maximum]) {
        const policy = { ...FIRST_POLICY, [member]: value };
        const logs = await logsOf(ledger.moa, setPolicy({ [member]: value }));
        expect(logs).to.deep.equal([["PointsLedger.PolicySet", { policy }]]);
        expect(await ledger.points.read.policy()).to.deep.equal(policy);
      }
      const before = await ledger.points.read.policy();
      for (const value of [minimum - 1, maximum + 1].filter((v) => v >= 0)) {
        const bounds = [BigInt(value), BigInt(minimum), BigInt(maximum)];
        await reverts(setPolicy({ [member]: value }), ledger.points, error, bounds);
      }
      expect(await ledger.points.read.policy()).to.deep.equal(before);
    });
  }
});
