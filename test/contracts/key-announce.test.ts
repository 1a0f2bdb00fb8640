/*
 * announce(keyIds)
 * ├── given a key that is not there           reverts UnknownKey(keyId)
 * ├── given a key that the log has right      emits nothing
 * └── given a key whose holder rotated since  emits Transfer from the EOA that the log knows to the present one, and MetadataUpdate
 *     ├── through several EOAs                one Transfer, from the first to the last
 *     ├── away and back                       MetadataUpdate alone
 *     └── again                               emits nothing
 */
import { expect } from "chai";
import { loadFixture } from "./support/chain.ts";
import { type Log, logsOf, reverts } from "./support/check.ts";
import { by, type Moa, type Person, people } from "./support/deploy.ts";
import { BUYER, deployMarket, rotate, sell } from "./support/market.ts";

const { afterNext, buyer, next, stranger, validator } = people;

describe("ExperienceKey.announce", () => {
  let moa: Moa;
  let first: bigint;
  let second: bigint;
  let others: bigint;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    ({ keyId: first } = await sell(moa, {}));
    ({ keyId: second } = await sell(moa, {}));
    await moa.usdc.write.mint([validator.address, 10n ** 9n]);
    await moa.usdc.write.approve([moa.exchange.address, 10n ** 9n], by(validator));
    ({ keyId: others } = await sell(moa, {}, validator));
  });

  const announce = (...keyIds: bigint[]) => logsOf(moa, moa.keys.write.announce([keyIds], by(stranger)));
  const told = (keyId: bigint, from: Person, to: Person): Log[] => [
    ["ExperienceKey.Transfer", { from: from.address, to: to.address, tokenId: keyId }],
    ["ExperienceKey.MetadataUpdate", { _tokenId: keyId }],
  ];

  it("emits nothing while nobody rotated", async () => {
    expect(await announce(first, second, others)).to.deep.equal([]);
    expect(await announce()).to.deep.equal([]);
  });

  it("tells of a rotation once, for each key of the agent and no other", async () => {
    await rotate(moa, BUYER, buyer, next);
    const expected = [...told(second, buyer, next), ...told(first, buyer, next)];
    expect(await announce(second, others, first, second)).to.deep.equal(expected);
    expect(await announce(first, second)).to.deep.equal([]);
    expect((await moa.keys.read.keyInfo([first])).announcedEpoch).to.equal(1);
    expect(await moa.keys.read.ownerOf([first])).to.equal(next.address);
  });

  it("starts from the EOA that the log knows, however many came between", async () => {
    await rotate(moa, BUYER, buyer, next);
    await announce(first);
    await rotate(moa, BUYER, next, afterNext);
    expect(await announce(first)).to.deep.equal(told(first, next, afterNext));
    expect(await announce(second)).to.deep.equal(told(second, buyer, afterNext));
  });

  it("moves nothing in the log when the agent is back where it was", async () => {
    await rotate(moa, BUYER, buyer, next);
    await rotate(moa, BUYER, next, buyer);
    expect(await announce(first)).to.deep.equal([["ExperienceKey.MetadataUpdate", { _tokenId: first }]]);
    expect(await announce(first)).to.deep.equal([]);
  });

  it("refuses a key that is not there", async () => {
    const call = moa.keys.write.announce([[first, 9n]], by(stranger));
    await reverts(call, moa.keys, "UnknownKey", [9n]);
  });
});
