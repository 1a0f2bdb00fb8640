/** `ValidatorBonds`: what validators risk. Its challenges are in challenges.ts. */
import type { validatorBondsAbi } from "../../sdk/abis/index.ts";
import { add, type Bond, vaultName } from "../books.ts";
import {
  type At,
  type Context,
  checkOwner,
  DAY,
  type Handlers,
  least,
  lower,
  namesOf,
  told,
} from "../context.ts";
import { replayChallenges } from "./challenges.ts";

const UNBONDING_DELAY = 21n * DAY;

type Said = Pick<Bond, "bonded" | "unbonding" | "unbondedAt">;
const NOTHING: Bond = { bonded: 0n, unbonding: 0n, unbondedAt: 0n, atStake: 0n };

export function replayBonds(c: Context): Handlers<typeof validatorBondsAbi> {
  const { books, findings, script, tx } = c;
  const { agt } = namesOf(c.constants.chainId);
  const vault = vaultName(c.constants.contracts.ValidatorBonds, c.constants.bondToken);

  /** What made a bond change so; undefined when nothing that there is could. */
  function causeOf(
    validatorId: bigint,
    before: Bond,
    now: Said,
    time: bigint,
  ): "bond" | "unbond" | "release" | "slash" | undefined {
    const [was, is] = [before.bonded + before.unbonding, now.bonded + now.unbonding];
    const sameEnd = now.unbondedAt === before.unbondedAt;
    if (tx.released?.validatorId === validatorId) {
      const kept = before.atStake > before.bonded ? before.atStake - before.bonded : 0n;
      const fits = now.bonded === before.bonded && now.unbonding === kept && was - is === tx.released.amount;
      return fits && sameEnd && time >= before.unbondedAt ? "release" : undefined;
    }
    if (now.bonded > before.bonded) return now.unbonding === before.unbonding && sameEnd ? "bond" : undefined;
    if (is === was && now.bonded < before.bonded)
      return BigInt(now.unbondedAt) === time + UNBONDING_DELAY ? "unbond" : undefined;
    const lost = was - is;
    const fromUnbonding = least(lost, before.unbonding);
    return sameEnd && now.unbonding === before.unbonding - fromUnbonding && lost >= 0n ? "slash" : undefined;
  }

  function change(validatorId: bigint, said: Said, by: `0x${string}`, at: At): void {
    const subject = agt(validatorId);
    const before = books.bonds.get(validatorId) ?? NOTHING;
    const cause = causeOf(validatorId, before, said, at.time);
    findings.check("BOND_MOVES", cause !== undefined, () => ({
      subject,
      expected: `a step from ${before.bonded} and ${before.unbonding}`,
      said,
      place: at.place,
    }));
    tx.released = undefined;
    if (cause === "bond") add(tx.booked, vault, said.bonded - before.bonded);
    if (cause === "unbond") checkOwner(c, { agentId: validatorId, by, code: "BOND_MOVES", subject, at });
    if (cause === "slash") {
      const slashed = before.bonded + before.unbonding - said.bonded - said.unbonding;
      const values = { slashed };
      script.promise({
        law: "BOND_MOVES",
        events: ["ValidatorBonds:ChallengeClosed"],
        subject,
        match: { validatorId },
        values,
      });
    }
    books.bonds.set(validatorId, { ...said, atStake: before.atStake });
  }

  return {
    ...replayChallenges(c),
    Dispute: told,
    Evidence: told,
    MetaEvidence: told,

    BondChanged({ validatorId, bonded, unbonding, unbondedAt, by }, at) {
      change(validatorId, { bonded, unbonding, unbondedAt: BigInt(unbondedAt) }, by, at);
    },

    BondReleased({ validatorId, amount, credit }, at) {
      const expected = (books.bondCredits.get(validatorId) ?? 0n) + amount;
      findings.equal("BOND_CREDIT", {
        subject: agt(validatorId),
        field: "credit",
        expected,
        said: credit,
        place: at.place,
      });
      books.bondCredits.set(validatorId, credit);
      tx.released = { validatorId, amount };
    },

    CreditWithdrawn({ agentId, amount, by }, at) {
      const subject = agt(agentId);
      checkOwner(c, { agentId, by, code: "BOND_CREDIT", subject, at });
      findings.equal("BOND_CREDIT", {
        subject,
        field: "amount",
        expected: books.bondCredits.get(agentId) ?? 0n,
        said: amount,
        place: at.place,
      });
      books.bondCredits.set(agentId, 0n);
      add(tx.booked, vault, -amount);
    },

    FeesCredited({ account, credit }, at) {
      const amount = credit - (books.feeCredits.get(lower(account)) ?? 0n);
      findings.check("BOND_CREDIT", amount > 0n, () => ({
        subject: account,
        field: "credit",
        expected: "more than before",
        said: credit,
        place: at.place,
      }));
      const args = { account: lower(account), amount };
      const isPromised = script.take("ValidatorBonds:FeesCredited", args, {
        place: at.place,
        law: "CHALLENGE_PAY",
        subject: account,
        needed: false,
      });
      if (!isPromised) tx.looseFees.push(args);
      books.feeCredits.set(lower(account), credit);
    },

    FeesWithdrawn({ account, amount }, at) {
      const known = books.feeCredits.get(lower(account)) ?? 0n;
      findings.equal("BOND_CREDIT", {
        subject: account,
        field: "amount",
        expected: known,
        said: amount,
        place: at.place,
      });
      books.feeCredits.set(lower(account), 0n);
    },
  };
}
