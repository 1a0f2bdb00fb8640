/*
 * Orders and disputes as they are wired on a chain: the real exchange and the real disputes, an arbitrator that obeys.
 * ├── opened by who paid, while the order is Held   freezes it
 * ├── ruled for the buyer, lapsed, conceded          Refunded: all of the money back, the key burnt
 * ├── ruled for the seller, withdrawn                Released: split as sold, points awarded
 * ├── a tie                                          half back, half split, the key stays; the odd unit is the seller's side's
 * └── after the order's end, and for card orders     nothing to dispute
 */
import { expect } from "chai";
import { artifacts } from "hardhat";
import { type Abi, encodeDeployData, getContract, type Hex, maxUint256, parseAbi, toHex } from "viem";
import { disputesAbi } from "../../sdk/abis/index.ts";
import { loadFixture, time } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, client, create, type Moa, type Person, people } from "./support/deploy.ts";
import {
  at,
  BUYER,
  creditOf,
  DAY,
  deployMarketWith,
  FIXED,
  FUNDS,
  keyOf,
  list,
  OrderStatus,
  purchaseOf,
  REFUNDABLE,
  rotate,
  SELLER,
  sell,
  soldOf,
  statusOf,
  VALIDATOR,
} from "./support/market.ts";
import { expectSolvent } from "./support/solvency.ts";

const { admin, buyer, next, seller, sponsor, stranger, validator } = people;
/** Odd, so that half of it leaves a unit. */
const AMOUNT = 1_000_001n;
const COST = 1_000n;
const TIE = 0n;
const FOR_BUYER = 1n;
const FOR_SELLER = 2n;

const factoryAbi = parseAbi([
  "function create(bytes32 salt, bytes initCode) returns (address)",
  "function addressOf(address deployer, bytes32 salt) view returns (address)",
]);
const puppetAbi = parseAbi([
  "function set(uint256 cost, uint256 nextID, uint256 currentRuling)",
  "function rule(address arbitrable, uint256 disputeID, uint256 ruling)",
]);

/** The market with its disputes, which stand at an address that is known before either is deployed. */
async function deployArbitrated() {
  const factory = getContract({ address: await create("Create3Factory"), abi: factoryAbi, client });
  const puppet = getContract({ address: await create("PuppetArbitrator"), abi: puppetAbi, client });
  await puppet.write.set([COST, 7n, 0n]);
  const salt = toHex(1n, { size: 32 });
  const address = await factory.read.addressOf([admin.address, salt]);
  const moa = await deployMarketWith(address);
  const { abi, bytecode } = await artifacts.readArtifact("Disputes");
  const args = [moa.registry.address, moa.exchange.address, puppet.address, "0x", "ipfs://rules"];
  const initCode = encodeDeployData({ abi: abi as Abi, bytecode: bytecode as Hex, args });
  await factory.write.create([salt, initCode]);
  return { moa, puppet, desk: getContract({ address, abi: disputesAbi, client }) };
}

