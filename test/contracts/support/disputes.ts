/** The fixture of the tests of disputes: real agents, orders with real tokens (`MockOrders`), and any of three arbitrators. */
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
import { agentRegistryAbi, disputesAbi, houseArbitratorAbi, testUSDCAbi } from "../../../sdk/abis/index.ts";
import { joinTokenId } from "../../../sdk/ids.ts";
import { publicClient, time } from "./chain.ts";
import type { Log } from "./check.ts";
import { by, client, create, type Person, people, predict } from "./deploy.ts";

export const SELLER = 1n;
export const BUYER = 2n;
/** The agent that earns the house arbitrator's fees. */
export const PAYEE = 3n;

export const DAY = 86_400n;
export const ANSWER_TIME = 7n * DAY;
export const RULING_TIMEOUT = 180n * DAY;
/** The orders' refund window. */
export const WINDOW = 14n * DAY;
/** Odd, so that half of it leaves a unit. */
export const AMOUNT = 1_000_001n;
export const COST = parseEther("0.01");
export const APPEAL_COST = parseEther("0.03");
export const MAX_COST = parseEther("0.05");
export const ZERO: Address = `0x${"00".repeat(20)}`;

export const KEY = joinTokenId({ ekId: 1n, firstBuyer: BUYER, n: 0n });
export const OTHER_KEY = joinTokenId({ ekId: 1n, firstBuyer: BUYER, n: 1n });

/** Roles of the house arbitrator's two courts. */
export const Roles = { ARBITER: 20n, APPEAL: 21n } as const;
export const Status = { None: 0, Opened: 1, Answered: 2, Submitted: 3, Closed: 4 } as const;
export const Outcome = { None: 0, Ruled: 1, Lapsed: 2, Conceded: 3, Withdrawn: 4, TimedOut: 5 } as const;
export const OrderStatus = { None: 0, Held: 1, Disputed: 2, Released: 3, Refunded: 4 } as const;
export const Category = { FailedService: 1 } as const;
export const EVIDENCE = "ipfs://evidence";

const ordersAbi = parseAbi([
  "struct Order { uint64 sellerId; uint64 buyerId; uint32 version; address token; uint96 amount; uint40 releaseTime; uint8 status; bool accessed; }",
  "error WrongOrderStatus(uint256 keyId, uint8 status)",
  "error Halted()",
  "event Settled(uint256 indexed keyId, uint256 toBuyer, uint256 toSeller, uint8 status)",
  "function wire(address disputes)",
  "function halt(bool halted)",
  "function release(uint256 keyId)",
  "function sell(uint256 keyId, uint64 sellerId, uint64 buyerId, address token, uint96 amount, uint40 window)",
  "function orderOf(uint256 keyId) view returns (Order)",
  "function creditOf(uint256 agentId, address token) view returns (uint256)",
  "function held() view returns (uint256)",
]);

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

/** The agents, and a house arbitrator with a judge in each court: `validator` in the first, `rival` in the second. */
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
  for (const agent of [people.seller, people.buyer, people.unit]) await registry.write.register(by(agent));
  const args = [authority.address, registry.address, PAYEE, MAX_COST, COST, APPEAL_COST];
  const house = getContract({
    address: await create("HouseArbitrator", args),
    abi: houseArbitratorAbi,
    client,
  });
  const courts = [
    ["function giveRuling(uint256,uint256)", Roles.ARBITER, people.validator],
    ["function giveFinalRuling(uint256,uint256)", Roles.APPEAL, people.rival],
  ] as const;
  for (const [signature, role, judge] of courts) {
    await authority.write.setTargetFunctionRole([house.address, [toFunctionSelector(signature)], role]);
    await authority.write.grantRole([role, judge.address, 0]);
  }
  return { authority, registry, house };
}

/** Everything, with the desk at the named arbitrator and two orders of the buyer's at the seller. */
async function deployDesk(arbitrator: "house" | "court" | "puppet") {
  const base = await deployHouse();
  const puppet = getContract({ address: await create("PuppetArbitrator"), abi: puppetAbi, client });
  await puppet.write.set([COST, 7n, 0n]);
  const court = getContract({ address: await create("CourtArbitrator"), abi: courtAbi, client });
  const at = { house: base.house.address, court: court.address, puppet: puppet.address }[arbitrator];
  const usdc = getContract({ address: await create("TestUSDC"), abi: testUSDCAbi, client });
  const orders = getContract({ address: await create("MockOrders"), abi: ordersAbi, client });
  const deskAddress = await predict(0);
  await create("Disputes", [base.registry.address, orders.address, at, "0xc0de", "ipfs://rules"]);
  const desk = getContract({ address: deskAddress, abi: disputesAbi, client });
  await orders.write.wire([desk.address]);
  await usdc.write.mint([people.admin.address, 10n * AMOUNT]);
  await usdc.write.approve([orders.address, 10n * AMOUNT]);
  const world = { ...base, puppet, court, usdc, orders, desk };
  for (const key of [KEY, OTHER_KEY]) await sell(world, key);
  return world;
}
export type Desk = Awaited<ReturnType<typeof deployDesk>>;

export const deployAtHouse = () => deployDesk("house");
export const deployAtCourt = () => deployDesk("court");
export const deployAtPuppet = () => deployDesk("puppet");

/** An order that the administrator paid for the agent `buyerId`. */
export function sell(
  { orders, usdc }: Pick<Desk, "orders" | "usdc">,
  keyId: bigint,
  { amount = AMOUNT, sellerId = SELLER, buyerId = BUYER } = {},
) {
  return orders.write.sell([keyId, sellerId, buyerId, usdc.address, amount, Number(WINDOW)]);
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

/** Lets this many seconds pass. */
export const pass = (seconds: bigint) => time.increase(Number(seconds));

/** All that one can see of the money: ether of the desk, credits of buyer and seller in ether, and in the orders' token. */
export async function books({ desk, orders, usdc }: Desk) {
  const ids = [BUYER, SELLER];
  const [ether, credits, tokens] = await Promise.all([
    publicClient.getBalance({ address: desk.address }),
    Promise.all(ids.map((id) => desk.read.creditOf([id]))),
    Promise.all(ids.map((id) => orders.read.creditOf([id, usdc.address]))),
  ]);
  return { ether, credits, tokens };
}

/** Everything that a transaction made the desk, the house and the orders log, in order. */
export async function logsOf(
  world: Pick<Desk, "house"> & Partial<Desk>,
  hash: Hash | Promise<Hash>,
): Promise<Log[]> {
  const { logs } = await publicClient.waitForTransactionReceipt({ hash: await hash });
  const known = [
    ["Disputes", world.desk],
    ["HouseArbitrator", world.house],
    ["Orders", world.orders],
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

/** Moves an agent to another EOA. */
export async function rotate({ registry }: Desk, agentId: bigint, from: Person, to: Person) {
  await registry.write.consentToRotation([agentId, 2n ** 63n], by(to));
  await registry.write.transferFrom([from.address, to.address, agentId], by(from));
}
