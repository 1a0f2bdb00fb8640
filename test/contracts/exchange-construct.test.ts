/*
 * constructor(authority, registry, keys, points)
 * ├── given a registry whose registrar is another   reverts WrongWiring(registry)
 * ├── given keys of another exchange or registry    reverts WrongWiring(keys)
 * ├── given points of another exchange              reverts WrongWiring(points)
 * └── else                                          knows them all, and has made the till that others are clones of
 */
import { expect } from "chai";
import type { Address } from "viem";
import { tillAbi } from "../../sdk/abis/index.ts";
import { loadFixture, publicClient } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, create, deployMoa, type Moa, people, predict } from "./support/deploy.ts";

const ELSEWHERE: Address = "0x000000000000000000000000000000000000dEaD";

describe("Exchange.constructor", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMoa);
  });

  /** Ledgers for the exchange's address to be, but for what `wrong` says; and the attempt to deploy it on them. */
  async function wire(
    wrong: { registrar?: Address; keys?: Address; points?: Address; foreign?: boolean } = {},
  ) {
    const here = await predict(4);
    const registry = await create("AgentRegistry", [wrong.registrar ?? here]);
    const other = await create("AgentRegistry", [here]);
    const keys = await create("ExperienceKey", [wrong.foreign ? other : registry, wrong.keys ?? here, here]);
    const points = await create("PointsLedger", [wrong.points ?? here]);
    return {
      here,
      registry,
      keys,
      points,
      deployed: create("Exchange", [moa.authority, registry, keys, points]),
    };
  }

  it("takes ledgers that were made for it", async () => {
    const { here, deployed } = await wire();
    expect(await deployed).to.equal(here);
  });

  it("refuses a registry that enrolls for another", async () => {
    const { registry, deployed } = await wire({ registrar: ELSEWHERE });
    await reverts(deployed, moa.exchange, "WrongWiring", [registry]);
  });

  it("refuses keys that obey another", async () => {
    const { keys, deployed } = await wire({ keys: ELSEWHERE });
    await reverts(deployed, moa.exchange, "WrongWiring", [keys]);
  });

  it("refuses keys that know another registry", async () => {
    const { keys, deployed } = await wire({ foreign: true });
    await reverts(deployed, moa.exchange, "WrongWiring", [keys]);
  });

  it("refuses points that obey another", async () => {
    const { points, deployed } = await wire({ points: ELSEWHERE });
    await reverts(deployed, moa.exchange, "WrongWiring", [points]);
  });

  it("knows its ledgers, and nobody's fee yet", async () => {
    const { read } = moa.exchange;
    expect(await read.authority()).to.equal(moa.authority);
    expect(await read.registry()).to.equal(moa.registry.address);
    expect(await read.keys()).to.equal(moa.keys.address);
    expect(await read.points()).to.equal(moa.points.address);
    expect(await read.feeBps()).to.equal(0);
    expect(await read.feeAgentId()).to.equal(0n);
    expect(await read.listingCount()).to.equal(0n);
    const [, name, version, , verifyingContract] = await read.eip712Domain();
    expect([name, version, verifyingContract]).to.deep.equal(["MOA Exchange", "1", moa.exchange.address]);
  });

  it("made a till that pays for nobody else", async () => {
    const address = await moa.exchange.read.tillImplementation();
    const till = { address, abi: tillAbi } as const;
    const exchange = await publicClient.readContract({ ...till, functionName: "exchange" });
    expect(exchange).to.equal(moa.exchange.address);
    const { wallet } = people.stranger;
    const args = [moa.usdc.address, people.stranger.address, 0n] as const;
    const call = wallet.writeContract({ ...till, functionName: "pay", args, ...by(people.stranger) });
    await reverts(call, till, "NotExchange", [people.stranger.address]);
  });
});