describe("orders before the court", () => {
  let moa: Moa;
  let desk: Awaited<ReturnType<typeof deployArbitrated>>["desk"];
  let puppet: Awaited<ReturnType<typeof deployArbitrated>>["puppet"];
  let keyId: bigint;
  let ekId: bigint;
  beforeEach(async () => {
    ({ moa, desk, puppet } = await loadFixture(deployArbitrated));
    ({ keyId, ekId } = await sell(moa, { ...REFUNDABLE, ...at(AMOUNT), bountyBps: 1000 }));
  });

  const open = (who: Person = buyer, id = keyId) =>
    desk.write.open([id, 1, "ipfs://evidence"], { ...by(who), value: COST });
  const answer = (who: Person = seller) =>
    desk.write.answer([keyId, "ipfs://evidence"], { ...by(who), value: COST });
  const rule = (ruling: bigint) => puppet.write.rule([desk.address, 7n, ruling]);

  /** The order's end, and what buyer, seller and the listing's validators have of it. */
  async function expectEnd(status: number, toBuyer: bigint) {
    const rest = AMOUNT - toBuyer;
    const pot = rest / 10n;
    expect(await statusOf(moa, keyId)).to.equal(status);
    expect([await creditOf(moa, BUYER), await creditOf(moa, SELLER)]).to.deep.equal([toBuyer, rest - pot]);
    expect(await moa.exchange.read.bountyOf([ekId, moa.usdc.address])).to.equal(pot);
    const burnt = status === OrderStatus.Refunded;
    expect(await moa.keys.read.hasAccess([ekId, buyer.address, 1])).to.equal(!burnt);
    expect(await soldOf(moa, ekId)).to.equal(burnt ? 0 : 1);
    await expectSolvent(moa);
  }

  it("invariant 10 a dispute holds the money past its release time", async () => {
    await open();
    await time.increase(2 * DAY);
    const disputed = [keyId, OrderStatus.Disputed];
    await reverts(moa.exchange.write.release([keyId]), moa.exchange, "OrderNotInStatus", disputed);
    await reverts(moa.exchange.write.refund([keyId], by(seller)), moa.exchange, "OrderNotInStatus", disputed);
    await expectSolvent(moa);
  });

  it("invariant 11 for the buyer", async () => {
    await open();
    await answer();
    await rule(FOR_BUYER);
    await expectEnd(OrderStatus.Refunded, AMOUNT);
    expect(await moa.points.read.balanceOf([SELLER])).to.equal(0n);
  });

  it("invariant 11 for the seller", async () => {
    await open();
    await answer();
    await rule(FOR_SELLER);
    await expectEnd(OrderStatus.Released, 0n);
    expect(await moa.points.read.balanceOf([SELLER])).to.equal(200n);
  });

  it("invariant 11 a tie", async () => {
    await open();
    await answer();
    await rule(TIE);
    await expectEnd(OrderStatus.Released, AMOUNT / 2n);
    expect(await moa.points.read.balanceOf([SELLER])).to.equal(0n);
  });

  it("invariant 11 a buyer that withdraws pays", async () => {
    await open();
    await desk.write.withdrawDispute([keyId], by(buyer));
    await expectEnd(OrderStatus.Released, 0n);
  });

  it("invariant 11 a seller that concedes gives everything back", async () => {
    await open();
    await desk.write.concede([keyId], by(seller));
    await expectEnd(OrderStatus.Refunded, AMOUNT);
  });

  it("invariant 11 silence never pays the silent party", async () => {
    await open();
    await time.increase(7 * DAY);
    await desk.write.lapse([keyId], by(stranger));
    await expectEnd(OrderStatus.Refunded, AMOUNT);
  });

  it("T26 goes its way during a pause", async () => {
    await moa.exchange.write.pause([BigInt(DAY)]);
    await open();
    await answer();
    await rule(TIE);
    await expectEnd(OrderStatus.Released, AMOUNT / 2n);
  });

  it("T24 parties that rotate keep their case and its money", async () => {
    await open();
    await rotate(moa, BUYER, buyer, next);
    await answer();
    await rule(FOR_BUYER);
    expect(await creditOf(moa, BUYER)).to.equal(AMOUNT);
    await moa.exchange.write.withdraw([BUYER, moa.usdc.address, next.address], by(next));
  });

  it("is opened by who paid, not by whose the key is", async () => {
    const gift = await list(moa, REFUNDABLE);
    await moa.exchange.write.buy([await purchaseOf(validator, { ekId: gift })], by(sponsor));
    const key = keyOf(gift, VALIDATOR);
    await reverts(open(validator, key), desk, "NotBuyer", [key, validator.address]);
    await open(sponsor, key);
    expect(await statusOf(moa, key)).to.equal(OrderStatus.Disputed);
  });

  it("has nothing to say about an order that is over, nor about one that a card paid", async () => {
    await moa.exchange.write.accept([keyId], by(buyer));
    await reverts(open(), desk, "OrderNotHeld", [keyId]);
    await moa.usdc.write.mint([moa.cards.address, FUNDS]);
    await moa.cards.write.setDailyCap([moa.usdc.address, FUNDS]);
    const charge = [FIXED, 1, buyer.address, FUNDS, maxUint256, toHex(1n, { size: 32 })] as const;
    await moa.cards.write.issueForCharge(charge);
    const key = keyOf(FIXED, BUYER);
    await reverts(open(buyer, key), desk, "NotBuyer", [key, buyer.address]);
    const free = await sell(moa, at(0n));
    await reverts(open(buyer, free.keyId), desk, "UnknownOrder", [free.keyId]);
  });

  it("comes too late from the release time on", async () => {
    const { releaseTime } = await moa.exchange.read.orderOf([keyId]);
    await time.setNextBlockTimestamp(releaseTime);
    const over = [keyId, BigInt(releaseTime), BigInt(releaseTime)];
    await reverts(open(), desk, "RefundWindowOver", over);
  });
});
