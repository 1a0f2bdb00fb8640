/** The fixture of the tests of disputes: MOA whose desk is the real one, orders that the buyer paid for, and any of three arbitrators. */
import {
  type Abi,
  type Address,
  encodeFunctionData,
  getContract,
  type Hash,
  type Hex,
  parseAbi,
  parseEther,
  parseEventLogs,
  toFunctionSelector,
} from "viem";
import { agentRegistryAbi, disputesAbi, exchangeAbi, houseArbitratorAbi } from "../../../sdk/abis/index.ts";
import { publicClient, time } from "./chain.ts";
import type { Log } from "./check.ts";
import { by, client, create, deployMoaWith, type House, type Person, people, predict } from "./deploy.ts";
import { at, BUYER, FUNDS, keyOf, list, populate, purchaseOf, SELLER, type Terms, UNIT } from "./market.ts";

/** The agent that earns the house arbitrator's fees. */
export const PAYEE = UNIT;

export const DAY = 86_400n;
export const ANSWER_TIME = 7n * DAY;
export const RULING_TIMEOUT = 180n * DAY;
/** The listing of the disputed orders, the first after the market's. */
export const EK = 4n;
/** The orders' refund window. */
export const WINDOW = 14n * DAY;
/** Odd, so that half of it leaves a unit. */
export const AMOUNT = 1_000_001n;
export const COST = parseEther("0.01");
export const APPEAL_COST = parseEther("0.03");
export const MAX_COST = parseEther("0.05");

export const KEY = keyOf(EK, BUYER);
export const OTHER_KEY = keyOf(EK, BUYER, 1n);

/** Roles of the house arbitrator's two courts. */
export const Roles = { ARBITER: 20n, APPEAL: 21n } as const;
export const Status = { None: 0, Opened: 1, Answered: 2, Submitted: 3, Closed: 4 } as const;
export const Outcome = { None: 0, Ruled: 1, Lapsed: 2, Conceded: 3, Withdrawn: 4, TimedOut: 5 } as const;
export const Category = { FailedService: 1 } as const;
export const EVIDENCE = "ipfs://evidence";

export const puppetAbi = parseAbi([
  "error OutOfOrder()",
  "function set(uint256 cost, uint256 nextID, uint256 currentRuling)",
  "function fail(bool isMute, bool isClosed)",
  "function arm(address target, bytes data)",
  "function rule(address arbitrable, uint256 disputeID, uint256 ruling)",
  "function give(address to) payable",
  "function succeeded() view returns (bool)",
  "function returned() view returns (bytes)",
  "function attempts() view returns (uint256)",
]);

const courtAbi = parseAbi([
  "error NotNow(uint256 disputeID)",
  "function giveRuling(uint256 disputeID, uint256 ruling)",
  "function executeRuling(uint256 disputeID)",
  "function appealCost(uint256 disputeID, bytes extraData) view returns (uint256)",
  "function FEE() view returns (uint256)",
]);

const authorityAbi = parseAbi([
  "function setTargetFunctionRole(address target, bytes4[] selectors, uint64 role)",
  "function grantRole(uint64 role, address account, uint32 delay)",
]);

const partyAbi = parseAbi([
  "error Refused()",
  "function behave(uint8 manner)",
  "function arm(address target, bytes data)",
  "function act(address target, bytes data) payable returns (bytes)",
  "function succeeded() view returns (bool)",
  "function returned() view returns (bytes)",
  "function attempts() view returns (uint256)",
  "function rulings() view returns (uint256)",
  "function lastRuling() view returns (uint256)",
]);
export const Manner = { Kind: 0, Refuses: 1, BurnsGas: 2, Attacks: 3 } as const;

/** A contract account that misbehaves when it is paid or ruled on; see `HostileParty.sol`. */
export async function createParty() {
  return getContract({ address: await create("HostileParty"), abi: partyAbi, client });
}

/** Calls a contract as a hostile party. */
export const callOf = <const A extends Abi>(abi: A, functionName: string, args: readonly unknown[]): Hex =>
  encodeFunctionData({ abi, functionName, args } as never);

/** The house arbitrator, its judges yet to come. */
export async function createHouse(authority: Address, registry: Address, payeeId: bigint) {
  const address = await create("HouseArbitrator", [
    ...[authority, registry, payeeId],
    ...[MAX_COST, COST, APPEAL_COST],
  ]);
  return getContract({ address, abi: houseArbitratorAbi, client });
}

/** A judge for each of its courts: `validator` in the first, `rival` in the second. */
export async function seatJudges(authority: Address, house: Address) {
  const courts = [
    ["function giveRuling(uint256,uint256)", Roles.ARBITER, people.validator],
    ["function giveFinalRuling(uint256,uint256)", Roles.APPEAL, people.rival],
  ] as const;
  const { write } = getContract({ address: authority, abi: authorityAbi, client });
  for (const [signature, role, judge] of courts) {
    await write.setTargetFunctionRole([house, [toFunctionSelector(signature)], role]);
    await write.grantRole([role, judge.address, 0]);
  }
}

/** The agents and a house arbitrator with judges, and nothing else. */
export async function deployHouse() {
  const authority = getContract({
    address: await create("Authority", [people.admin.address]),
    abi: authorityAbi,
    client,
  });
  const registry = getContract({
    address: await create("AgentRegistry", [people.admin.address, people.admin.address]),
    abi: agentRegistryAbi,
    client,
  });
  for (const agent of [people.seller, people.buyer, people.validator, people.unit]) {
    await registry.write.register(by(agent));
  }
  const house = await createHouse(authority.address, registry.address, PAYEE);
  await seatJudges(authority.address, house.address);
  return { authority, registry, house };
}

