/*
 * enroll(eoa)
 * ├── by neither exchange nor catalogue  reverts NotRegistrar(caller)
 * ├── given an agent's EOA              returns its id and epoch, changes and logs nothing
 * ├── given an EOA without agent        registers it without URI
 * ├── given an agent's former EOA       reverts AddressRetired(eoa, agentId)
 * └── given the zero address            reverts ZeroAddress()
 *
 * constructor(registrar, catalog)
 * └── given a zero address              reverts ZeroAddress()
 */
import { expect } from "chai";
import { loadFixture } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, create, type Moa, people } from "./support/deploy.ts";
import {
  BUYER,
  deployMarket,
  impersonate,
  impersonateExchange,
  rotate,
  SELLER,
  ZERO,
} from "./support/market.ts";

const { buyer, newcomer, next, seller } = people;

describe("AgentRegistry.enroll", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    await impersonateExchange(moa);
  });

  it("is the exchange's and the catalogue's alone", async () => {
    expect(await moa.registry.read.registrar()).to.equal(moa.exchange.address);
    expect(await moa.registry.read.catalog()).to.equal(moa.catalog.address);
    for (const other of [moa.tills, moa.keys, moa.cards]) await impersonate(other);
    for (const caller of [seller, moa.tills, moa.keys, moa.cards]) {
      const call = moa.registry.write.enroll([newcomer.address], by(caller));
      await reverts(call, moa.registry, "NotRegistrar", [caller.address]);
    }
    await impersonate(moa.catalog);
    await moa.registry.write.enroll([newcomer.address], by(moa.catalog));
    expect(await moa.registry.read.agentOf([newcomer.address])).to.equal(5n);
  });

  it("finds an agent and leaves it as it is", async () => {
    await rotate(moa, BUYER, buyer, next);
    const { result } = await moa.registry.simulate.enroll([next.address], by(moa.exchange));
    expect(result).to.deep.equal([BUYER, 1]);
    const hash = moa.registry.write.enroll([next.address], by(moa.exchange));
    expect(await logsOf(moa, hash)).to.deep.equal([]);
    expect(await moa.registry.read.agentCount()).to.equal(4n);
  });

  it("registers an EOA that has no agent", async () => {
    const { result } = await moa.registry.simulate.enroll([newcomer.address], by(moa.exchange));
    expect(result).to.deep.equal([5n, 0]);
    const logs = await logsOf(moa, moa.registry.write.enroll([newcomer.address], by(moa.exchange)));
    expect(logs[1]).to.deep.equal([
      "AgentRegistry.Registered",
      { agentId: 5n, agentURI: "", owner: newcomer.address },
    ]);
    expect(await moa.registry.read.agentOf([newcomer.address])).to.equal(5n);
  });

  it("refuses an EOA that had an agent, and the zero address", async () => {
    await rotate(moa, SELLER, seller, next);
    const retired = moa.registry.write.enroll([seller.address], by(moa.exchange));
    await reverts(retired, moa.registry, "AddressRetired", [seller.address, SELLER]);
    await reverts(moa.registry.write.enroll([ZERO], by(moa.exchange)), moa.registry, "ZeroAddress");
  });

  it("can't be set up without an exchange or a catalogue", async () => {
    const { address } = moa.exchange;
    await reverts(create("AgentRegistry", [ZERO, address]), moa.registry, "ZeroAddress");
    await reverts(create("AgentRegistry", [address, ZERO]), moa.registry, "ZeroAddress");
  });
});
