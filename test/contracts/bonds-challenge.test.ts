/*
 * challenge ─ Open ─ answer ─ Answered ─ refer ─ Ruling ─ rule ─ Struck, Upheld, Tied
 *              │ silence: Struck   │ silence: Tied   │ silence: Tied
 *
 * challenge(challengerId, ekId, validatorId, revision, evidence, evidenceHash)
 * ├── not by the challenger's EOA, by the validator itself     reverts NotAgentOwner, SelfChallenge
 * ├── without evidence or its hash, too long a URI             reverts EvidenceMissing, EvidenceTooLong
 * ├── of a label that is challenged, not there, not bonded     reverts AlreadyChallenged, RevisionNotChallengeable, NotBonded
 * ├── with too small a fee                                     reverts FeeTooLow(given, cost)
 * └── else                                                     takes stake and fee, freezes the label
 * answer, refer, appeal, rule, timeOut, submitEvidence         in their state and time alone; each by whom it may
 */
import { expect } from "chai";
import { parseEventLogs } from "viem";
import { validatorBondsAbi } from "../../sdk/abis/index.ts";
import { loadFixture, networkHelpers, nextBlockAt, now, publicClient } from "./support/chain.ts";
import {
  ANSWER_TIME,
  answer,
  challenge,
  deployLabelled,
  dispute,
  EVIDENCE,
  EVIDENCE_HASH,
  RULING_TIME,
  Ruling,
  refer,
  Status,
  WINDOW,
} from "./support/challenge.ts";
import { eventOf, logsOf, reverts } from "./support/check.ts";
import { by, FEE, type Moa, POLICY, people, STAKE } from "./support/deploy.ts";
import { fundBond, INPUT, type Validator } from "./support/label.ts";
import { BUYER, balances, FIXED, NO_HASH, SELLER, VALIDATOR, ZERO } from "./support/market.ts";

const { buyer, seller, sponsor, stranger } = people;
const BOND = POLICY.minBond;
const HALF = STAKE / 2n;

