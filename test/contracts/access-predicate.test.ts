/*
 * AccessPredicate: ERC-8257's gate in front of a tool
 * ├── constructor
 * │   ├── given no scopes, or unknown ones    reverts InvalidScopes(scopes)
 * │   └── given keys without code             reverts NoKeys(keys)
 * ├── hasAccess(toolId, account, data)        what the keys say of the Experience and the scopes, whatever tool and data; never reverts
 * ├── getRequirements(toolId)                 one requirement, that says which keys, Experience and scopes
 * └── supportsInterface                       ERC-165 and IAccessPredicate
 */
import { expect } from "chai";
import { decodeAbiParameters, getContract, toFunctionSelector } from "viem";
import { accessPredicateAbi } from "../../sdk/abis/index.ts";
import { loadFixture, time } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, client, create, type Moa, people } from "./support/deploy.ts";
import { BUYER, deployMarket, Flags, rotate, Scopes, sell, ZERO } from "./support/market.ts";

const { buyer, next, stranger, validator } = people;
const BOTH = Scopes.READ | Scopes.EXECUTE;

describe("AccessPredicate", () => {
  let moa: Moa;
  let ekId: bigint;
  let keyId: bigint;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    ({ ekId, keyId } = await sell(moa, { scopes: BOTH, flags: Flags.TRANSFERABLE, keyTtl: 1000 }));
  });

  async function gate(scopes = BOTH) {
    const address = await create("AccessPredicate", [moa.keys.address, ekId, scopes]);
    return getContract({ address, abi: accessPredicateAbi, client });
  }

  it("has the ABI of ERC-8257", async () => {
    const { read } = await gate();
    const selectors = ["hasAccess(uint256,address,bytes)", "name()", "getRequirements(uint256)"].map(
      (signature) => BigInt(toFunctionSelector(signature)),
    );
    const id = selectors.reduce((a, b) => a ^ b);
    expect(id, "the id that the ERC pins").to.equal(0xbdf9dc18n);
    expect(await read.supportsInterface(["0xbdf9dc18"])).to.equal(true);
    expect(await read.supportsInterface(["0x01ffc9a7"])).to.equal(true);
    expect(await read.supportsInterface(["0xffffffff"])).to.equal(false);
    expect(toFunctionSelector("hasAccess(uint256,address,bytes)")).to.equal("0xa7e3775b");
  });

  it("lets in whose agent has a live key with all the scopes, for any tool", async () => {
    const { read } = await gate();
    const admits = (account = buyer.address, toolId = 1n, data: `0x${string}` = "0x") =>
      read.hasAccess([toolId, account, data]);
    expect(await admits()).to.equal(true);
    expect(await admits(buyer.address, 2n ** 256n - 1n, "0xdeadbeef")).to.equal(true);
    for (const account of [stranger.address, validator.address, ZERO] as const) {
      expect(await admits(account)).to.equal(false);
    }
    const wider = await gate(BOTH | Scopes.DOWNLOAD);
    expect(await wider.read.hasAccess([1n, buyer.address, "0x"])).to.equal(false);
    await moa.keys.write.transferFrom([buyer.address, validator.address, keyId], by(buyer));
    expect(await admits()).to.equal(false);
    expect(await admits(validator.address)).to.equal(true);
    await time.increaseTo((await moa.keys.read.keyInfo([keyId])).expiry);
    expect(await admits(validator.address)).to.equal(false);
  });

  it("T24 follows a rotation", async () => {
    const { read } = await gate();
    await rotate(moa, BUYER, buyer, next);
    expect(await read.hasAccess([1n, buyer.address, "0x"])).to.equal(false);
    expect(await read.hasAccess([1n, next.address, "0x"])).to.equal(true);
  });

  it("says what it takes", async () => {
    const { read } = await gate();
    expect(await read.name()).to.equal("MOA AccessPredicate");
    const [requirements, logic] = await read.getRequirements([1n]);
    expect(requirements).to.have.length(1);
    expect(logic, "AND").to.equal(0);
    const [requirement] = requirements;
    if (!requirement) throw new Error("There is one.");
    expect(requirement.kind).to.equal(toFunctionSelector("experienceKeyHolding()"));
    expect(requirement.label).to.equal("A key of the Experience on MOA");
    const types = [{ type: "address" }, { type: "uint256" }, { type: "uint8" }] as const;
    expect(decodeAbiParameters(types, requirement.data)).to.deep.equal([moa.keys.address, ekId, BOTH]);
    expect(await read.keys()).to.equal(moa.keys.address);
    expect([await read.ekId(), await read.scopes()]).to.deep.equal([ekId, BOTH]);
  });

  it("is not made for nothing", async () => {
    const predicate = await gate();
    for (const scopes of [0, Scopes.ALL + 1, 255]) {
      await reverts(gate(scopes), predicate, "InvalidScopes", [scopes]);
    }
    const none = create("AccessPredicate", [stranger.address, ekId, BOTH]);
    await reverts(none, predicate, "NoKeys", [stranger.address]);
  });
});
