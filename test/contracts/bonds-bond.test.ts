/*
 * bond(validatorId, amount)     anyone, for an agent that exists
 * ├── given 0, too much, a token that keeps some    reverts ZeroAmount, AmountTooLarge, UnexpectedAmount
 * └── else                                          takes exactly that; emits BondChanged
 * unbond(validatorId, amount)   its EOA
 * ├── given more than is bonded                     reverts BondTooSmall(validatorId, bonded, asked)
 * └── else                                          it has no weight from now on; the delay counts anew for all of it
 * release(validatorId)          anyone
 * ├── before the delay, with nothing on its way     reverts StillUnbonding, NothingUnbonding
 * ├── given that all of it is at stake              reverts BondAtStake(validatorId, atStake)
 * └── else                                          credits it but for what is at stake
 * withdraw(agentId, to)         its EOA             pays the credit, once
 */
import { expect } from "chai";
import { getContract } from "viem";
import { validatorBondsAbi } from "../../sdk/abis/index.ts";
import { loadFixture, nextBlockAt, now } from "./support/chain.ts";
import { challenge, deployLabelled, dispute, Ruling, UNBONDING_DELAY, WINDOW } from "./support/challenge.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, client, create, type Moa, POLICY, people, predict, STAKE } from "./support/deploy.ts";
import { fundBond, INPUT, type Validator } from "./support/label.ts";
import { balances, FIXED, rotate, VALIDATOR, ZERO } from "./support/market.ts";
import { createWeirdToken } from "./support/mocks.ts";

const { bystander, next, sponsor, stranger, validator: person } = people;
const BOND = POLICY.minBond;