describe("ValidatorBonds: challenges", () => {
  let moa: Moa;
  let validator: Validator;
  let id: bigint;
  beforeEach(async () => {
    ({ moa, validator } = await loadFixture(deployLabelled));
    id = validator.agentId;
  });

  const challengeOf = (n = 1n) => moa.bonds.read.challengeOf([n]);
  const statusOf = async (n = 1n) => (await challengeOf(n)).status;
  const stored = () => moa.labels.read.labelOf([FIXED, id]);
  const timeOut = (n = 1n) => moa.bonds.write.timeOut([n], by(stranger));
  const credits = () => Promise.all([BUYER, id].map((agentId) => moa.bonds.read.creditOf([agentId])));
  const fees = (...accounts: { address: `0x${string}` }[]) =>
    Promise.all(accounts.map(({ address }) => moa.bonds.read.feeCreditOf([address])));
  const rule = (ruling: bigint, disputeID = 0n) =>
    moa.arbitrator.write.giveRuling([disputeID, ruling], by(stranger));
  const past = async (seconds: bigint) => nextBlockAt((await now()) + seconds);

  /** The money that must be there, whoever it is for: bonds, stakes of open challenges, credits, what was burnt. */
  async function expectSolvent() {
    const count = await moa.bonds.read.challengeCount();
    let owed = await moa.bonds.read.burnt();
    let wei = 0n;
    const agents = await moa.registry.read.agentCount();
    for (let agentId = 1n; agentId <= agents; agentId++) {
      const { bonded, unbonding } = await moa.bonds.read.bondOf([agentId]);
      owed += bonded + unbonding + (await moa.bonds.read.creditOf([agentId]));
    }
    for (let n = 1n; n <= count; n++) {
      const { status, pot } = await challengeOf(n);
      if (status < Status.Struck) owed += STAKE;
      wei += pot;
    }
    for (const who of [...Object.values(people), validator]) {
      wei += await moa.bonds.read.feeCreditOf([who.address]);
    }
    expect(await balances(moa, moa.bonds), "tokens").to.deep.equal([owed]);
    expect(await publicClient.getBalance({ address: moa.bonds.address }), "wei").to.equal(wei);
  }
  afterEach(expectSolvent);

  describe("challenge", () => {
    it("T38 takes the challenger's stake and fee, and freezes the label", async () => {
      const [before = 0n] = await balances(moa, buyer);
      const deadline = Number((await past(5n)) + ANSWER_TIME);
      const logs = await logsOf(moa, challenge(moa, id, { value: FEE + 3n }));
      const common = { challengeId: 1n, ekId: FIXED, validatorId: id, challengerId: BUYER, revision: 1 };
      expect(logs.filter(([name]) => name !== "Token.Transfer")).to.deep.equal([
        ["ValidatorBonds.FeesCredited", { account: buyer.address, credit: 3n }],
        [
          "ValidatorBonds.Challenged",
          {
            ...{ ...common, atStake: STAKE, fee: FEE, deadline },
            ...{ evidence: EVIDENCE, evidenceHash: EVIDENCE_HASH },
          },
        ],
        [
          "ValidatorBonds.Evidence",
          {
            ...{ arbitrator: moa.arbitrator.address, evidenceGroupID: 1n },
            ...{ party: buyer.address, evidence: EVIDENCE },
          },
        ],
        ["LabelRegistry.LabelDisputed", { ekId: FIXED, validatorId: id, revision: 1 }],
      ]);
      expect(await balances(moa, buyer)).to.deep.equal([before - STAKE]);
      expect(await moa.bonds.read.atStakeOf([id])).to.equal(STAKE);
      expect(await moa.bonds.read.openChallengeOf([FIXED, id])).to.equal(1n);
      expect(await moa.bonds.read.bondedOf([id]), "its weight").to.equal(BOND);
      expect((await stored()).disputed).to.equal(true);
      const frozen = [FIXED, id, 1];
      await reverts(
        moa.labels.write.revise([id, INPUT], by(validator)),
        moa.labels,
        "LabelInDispute",
        frozen,
      );
      await reverts(
        moa.labels.write.withdraw([id, FIXED], by(validator)),
        moa.labels,
        "LabelInDispute",
        frozen,
      );
      expect((await moa.labels.read.aggregateOf([FIXED])).count, "it is shown until it falls").to.equal(1);
    });

    it("refuses who may not, and what is not said", async () => {
      const notOwner = challenge(moa, id, { by: seller });
      await reverts(notOwner, moa.bonds, "NotAgentOwner", [BUYER, seller.address]);
      const self = moa.bonds.write.challenge([id, FIXED, id, 1, EVIDENCE, EVIDENCE_HASH], {
        ...{ ...by(validator), value: FEE },
      });
      await reverts(self, moa.bonds, "SelfChallenge", [id]);
      await reverts(challenge(moa, id, { evidence: "" }), moa.bonds, "EvidenceMissing");
      await reverts(challenge(moa, id, { evidenceHash: NO_HASH }), moa.bonds, "EvidenceMissing");
      const long = challenge(moa, id, { evidence: "e".repeat(513) });
      await reverts(long, moa.bonds, "EvidenceTooLong", [513n, 512n]);
      await challenge(moa, id, { evidence: "e".repeat(512) });
    });

    it("refuses labels that can't be challenged", async () => {
      const none = (agentId: bigint, revision: number) => [FIXED, agentId, revision, 0n, WINDOW];
      await reverts(challenge(moa, id + 1n), moa.labels, "RevisionNotChallengeable", none(id + 1n, 1));
      const future = challenge(moa, id, { revision: 2 });
      await reverts(future, moa.labels, "RevisionNotChallengeable", none(id, 2));
      await reverts(challenge(moa, SELLER), moa.bonds, "NotBonded", [SELLER]);
      await challenge(moa, id);
      await reverts(challenge(moa, id), moa.bonds, "AlreadyChallenged", [FIXED, id, 1n]);
      await reverts(challenge(moa, id, { revision: 2 }), moa.bonds, "AlreadyChallenged", [FIXED, id, 1n]);
    });

    it("refuses too small a fee, and the stake of who has none", async () => {
      await reverts(challenge(moa, id, { value: FEE - 1n }), moa.bonds, "FeeTooLow", [FEE - 1n, FEE]);
      const poor = challenge(moa, id, { by: seller, challengerId: SELLER });
      await reverts(poor, moa.usdc, "ERC20InsufficientAllowance", [moa.bonds.address, 0n, STAKE]);
      expect(await moa.bonds.read.challengeCount()).to.equal(0n);
      expect((await stored()).disputed).to.equal(false);
    });

    it("T36 of several labels at once: each is decided, and none shields another", async () => {
      for (const ekId of [2n, 3n]) {
        await moa.labels.write.label([id, { ...INPUT, ekId }], by(validator));
      }
      for (const ekId of [FIXED, 2n, 3n]) await challenge(moa, id, { ekId });
      const stakes = await Promise.all([1n, 2n, 3n].map(async (n) => (await challengeOf(n)).atStake));
      expect(stakes, "two stakes are all its bond").to.deep.equal([STAKE, STAKE, 0n]);
      await past(ANSWER_TIME + 1n);
      for (const n of [3n, 1n, 2n]) await timeOut(n);
      expect(await moa.bonds.read.bondOf([id])).to.include({ bonded: 0n, unbonding: 0n });
      expect(await moa.bonds.read.creditOf([BUYER])).to.equal(3n * STAKE + STAKE);
      expect((await moa.labels.read.aggregateOf([3n])).count).to.equal(0);
    });

    it("of a former revision leaves the live one alone", async () => {
      await moa.labels.write.revise([id, INPUT], by(validator));
      await challenge(moa, id);
      expect((await stored()).disputed).to.equal(false);
      await moa.labels.write.revise([id, INPUT], by(validator));
      await past(ANSWER_TIME + 1n);
      await timeOut();
      expect(await stored()).to.include({ revision: 3, disputed: false });
      expect(await moa.labels.read.endOf([FIXED, id, 1])).to.equal(1n);
      expect((await moa.labels.read.aggregateOf([FIXED])).count).to.equal(1);
      const again = challenge(moa, id);
      await reverts(again, moa.labels, "RevisionNotChallengeable", [FIXED, id, 1, 1n, WINDOW]);
    });
  });

  describe("silence", () => {
    it("of the validator's side loses the label and a stake, half of it to the challenger", async () => {
      await challenge(moa, id);
      const { deadline } = await challengeOf();
      const time = await nextBlockAt(BigInt(deadline));
      await reverts(timeOut(), moa.bonds, "TooEarly", [1n, BigInt(deadline), time]);
      const log = await eventOf(moa, timeOut(), "ValidatorBonds.ChallengeClosed");
      expect(log).to.deep.equal({
        ...{ challengeId: 1n, status: Status.Struck, slashed: STAKE, reward: HALF },
        ...{ challengerCredit: STAKE + HALF, validatorCredit: 0n },
      });
      expect(await credits()).to.deep.equal([STAKE + HALF, 0n]);
      expect(await moa.bonds.read.burnt()).to.equal(HALF);
      expect(await moa.bonds.read.bondOf([id])).to.include({ bonded: BOND - STAKE });
      expect(await fees(buyer)).to.deep.equal([FEE]);
      expect((await stored()).createdAt).to.equal(0);
      expect((await moa.labels.read.aggregateOf([FIXED])).count).to.equal(0);
      expect(await moa.bonds.read.openChallengeOf([FIXED, id])).to.equal(0n);
      expect(await moa.bonds.read.atStakeOf([id])).to.equal(0n);
    });

    it("of everybody after the answer is a tie: all have back what they gave", async () => {
      await challenge(moa, id);
      await answer(moa);
      const { deadline } = await challengeOf();
      const time = await nextBlockAt(BigInt(deadline));
      await reverts(timeOut(), moa.bonds, "TooEarly", [1n, BigInt(deadline), time]);
      await timeOut();
      expect(await statusOf()).to.equal(Status.Tied);
      expect(await credits()).to.deep.equal([STAKE, 0n]);
      expect(await fees(buyer, sponsor)).to.deep.equal([FEE, FEE]);
      expect(await moa.bonds.read.bondedOf([id])).to.equal(BOND);
      expect(await stored()).to.include({ disputed: false, revision: 1 });
    });

    it("of the arbitrator is a tie; the fee that it had is shared", async () => {
      await challenge(moa, id);
      await answer(moa);
      await refer(moa);
      await past(RULING_TIME + 1n);
      await timeOut();
      expect(await statusOf()).to.equal(Status.Tied);
      expect(await credits()).to.deep.equal([STAKE, 0n]);
      expect(await fees(buyer, sponsor)).to.deep.equal([FEE / 2n, FEE / 2n]);
      await reverts(rule(Ruling.Strike), moa.bonds, "WrongStatus", [1n, Status.Tied]);
    });

    it("is none while there is time, and none after the end", async () => {
      await reverts(timeOut(), moa.bonds, "WrongStatus", [1n, Status.None]);
      await dispute(moa, id, Ruling.Uphold);
      await past(RULING_TIME * 2n);
      await reverts(timeOut(), moa.bonds, "WrongStatus", [1n, Status.Upheld]);
    });
  });

  describe("answer", () => {
    it("is anybody's for the validator, once and in time", async () => {
      await reverts(answer(moa), moa.bonds, "WrongStatus", [1n, Status.None]);
      await challenge(moa, id);
      await reverts(answer(moa, 1n, sponsor, FEE - 1n), moa.bonds, "FeeTooLow", [FEE - 1n, FEE]);
      const { deadline } = await challengeOf();
      await nextBlockAt(BigInt(deadline));
      const logs = await logsOf(moa, answer(moa, 1n, sponsor, FEE + 1n));
      expect(logs).to.deep.equal([
        ["ValidatorBonds.FeesCredited", { account: sponsor.address, credit: 1n }],
        [
          "ValidatorBonds.Answered",
          { challengeId: 1n, deadline: deadline + Number(RULING_TIME), by: sponsor.address },
        ],
      ]);
      await reverts(answer(moa), moa.bonds, "WrongStatus", [1n, Status.Answered]);
    });

    it("comes too late after its time", async () => {
      await challenge(moa, id);
      const deadline = BigInt((await challengeOf()).deadline);
      const time = await nextBlockAt(deadline + 1n);
      await reverts(answer(moa), moa.bonds, "TooLate", [1n, deadline, time]);
    });
  });

  describe("refer", () => {
    beforeEach(async () => {
      await challenge(moa, id);
    });

    it("makes the arbitrator's dispute, and says so as ERC-1497 wants it", async () => {
      await reverts(refer(moa), moa.bonds, "WrongStatus", [1n, Status.Open]);
      await answer(moa);
      const logs = await logsOf(moa, refer(moa));
      expect(logs.map(([name]) => name)).to.deep.equal([
        ...["Arbitrator.DisputeCreation", "ValidatorBonds.Dispute", "ValidatorBonds.Referred"],
      ]);
      expect(logs[1]?.[1]).to.deep.equal({
        ...{ arbitrator: moa.arbitrator.address, disputeID: 0n, metaEvidenceID: 0n, evidenceGroupID: 1n },
      });
      expect(await moa.arbitrator.read.caseOf([0n])).to.deep.include({
        ...{ arbitrable: moa.bonds.address, choices: 2n, extraData: "0xc0" },
      });
      expect(await challengeOf()).to.include({ status: Status.Ruling, disputeID: 0n, pot: FEE });
      await reverts(refer(moa), moa.bonds, "WrongStatus", [1n, Status.Ruling]);
    });

    it("lets the caller add what the arbitrator costs by now", async () => {
      await answer(moa);
      await moa.arbitrator.write.setCost([2n * FEE + 7n]);
      await reverts(refer(moa, 1n, 6n), moa.bonds, "FeeTooLow", [6n, 7n]);
      await refer(moa, 1n, 9n);
      expect(await fees(stranger)).to.deep.equal([2n]);
      expect((await challengeOf()).pot).to.equal(0n);
      await rule(Ruling.Uphold);
      expect(await fees(buyer, sponsor)).to.deep.equal([0n, 0n]);
    });

    for (const [name, ruling, left] of [
      ["against", Ruling.Strike, [FEE, 5n]],
      ["for", Ruling.Uphold, [5n, FEE]],
    ] as const) {
      it(`gives the loser what the arbitrator did not take, ${name} the label`, async () => {
        await answer(moa);
        await moa.arbitrator.write.setCost([FEE - 5n]);
        await refer(moa);
        await rule(ruling);
        expect(await fees(buyer, sponsor)).to.deep.equal(left);
      });
    }

    it("a broken arbitrator makes nobody lose", async () => {
      await answer(moa);
      await moa.arbitrator.write.setBroken([true]);
      await reverts(refer(moa), moa.arbitrator, "Broken");
      const deadline = BigInt((await challengeOf()).deadline);
      const time = await nextBlockAt(deadline + 1n);
      await reverts(refer(moa), moa.bonds, "TooLate", [1n, deadline, time]);
      await timeOut();
      expect(await fees(buyer, sponsor)).to.deep.equal([FEE, FEE]);
    });

    it("T1 an arbitrator can't rule before it has the case", async () => {
      await answer(moa);
      await moa.arbitrator.write.setHasty([1n]);
      await reverts(refer(moa), moa.bonds, "ReentrancyGuardReentrantCall");
      expect(await statusOf()).to.equal(Status.Answered);
    });
  });

  describe("rule", () => {
    it("T36 against the label: it falls, and the validator loses one stake", async () => {
      const receipt = await publicClient.waitForTransactionReceipt({
        hash: await dispute(moa, id, Ruling.Strike),
      });
      const names = parseEventLogs({ abi: validatorBondsAbi, logs: receipt.logs }).map((l) => l.eventName);
      expect(names).to.include.members(["Ruling", "BondChanged", "FeesCredited", "ChallengeClosed"]);
      expect(await statusOf()).to.equal(Status.Struck);
      expect(await credits()).to.deep.equal([STAKE + HALF, 0n]);
      expect(await fees(buyer, sponsor)).to.deep.equal([FEE, 0n]);
      expect(await moa.bonds.read.bondedOf([id])).to.equal(BOND - STAKE);
      expect((await stored()).createdAt).to.equal(0);
    });

    it("T38 for the label: a frivolous challenge loses its stake and its fee", async () => {
      await dispute(moa, id, Ruling.Uphold);
      expect(await statusOf()).to.equal(Status.Upheld);
      expect(await credits()).to.deep.equal([0n, STAKE]);
      expect(await fees(buyer, sponsor)).to.deep.equal([0n, FEE]);
      expect(await moa.bonds.read.bondedOf([id])).to.equal(BOND);
      expect(await stored()).to.include({ disputed: false, revision: 1 });
      await dispute(moa, id, Ruling.Refused);
      expect(await credits()).to.deep.equal([STAKE, STAKE]);
    });

    it("of 0 is a tie", async () => {
      await dispute(moa, id, Ruling.Refused);
      expect(await statusOf()).to.equal(Status.Tied);
      expect(await credits()).to.deep.equal([STAKE, 0n]);
      expect(await fees(buyer, sponsor)).to.deep.equal([FEE / 2n, FEE / 2n]);
      expect((await stored()).disputed).to.equal(false);
    });

    it("is the arbitrator's alone, of its own disputes, once and among the choices", async () => {
      await challenge(moa, id);
      await answer(moa);
      await refer(moa);
      const call = moa.bonds.write.rule([0n, 1n], by(stranger));
      await reverts(call, moa.bonds, "NotArbitrator", [stranger.address]);
      await reverts(rule(3n), moa.bonds, "InvalidRuling", [3n, 2n]);
      await networkHelpers.impersonateAccount(moa.arbitrator.address);
      await networkHelpers.setBalance(moa.arbitrator.address, 10n ** 18n);
      const other = moa.bonds.write.rule([7n, 1n], by(moa.arbitrator));
      await reverts(other, moa.bonds, "UnknownDispute", [7n]);
      await rule(Ruling.Strike);
      await reverts(rule(Ruling.Strike), moa.bonds, "WrongStatus", [1n, Status.Struck]);
    });
  });

  describe("appeal", () => {
    it("T36 lengthens the arbitrator's time, at the caller's cost, five times at most", async () => {
      await challenge(moa, id);
      const appeal = (value: bigint) => moa.bonds.write.appeal([1n], { ...by(stranger), value });
      await reverts(appeal(2n * FEE), moa.bonds, "WrongStatus", [1n, Status.Open]);
      await answer(moa);
      await refer(moa);
      await reverts(appeal(2n * FEE - 1n), moa.bonds, "FeeTooLow", [2n * FEE - 1n, 2n * FEE]);
      const time = await past(RULING_TIME / 2n);
      expect(await eventOf(moa, appeal(2n * FEE + 4n), "ValidatorBonds.Appealed")).to.deep.equal({
        ...{ challengeId: 1n, cost: 2n * FEE, deadline: Number(time + RULING_TIME), by: stranger.address },
      });
      expect(await fees(stranger)).to.deep.equal([4n]);
      for (let i = 1; i < 5; i++) await appeal(2n * FEE);
      await reverts(appeal(2n * FEE), moa.bonds, "TooManyAppeals", [1n, 5n]);
      expect((await moa.arbitrator.read.caseOf([0n])).appeals).to.equal(5n);
      await rule(Ruling.Strike);
      expect(await statusOf()).to.equal(Status.Struck);
    });
  });

  describe("submitEvidence", () => {
    it("is anybody's until the end", async () => {
      const submit = (evidence = "ipfs://more", n = 1n) =>
        moa.bonds.write.submitEvidence([n, evidence], by(stranger));
      await reverts(submit(), moa.bonds, "WrongStatus", [1n, Status.None]);
      await challenge(moa, id);
      expect(await logsOf(moa, submit())).to.deep.equal([
        [
          "ValidatorBonds.Evidence",
          {
            ...{ arbitrator: moa.arbitrator.address, evidenceGroupID: 1n },
            ...{ party: stranger.address, evidence: "ipfs://more" },
          },
        ],
      ]);
      await reverts(submit(""), moa.bonds, "EvidenceMissing");
      await reverts(submit("e".repeat(513)), moa.bonds, "EvidenceTooLong", [513n, 512n]);
      await answer(moa);
      await refer(moa);
      await submit();
      await rule(Ruling.Uphold);
      await reverts(submit(), moa.bonds, "WrongStatus", [1n, Status.Upheld]);
    });
  });

  describe("withdrawFees", () => {
    it("pays once, to where the account says", async () => {
      await dispute(moa, id, Ruling.Strike);
      const withdraw = (to: `0x${string}` = people.bystander.address) =>
        moa.bonds.write.withdrawFees([to], by(buyer));
      await reverts(withdraw(ZERO), moa.bonds, "ZeroAddress");
      const stuck = withdraw(moa.usdc.address);
      await reverts(stuck, moa.bonds, "TransferFailed", [moa.usdc.address, FEE]);
      const before = await publicClient.getBalance({ address: people.bystander.address });
      expect(await logsOf(moa, withdraw())).to.deep.equal([
        [
          "ValidatorBonds.FeesWithdrawn",
          { account: buyer.address, to: people.bystander.address, amount: FEE },
        ],
      ]);
      expect(await publicClient.getBalance({ address: people.bystander.address })).to.equal(before + FEE);
      await reverts(withdraw(), moa.bonds, "NothingToWithdraw");
    });
  });

  it("T38 a challenge costs an honest validator no weight while it is open", async () => {
    await moa.labels.write.label([id, { ...INPUT, ekId: 2n }], by(validator));
    await moa.consensus.write.seat([2n, id], by(stranger));
    const before = await moa.consensus.read.verdictOf([2n]);
    await challenge(moa, id);
    expect(await moa.consensus.read.verdictOf([2n])).to.deep.equal(before);
    await fundBond(moa, stranger);
    expect(await moa.bonds.read.atStakeOf([VALIDATOR])).to.equal(0n);
  });

  it("the labels take orders about disputes from the bonds alone", async () => {
    const calls = [
      moa.labels.write.openDispute([FIXED, id, 1, WINDOW], by(stranger)),
      moa.labels.write.uphold([FIXED, id, 1], by(stranger)),
      moa.labels.write.strike([FIXED, id, 1], by(stranger)),
    ];
    for (const call of calls) await reverts(call, moa.labels, "NotBonds", [stranger.address]);
  });
});
