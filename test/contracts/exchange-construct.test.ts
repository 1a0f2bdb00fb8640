/*
 * constructor(authority, wiring)
 * ├── given a registry whose registrar is another   reverts WrongWiring(registry)
 * ├── given keys of another exchange                reverts WrongWiring(keys)
 * ├── given points of another exchange              reverts WrongWiring(points)
 * └── else                                          knows them all
 *
 * Catalog's constructor
 * └── given a registry that knows another           reverts WrongWiring(registry)
 *
 * What the house does for its own members alone      reverts WrongCaller(caller, expected), the administrator included
 */
import { expect } from "chai";
import type { Address } from "viem";
import { tillAbi } from "../../sdk/abis/index.ts";
import { loadFixture, publicClient } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, create, deployMoa, type Moa, type Person, people, plan, wiringOf } from "./support/deploy.ts";
import { deployMarket, FIXED, impersonate, purchaseOf, quoteOf, ZERO } from "./support/market.ts";

const ELSEWHERE: Address = "0x000000000000000000000000000000000000dEaD";
const { admin, buyer, disputesDesk, consensusDesk, seller, stranger } = people;

describe("Exchange.constructor", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMoa);
  });

  /** Ledgers for the exchange's address to be, but for what `wrong` says; and the attempt to deploy it on them. */
  async function wire(wrong: { registrar?: Address; keys?: Address; points?: Address } = {}) {
    const at = await plan();
    await create("AgentRegistry", [wrong.registrar ?? at.exchange, at.catalog]);
    await create("ExperienceKey", [at.registry, wrong.keys ?? at.exchange, at.catalog]);
    const points = [moa.authority, wrong.points ?? at.exchange, at.registry, at.labels];
    await create("PointsLedger", points);
    return { at, deployed: create("Exchange", [moa.authority, wiringOf(at)]) };
  }

  it("takes ledgers that were made for it", async () => {
    const { at, deployed } = await wire();
    expect(await deployed).to.equal(at.exchange);
  });

  it("refuses a registry that enrolls for another", async () => {
    const { at, deployed } = await wire({ registrar: ELSEWHERE });
    await reverts(deployed, moa.exchange, "WrongWiring", [at.registry]);
  });

  it("refuses keys that obey another", async () => {
    const { at, deployed } = await wire({ keys: ELSEWHERE });
    await reverts(deployed, moa.exchange, "WrongWiring", [at.keys]);
  });

  it("refuses points that obey another", async () => {
    const { at, deployed } = await wire({ points: ELSEWHERE });
    await reverts(deployed, moa.exchange, "WrongWiring", [at.points]);
  });

  it("knows its neighbours, and nobody's fee yet", async () => {
    const { read } = moa.exchange;
    expect(await read.authority()).to.equal(moa.authority);
    expect(await read.registry()).to.equal(moa.registry.address);
    expect(await read.keys()).to.equal(moa.keys.address);
    expect(await read.points()).to.equal(moa.points.address);
    expect(await read.catalog()).to.equal(moa.catalog.address);
    expect(await read.tills()).to.equal(moa.tills.address);
    expect(await read.cardIssuer()).to.equal(moa.cards.address);
    expect(await read.disputes()).to.equal(disputesDesk.address);
    expect(await read.consensus()).to.equal(consensusDesk.address);
    expect(await read.feeBps()).to.equal(0);
    expect(await read.feeAgentId()).to.equal(0n);
    expect(await read.pausedUntil()).to.equal(0n);
    expect(await moa.catalog.read.listingCount()).to.equal(0n);
    const [, name, version, , verifyingContract] = await moa.tills.read.eip712Domain();
    expect([name, version, verifyingContract]).to.deep.equal(["MOA Tills", "1", moa.tills.address]);
  });

  it("has tills that pay for nobody else", async () => {
    const address = await moa.tills.read.tillImplementation();
    const till = { address, abi: tillAbi } as const;
    const owner = await publicClient.readContract({ ...till, functionName: "tills" });
    expect(owner).to.equal(moa.tills.address);
    const { wallet } = stranger;
    const args = [moa.usdc.address, stranger.address, 0n] as const;
    const call = wallet.writeContract({ ...till, functionName: "pay", args, ...by(stranger) });
    await reverts(call, till, "NotTills", [stranger.address]);
  });

  it("has a catalogue that refuses a registry of another", async () => {
    const foreign = await create("AgentRegistry", [moa.exchange.address, ELSEWHERE]);
    const catalog = create("Catalog", [moa.authority, foreign, moa.exchange.address]);
    await reverts(catalog, moa.catalog, "WrongWiring", [foreign]);
  });
});

describe("T25 what the house does for its own members alone", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  type Caller = { address: Address };
  const payment = { by: ZERO, funds: 10n ** 9n, from: ZERO, value: 0n, agreed: true } as const;

  /** Each internal function, who may call it, and how. */
  const doors: Record<string, [owner: () => Caller, call: (sender: Caller) => Promise<unknown>]> = {
    setVersion: [
      () => moa.catalog,
      (who) => moa.exchange.write.setVersion([FIXED, 2, moa.keys.address], by(who)),
    ],
    setStatus: [() => moa.catalog, (who) => moa.exchange.write.setStatus([FIXED, 3], by(who))],
    sellToTill: [
      () => moa.tills,
      async (who) =>
        moa.exchange.write.sellToTill([await quoteOf(moa, buyer), `0x${"11".repeat(32)}`, payment], by(who)),
    ],
    buyForCard: [
      () => moa.cards,
      async (who) => moa.exchange.write.buyForCard([await purchaseOf(buyer), 0], by(who)),
    ],
    reverse: [() => moa.cards, (who) => moa.exchange.write.reverse([1n], by(who))],
    freeze: [() => disputesDesk, (who) => moa.exchange.write.freeze([1n], by(who))],
    settle: [() => disputesDesk, (who) => moa.exchange.write.settle([1n, 0n], by(who))],
    payBounty: [
      () => consensusDesk,
      (who) => moa.exchange.write.payBounty([FIXED, moa.usdc.address, [1n], [0n]], by(who)),
    ],
  };

  const outsiders: Person[] = [admin, buyer, seller, stranger, disputesDesk, consensusDesk];
  for (const [name, [ownerOf, call]] of Object.entries(doors)) {
    it(`${name}: nobody else's, whoever calls`, async () => {
      const contracts: Caller[] = [moa.catalog, moa.tills, moa.cards, moa.keys, moa.points, moa.registry];
      for (const contract of contracts) await impersonate(contract);
      const owner = ownerOf().address;
      for (const caller of [...contracts, ...outsiders].filter(({ address }) => address !== owner)) {
        await reverts(call(caller), moa.exchange, "WrongCaller", [caller.address, owner]);
      }
    });
  }
});