type Arbitrator = "house" | "court" | "puppet";

/** MOA, its market and its desk at the named arbitrator, with a listing of these terms that has sold nothing yet. */
export async function deployDesk(arbitrator: Arbitrator, terms: Partial<Terms> = {}) {
  const puppet = getContract({ address: await create("PuppetArbitrator"), abi: puppetAbi, client });
  await puppet.write.set([COST, 7n, 0n]);
  const court = getContract({ address: await create("CourtArbitrator"), abi: courtAbi, client });
  const made: { desk?: Address; house?: Awaited<ReturnType<typeof createHouse>> } = {};
  const createDesk = async ({ registry, exchange }: House, authority: Address) => {
    const chosen = { house: await predict(1), court: court.address, puppet: puppet.address }[arbitrator];
    made.desk = await create("Disputes", [registry, exchange, chosen, "0xc0de", "ipfs://rules"]);
    made.house = await createHouse(authority, registry, 0n);
  };
  const moa = await populate(await deployMoaWith(createDesk));
  const desk = getContract({ address: made.desk as Address, abi: disputesAbi, client });
  const house = made.house as Awaited<ReturnType<typeof createHouse>>;
  await house.write.setPayee([PAYEE]);
  await seatJudges(moa.authority, house.address);
  await list(moa, { ...at(AMOUNT), refundWindow: Number(WINDOW), ...terms });
  return { ...moa, puppet, court, desk, house };
}
export type Desk = Awaited<ReturnType<typeof deployDesk>>;

/** The same with two orders of the buyer's. */
async function deployOrders(arbitrator: Arbitrator) {
  const world = await deployDesk(arbitrator);
  for (let i = 0; i < 2; i++) await order(world);
  return world;
}

export const deployAtHouse = () => deployOrders("house");
export const deployAtCourt = () => deployOrders("court");
export const deployAtPuppet = () => deployOrders("puppet");

/** `who` buys a key of the listing, its version 1, for itself. */
export async function order({ exchange }: Desk, who: Person = people.buyer, fields = {}) {
  const purchase = await purchaseOf(who, { ekId: EK, maxPrice: AMOUNT, ...fields });
  await exchange.write.buy([purchase], by(who));
}

/** A hostile party buys a key. Returns its agent and the key. */
export async function orderAs(
  { exchange, registry, usdc }: Desk,
  party: Awaited<ReturnType<typeof createParty>>,
) {
  await usdc.write.mint([party.address, FUNDS]);
  await party.write.act([usdc.address, callOf(usdc.abi, "approve", [exchange.address, FUNDS])]);
  const purchase = await purchaseOf(party, { ekId: EK, maxPrice: AMOUNT });
  await party.write.act([exchange.address, callOf(exchangeAbi, "buy", [purchase])]);
  const agentId = await registry.read.agentOf([party.address]);
  return { agentId, keyId: keyOf(EK, agentId) };
}

/** The buyer disputes an order; `value` pays its side. */
export const open = ({ desk }: Desk, keyId = KEY, value = COST, who: Person = people.buyer) =>
  desk.write.open([keyId, Category.FailedService, EVIDENCE], { ...by(who), value });

/** The seller answers. */
export const answer = ({ desk }: Desk, keyId = KEY, value = COST, who: Person = people.seller) =>
  desk.write.answer([keyId, EVIDENCE], { ...by(who), value });

/** A dispute that the arbitrator has: opened and answered. */
export async function dispute(world: Desk, keyId = KEY) {
  await open(world, keyId);
  await answer(world, keyId);
}

/** The first court's ruling on a dispute that it has, which nobody appeals against. Returns the handing over. */
export async function rule({ house }: Desk, ruling: bigint, disputeID = 0n): Promise<Hash> {
  await house.write.giveRuling([disputeID, ruling], by(people.validator));
  await pass(7n * DAY);
  return house.write.execute([disputeID], by(people.stranger));
}

/** Lets this many seconds pass. */
export const pass = (seconds: bigint) => time.increase(Number(seconds));

/** All that one can see of the money: ether of the desk, credits of buyer and seller in ether, and at the exchange. */
export async function books({ desk, exchange, usdc }: Desk) {
  const ids = [BUYER, SELLER];
  const [ether, credits, tokens] = await Promise.all([
    publicClient.getBalance({ address: desk.address }),
    Promise.all(ids.map((id) => desk.read.creditOf([id]))),
    Promise.all(ids.map((id) => exchange.read.creditOf([id, usdc.address]))),
  ]);
  return { ether, credits, tokens };
}

/** Everything that a transaction made the desk, the house and the exchange log, in order. */
export async function logsOf(
  world: Pick<Desk, "house"> & Partial<Pick<Desk, "desk" | "exchange">>,
  hash: Hash | Promise<Hash>,
): Promise<Log[]> {
  const { logs } = await publicClient.waitForTransactionReceipt({ hash: await hash });
  const known = [
    ["Disputes", world.desk],
    ["HouseArbitrator", world.house],
    ["Exchange", world.exchange],
  ] as const;
  return logs.flatMap((log): Log[] => {
    const [name, contract] = known.find(([, c]) => c?.address.toLowerCase() === log.address) ?? [];
    if (!contract) return [];
    const [event] = parseEventLogs({ abi: contract.abi as Abi, logs: [log] });
    return event
      ? [[`${name}.${event.eventName}`, (event.args ?? {}) as unknown as Record<string, unknown>]]
      : [];
  });
}
