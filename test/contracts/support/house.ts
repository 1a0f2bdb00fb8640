/** The house arbitrator with a contract that makes disputes, and what its courts and the party do. */
import { type Address, parseAbi } from "viem";
import { loadFixture } from "./chain.ts";
import { reverts } from "./check.ts";
import { by, people } from "./deploy.ts";
import { APPEAL_COST, COST, callOf, createParty, DAY, deployHouse } from "./disputes.ts";

export const Phase = { None: 0, Waiting: 1, Appealable: 2, Appealed: 3, Final: 4, Executed: 5 } as const;
export const DisputeStatus = { Waiting: 0, Appealable: 1, Solved: 2 } as const;
export const RULING_TIME = 30n * DAY;
export const APPEAL_WINDOW = 7n * DAY;

const accessAbi = parseAbi(["error AccessManagedUnauthorized(address caller)"]);

async function deployWithParty() {
  const world = await deployHouse();
  return { ...world, party: await createParty() };
}

/** Call it in a `describe`: each test gets a fresh house. */
export function useHouse() {
  let world: Awaited<ReturnType<typeof deployWithParty>>;
  beforeEach(async () => {
    world = await loadFixture(deployWithParty);
  });
  return {
    get world() {
      return world;
    },
    /** A dispute that the party makes, with `value`. */
    createDispute(value = COST, choices = 2n) {
      const { house, party } = world;
      return party.write.act([house.address, callOf(house.abi, "createDispute", [choices, "0x"])], { value });
    },
    appeal(value = APPEAL_COST, disputeID = 0n) {
      const { house, party } = world;
      return party.write.act([house.address, callOf(house.abi, "appeal", [disputeID, "0x"])], { value });
    },
    rule: (ruling: bigint, disputeID = 0n) =>
      world.house.write.giveRuling([disputeID, ruling], by(people.validator)),
    ruleFinally: (ruling: bigint, disputeID = 0n) =>
      world.house.write.giveFinalRuling([disputeID, ruling], by(people.rival)),
    unauthorized: (call: Promise<unknown>, who: Address) =>
      reverts(call, { abi: accessAbi, address: world.house.address }, "AccessManagedUnauthorized", [who]),
    phase: async (disputeID = 0n) => (await world.house.read.caseOf([disputeID])).phase,
  };
}