describe("ValidatorBonds: bonds", () => {
  let moa: Moa;
  let validator: Validator;
  let id: bigint;
  beforeEach(async () => {
    ({ moa, validator } = await loadFixture(deployLabelled));
    id = validator.agentId;
  });

  const unbond = (amount = BOND) => moa.bonds.write.unbond([id, amount], by(validator));
  const release = () => moa.bonds.write.release([id], by(stranger));
  const bondOf = () => moa.bonds.read.bondOf([id]);

  it("takes anybody's tokens for a validator, exactly", async () => {
    await fundBond(moa, sponsor);
    const before = await balances(moa, sponsor, moa.bonds);
    const logs = await logsOf(moa, moa.bonds.write.bond([id, 5n], by(sponsor)));
    expect(logs[0]).to.deep.equal([
      "ValidatorBonds.BondChanged",
      { validatorId: id, bonded: BOND + 5n, unbonding: 0n, unbondedAt: 0, by: sponsor.address },
    ]);
    const after = await balances(moa, sponsor, moa.bonds);
    expect(after).to.deep.equal([(before[0] ?? 0n) - 5n, (before[1] ?? 0n) + 5n]);
    expect(await moa.bonds.read.bondedOf([id])).to.equal(BOND + 5n);
  });

  it("refuses nothing, too much, and agents that there are not", async () => {
    await reverts(moa.bonds.write.bond([id, 0n], by(validator)), moa.bonds, "ZeroAmount");
    const room = 2n ** 96n - 1n - BOND;
    const much = moa.bonds.write.bond([id, room + 1n], by(validator));
    await reverts(much, moa.bonds, "AmountTooLarge", [room + 1n, room]);
    await unbond(BOND);
    const still = moa.bonds.write.bond([id, room + 1n], by(validator));
    await reverts(still, moa.bonds, "AmountTooLarge", [room + 1n, room]);
    await reverts(moa.bonds.write.bond([99n, 1n], by(validator)), moa.registry, "UnknownAgent", [99n]);
  });

  it("T3 refuses a token that takes a fee, also in challenges", async () => {
    const token = await createWeirdToken("FeeOnTransferToken");
    const bondsAt = await predict(1);
    const labels = await create("LabelRegistry", [moa.registry.address, moa.catalog.address, bondsAt]);
    await create("ValidatorBonds", [
      ...[moa.registry.address, labels, token.address, moa.arbitrator.address, STAKE, "0x", ""],
    ]);
    const bonds = getContract({ address: bondsAt, abi: validatorBondsAbi, client });
    await token.write.mint([person.address, 1_000n]);
    await token.write.approve([bonds.address, 1_000n], by(person));
    const call = bonds.write.bond([VALIDATOR, 1_000n], by(person));
    await reverts(call, bonds, "UnexpectedAmount", [1_000n, 990n]);
  });

  it("is bonded from a whole stake on", async () => {
    await unbond(BOND - STAKE);
    expect(await moa.bonds.read.isBonded([id])).to.equal(true);
    await unbond(1n);
    expect(await moa.bonds.read.isBonded([id])).to.equal(false);
  });

  it("unbonds at once as to weight, and after the delay as to money", async () => {
    const time = await nextBlockAt((await now()) + 10n);
    const unbondedAt = Number(time + UNBONDING_DELAY);
    expect(await logsOf(moa, unbond(5n))).to.deep.equal([
      [
        "ValidatorBonds.BondChanged",
        { validatorId: id, bonded: BOND - 5n, unbonding: 5n, unbondedAt, by: validator.address },
      ],
    ]);
    const early = await nextBlockAt(time + UNBONDING_DELAY - 1n);
    await reverts(release(), moa.bonds, "StillUnbonding", [id, BigInt(unbondedAt), early]);
    expect(await logsOf(moa, release())).to.deep.include([
      "ValidatorBonds.BondReleased",
      { validatorId: id, amount: 5n, credit: 5n },
    ]);
    expect(await bondOf()).to.deep.equal({ bonded: BOND - 5n, unbonding: 0n, unbondedAt });
    await reverts(release(), moa.bonds, "NothingUnbonding", [id]);
  });

  it("counts the delay anew for all that is on its way", async () => {
    await unbond(5n);
    const later = await nextBlockAt((await now()) + UNBONDING_DELAY - 10n);
    await unbond(6n);
    const time = await nextBlockAt(later + UNBONDING_DELAY - 1n);
    await reverts(release(), moa.bonds, "StillUnbonding", [id, later + UNBONDING_DELAY, time]);
    await release();
    expect(await moa.bonds.read.creditOf([id])).to.equal(11n);
  });

  it("is unbonded by its EOA alone, and no further than it is", async () => {
    for (const who of [stranger, people.operator]) {
      const call = moa.bonds.write.unbond([id, 1n], by(who));
      await reverts(call, moa.bonds, "NotAgentOwner", [id, who.address]);
    }
    await reverts(unbond(0n), moa.bonds, "ZeroAmount");
    await reverts(unbond(BOND + 1n), moa.bonds, "BondTooSmall", [id, BOND, BOND + 1n]);
  });

  it("pays a credit once, to where its EOA says; T24 a rotation takes it along", async () => {
    await fundBond(moa, person);
    await moa.bonds.write.bond([VALIDATOR, 9n], by(person));
    await moa.bonds.write.unbond([VALIDATOR, 9n], by(person));
    await nextBlockAt((await now()) + UNBONDING_DELAY);
    await moa.bonds.write.release([VALIDATOR], by(stranger));
    await rotate(moa, VALIDATOR, person, next);
    const withdraw = (who = next, to: `0x${string}` = bystander.address) =>
      moa.bonds.write.withdraw([VALIDATOR, to], by(who));
    await reverts(withdraw(person), moa.bonds, "NotAgentOwner", [VALIDATOR, person.address]);
    await reverts(withdraw(next, ZERO), moa.bonds, "ZeroAddress");
    const [before = 0n] = await balances(moa, bystander);
    const logs = await logsOf(moa, withdraw());
    expect(logs[0]).to.deep.equal([
      "ValidatorBonds.CreditWithdrawn",
      { agentId: VALIDATOR, to: bystander.address, amount: 9n, by: next.address },
    ]);
    expect(await balances(moa, bystander)).to.deep.equal([before + 9n]);
    await reverts(withdraw(), moa.bonds, "NothingToWithdraw");
  });

  it("T34 misbehave, withdraw, unbond: the report hits to the last second of the window", async () => {
    await moa.labels.write.withdraw([id, FIXED], by(validator));
    const ended = await now();
    await unbond();
    expect(await moa.bonds.read.bondedOf([id])).to.equal(0n);
    await nextBlockAt(ended + WINDOW);
    await challenge(moa, id);
    await nextBlockAt(ended + UNBONDING_DELAY + 10n);
    await release();
    expect(await moa.bonds.read.creditOf([id]), "what is not at stake").to.equal(BOND - STAKE);
    await reverts(release(), moa.bonds, "BondAtStake", [id, STAKE]);
    await moa.bonds.write.timeOut([1n], by(stranger));
    expect(await bondOf()).to.include({ bonded: 0n, unbonding: 0n });
    expect(await moa.bonds.read.burnt()).to.equal(STAKE / 2n);
  });

  it("T34 the window is over a week before the bond can be gone", async () => {
    const [window, delay] = [await moa.bonds.read.CHALLENGE_WINDOW(), await moa.bonds.read.UNBONDING_DELAY()];
    expect([window, BigInt(delay)]).to.deep.equal([WINDOW, UNBONDING_DELAY]);
    expect(BigInt(delay) - window).to.equal(7n * 86_400n);
    await moa.labels.write.revise([id, INPUT], by(validator));
    const ended = await now();
    const late = await nextBlockAt(ended + WINDOW + 1n);
    expect(late).to.equal(ended + WINDOW + 1n);
    await reverts(challenge(moa, id), moa.labels, "RevisionNotChallengeable", [FIXED, id, 1, ended, WINDOW]);
  });

  it("T34 slashes what is on its way out before what still has weight", async () => {
    await unbond(STAKE - 1n);
    await dispute(moa, id, Ruling.Strike);
    expect(await bondOf()).to.include({ bonded: BOND - STAKE, unbonding: 0n });
  });
});
