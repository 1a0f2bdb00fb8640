/*
 * A quote without a buyer
 * buyViaTill
 * ├── when the money comes with the call           key, points and change to who signed it, which may become an agent by it
 * ├── when it was in the till before               reverts with the token's reason, else NothingPaid(hash); buys nobody anything
 * ├── when another was quicker                     reverts QuoteUsed(hash); its money stays with it
 * └── when too little of the till's money came with the call   reverts TillUnderfunded(hash, value, cost)
 * finalizeTill, refundTill                         revert QuoteOpen(hash)
 * refundByReceipt(quote, token, proof)
 * ├── given a quote that names a buyer             reverts QuoteNotOpen(hash)
 * ├── given no proof of this chain's               reverts as ReceiptProofs does
 * ├── given a log of another contract, no transfer, or one to elsewhere   reverts LogOfOther, LogNotTransfer, TransferToOther
 * ├── given a log that was used before             reverts ReceiptAlreadyUsed(block, tx, log)
 * ├── before the deadline, by anyone but its sender   reverts TillNotRefundable(hash, deadline, time)
 * └── else                                         the transfer's value to its sender, or where its agent is now; ends the quote
 *     └── when it is the sale's own                nothing, and it counts: its money went into the sale
 */
import { expect } from "chai";
import type { Hash, Hex } from "viem";
import { keccak256, toHex } from "viem";
import { loadFixture, networkHelpers, nextBlockAt, now, publicClient, time } from "./support/chain.ts";
import { eventOf, logsOf, reverts } from "./support/check.ts";
import { by, create, type Moa, type Person, people } from "./support/deploy.ts";
import {
  BUYER,
  balances,
  deployMarket,
  FIXED,
  FREE,
  FUNDS,
  fund,
  keyOf,
  LINEAR,
  PRICE,
  type Quote,
  rotate,
  ZERO,
} from "./support/market.ts";
import { createLossyToken } from "./support/mocks.ts";
import { type Proof, proveEvent, proveLog } from "./support/receipts.ts";
import { cancel, type Payment, paymentOf, redeem, submit } from "./support/till.ts";

const { buyer, newcomer, next, rival, seller, sponsor, stranger } = people;
const TRANSFER = keccak256(toHex("Transfer(address,address,uint256)"));

describe("Tills, quotes without a buyer", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  const pay = (payer: Person, value = PRICE, fields: Partial<Quote> = {}) =>
    paymentOf(moa, { buyer: ZERO, ...fields }, payer, value);
  const hashOf = ({ quote }: Payment) => moa.tills.read.quoteHashOf([quote]);
  /** The proof of the transaction's transfer of our token. */
  const prove = (hash: Hash | Promise<Hash>) => proveEvent(hash, moa.usdc.address, TRANSFER);
  const refund = ({ quote }: Payment, proof: Proof, sender = stranger, token = moa.usdc.address) =>
    moa.tills.write.refundByReceipt([quote, token, proof], by(sender));
  const overdue = ({ quote }: Payment) => time.increaseTo(quote.deadline + 1n);
  const inTill = async ({ till }: Payment) => (await balances(moa, { address: till }))[0];
  /** Sends money into the till without anybody's signature. */
  const send = ({ till }: Payment, who: Person, value: bigint) =>
    moa.usdc.write.transfer([till, value], by(who));

  describe("buyViaTill", () => {
    it("E13 sells to whoever's authorization the call carries, and makes it an agent", async () => {
      const payment = await pay(newcomer);
      const { sale, buyerId, keyId } = await eventOf(moa, redeem(moa, payment), "Exchange.KeySold");
      const hash = await hashOf(payment);
      expect(buyerId).to.equal(5n);
      expect(sale).to.include({ payer: newcomer.address, payerId: 5n, paymentRef: hash, price: PRICE });
      expect(await moa.keys.read.ownerOf([keyId as bigint])).to.equal(newcomer.address);
      expect(await balances(moa, newcomer, moa.exchange)).to.deep.equal([FUNDS - PRICE, PRICE]);
      expect(await moa.tills.read.isQuoteUsed([payment.quote])).to.equal(true);
    });

    it("gives the change to who signed", async () => {
      const payment = await pay(sponsor, PRICE, { ekId: LINEAR });
      await redeem(moa, payment);
      expect(await balances(moa, sponsor, { address: payment.till })).to.deep.equal([FUNDS - 1_000_000n, 0n]);
    });

    it("T24 gives key and change to where a signer's agent is now", async () => {
      const payment = await pay(buyer, PRICE, { ekId: LINEAR });
      await rotate(moa, BUYER, buyer, next);
      await redeem(moa, payment);
      expect(await moa.keys.read.ownerOf([keyOf(LINEAR, BUYER)])).to.equal(next.address);
      expect(await balances(moa, next)).to.deep.equal([PRICE - 1_000_000n]);
    });

    it("T12 sells nothing for money that was there before, and touches none of it", async () => {
      const payment = await pay(buyer, PRICE - 1n);
      await send(payment, rival, PRICE);
      const short = [await hashOf(payment), PRICE - 1n, PRICE];
      await reverts(redeem(moa, payment), moa.exchange, "TillUnderfunded", short);
      const whole = await paymentOf(moa, payment.quote, buyer, PRICE);
      await redeem(moa, whole);
      expect(await balances(moa, buyer, rival)).to.deep.equal([FUNDS - PRICE, FUNDS - PRICE]);
      expect(await inTill(payment)).to.equal(PRICE);
    });

    it("T12 an authorization that somebody submitted first buys nobody a key", async () => {
      const payment = await pay(buyer);
      await submit(moa, payment);
      const state = [buyer.address, payment.authorization.nonce];
      for (const sender of [stranger, buyer]) {
        await reverts(redeem(moa, payment, sender), moa.usdc, "ERC3009UsedAuthorization", state);
      }
      const thief = await paymentOf(moa, payment.quote, rival, 0n);
      await reverts(redeem(moa, thief, rival), moa.tills, "NothingPaid", [await hashOf(payment)]);
      expect(await inTill(payment)).to.equal(PRICE);
    });

    it("T13 a cancelled authorization buys nothing", async () => {
      const payment = await pay(buyer);
      await send(payment, rival, PRICE);
      await cancel(moa, buyer, payment);
      const state = [buyer.address, payment.authorization.nonce];
      await reverts(redeem(moa, payment), moa.usdc, "ERC3009UsedAuthorization", state);
    });

    it("T12 of two that race for one quote the second keeps its money", async () => {
      const first = await pay(buyer);
      const second = await paymentOf(moa, first.quote, rival, PRICE);
      await redeem(moa, first);
      await reverts(redeem(moa, second), moa.tills, "QuoteUsed", [await hashOf(first)]);
      const state = [rival.address, second.authorization.nonce] as const;
      expect(await moa.usdc.read.authorizationState(state)).to.equal(false);
      expect(await balances(moa, rival)).to.deep.equal([FUNDS]);
    });

    it("T17 an authorization pays for its own quote alone", async () => {
      const { quote, authorization, signature, till } = await pay(buyer);
      for (const fields of [{ ekId: LINEAR }, { buyer: rival.address }, { maxPrice: PRICE + 1n }]) {
        const other = { quote: { ...quote, ...fields }, till, authorization, signature };
        await reverts(redeem(moa, other), moa.usdc, "ERC3009InvalidSignature");
      }
    });

    it("of what costs nothing sells nothing: an authorization of 0 proves no consent", async () => {
      const payment = await pay(buyer, 0n, { ekId: FREE });
      await reverts(redeem(moa, payment), moa.tills, "NothingPaid", [await hashOf(payment)]);
    });

    it("refuses a quote past its deadline", async () => {
      const payment = await pay(buyer);
      const { deadline } = payment.quote;
      const at = await nextBlockAt(deadline + 1n);
      await reverts(redeem(moa, payment), moa.tills, "DeadlinePassed", [deadline, at]);
    });
  });

  it("T12 finalizeTill and refundTill refuse it, whoever says that the money is theirs", async () => {
    const payment = await pay(buyer);
    await submit(moa, payment);
    const hash = await hashOf(payment);
    const calls = (who: Person) => [
      () => moa.tills.write.finalizeTill([payment.quote], by(who)),
      () => moa.tills.write.refundTill([payment.quote, moa.usdc.address], by(who)),
    ];
    for (const who of [buyer, stranger]) {
      for (const call of calls(who)) await reverts(call(), moa.tills, "QuoteOpen", [hash]);
    }
    await overdue(payment);
    const refundTill = calls(buyer)[1] as () => Promise<Hex>;
    await reverts(refundTill(), moa.tills, "QuoteOpen", [hash]);
  });

  describe("refundByReceipt", () => {
    it("T12 gives front-run money back to who signed, whoever calls, after the deadline", async () => {
      const payment = await pay(buyer);
      const proof = await prove(submit(moa, payment));
      await overdue(payment);
      const quoteHash = await hashOf(payment);
      const block = await blockOf(payment, proof);
      expect(await logsOf(moa, refund(payment, proof))).to.deep.equal([
        ["Tills.ReceiptUsed", { quoteHash, blockNumber: block, txIndex: 0n, logIndex: proof.logIndex }],
        [
          "Tills.TillRefunded",
          { quoteHash, ekId: FIXED, buyer: buyer.address, token: moa.usdc.address, amount: PRICE },
        ],
        ["Token.Transfer", { from: payment.till, to: buyer.address, value: PRICE }],
      ]);
      expect(await balances(moa, buyer, { address: payment.till })).to.deep.equal([FUNDS, 0n]);
      expect(await moa.tills.read.isReceiptUsed([block, 0n, proof.logIndex])).to.equal(true);
      await reverts(refund(payment, proof), moa.tills, "ReceiptAlreadyUsed", [block, 0n, proof.logIndex]);
    });

    it("is the sender's alone before the deadline, and ends the quote", async () => {
      const payment = await pay(buyer);
      const proof = await prove(submit(moa, payment));
      const [hash, { deadline }] = [await hashOf(payment), payment.quote];
      for (const who of [stranger, rival, seller]) {
        const at = await nextBlockAt((await now()) + 1n);
        await reverts(refund(payment, proof, who), moa.tills, "TillNotRefundable", [hash, deadline, at]);
      }
      await refund(payment, proof, buyer);
      expect(await balances(moa, buyer)).to.deep.equal([FUNDS]);
      const later = await paymentOf(moa, payment.quote, rival, PRICE);
      await reverts(redeem(moa, later), moa.tills, "QuoteUsed", [hash]);
    });

    it("T12 the buyer can't take others' money by the transfer that paid its key", async () => {
      const payment = await pay(buyer);
      const victim = await paymentOf(moa, payment.quote, rival, PRICE);
      const theirs = await prove(submit(moa, victim));
      const own = await prove(redeem(moa, payment));
      const logs = await logsOf(moa, refund(payment, own, buyer));
      expect(logs.map(([name]) => name)).to.deep.equal(["Tills.ReceiptUsed"]);
      expect(await balances(moa, buyer)).to.deep.equal([FUNDS - PRICE]);
      await refund(payment, theirs);
      expect(await balances(moa, rival, { address: payment.till })).to.deep.equal([FUNDS, 0n]);
    });

    for (const [name, order] of [
      ["the sale's first", [0, 1]],
      ["the sale's last", [1, 0]],
    ] as const) {
      it(`T12 a buyer that sent more has that back, ${name}`, async () => {
        const payment = await pay(buyer, PRICE, { ekId: LINEAR });
        const more = prove(send(payment, buyer, 700n));
        const proofs = [await prove(redeem(moa, payment)), await more];
        const before = await balances(moa, buyer);
        for (const i of order) await refund(payment, proofs[i] as Proof);
        expect(await balances(moa, buyer)).to.deep.equal([(before[0] as bigint) + 700n]);
        expect(await inTill(payment)).to.equal(0n);
      });
    }

    it("pays late money at once, and each transfer of one transaction and one block for itself", async () => {
      const payment = await pay(buyer);
      await redeem(moa, payment);
      for (const value of [3n, 4n]) {
        await refund(payment, await prove(send(payment, sponsor, value)));
        expect(await balances(moa, sponsor)).to.deep.equal([FUNDS]);
      }
    });

    it("T24 pays to where the sender's agent is now", async () => {
      const payment = await pay(buyer);
      const proof = await prove(submit(moa, payment));
      await rotate(moa, BUYER, buyer, next);
      await refund(payment, proof, next);
      expect(await balances(moa, next)).to.deep.equal([PRICE]);
    });

    it("pays other tokens too, and of one that takes a fee what is left", async () => {
      const payment = await pay(buyer);
      const token = await createLossyToken();
      const hashes: Hash[] = [];
      for (const who of [sponsor, rival]) {
        await token.write.mint([who.address, 1000n]);
        hashes.push(await token.write.transfer([payment.till, 1000n], by(who)));
        await token.write.lose([60n]);
      }
      await overdue(payment);
      for (const [i, amount] of [1000n, 600n].entries()) {
        const proof = await proveEvent(hashes[i] as Hash, token.address, TRANSFER);
        const hash = refund(payment, proof, stranger, token.address);
        expect((await eventOf(moa, hash, "Tills.TillRefunded")).amount).to.equal(amount);
      }
      expect(await token.read.balanceOf([payment.till])).to.equal(0n);
    });

    describe("refuses, and moves nothing", () => {
      let payment: Payment;
      let proof: Proof;
      beforeEach(async () => {
        payment = await pay(buyer);
        proof = await prove(submit(moa, payment));
        await overdue(payment);
      });
      afterEach(async () => {
        expect(await inTill(payment)).to.equal(PRICE);
      });

      it("T12 another token's log", async () => {
        const token = await create("TestUSDC");
        const other = { address: token, abi: moa.usdc.abi };
        await stranger.wallet.writeContract({
          ...other,
          functionName: "mint",
          args: [stranger.address, PRICE],
        } as never);
        const hash = await stranger.wallet.writeContract({
          ...other,
          functionName: "transfer",
          args: [payment.till, PRICE],
          account: stranger.address,
        } as never);
        const forged = await proveEvent(hash, token, TRANSFER);
        await reverts(refund(payment, forged), moa.tills, "LogOfOther", [token, moa.usdc.address]);
      });

      it("T12 a transfer into another till, and this one's into another", async () => {
        const other = await pay(buyer);
        await fund(moa, other.quote, PRICE, rival);
        const elsewhere = await prove(send(other, rival, PRICE));
        await reverts(refund(payment, elsewhere), moa.tills, "TransferToOther", [other.till, payment.till]);
        await overdue(other);
        await reverts(refund(other, proof), moa.tills, "TransferToOther", [payment.till, other.till]);
      });

      it("T12 what is no transfer from an account", async () => {
        const approval = await proveLog(moa.usdc.write.approve([payment.till, PRICE], by(rival)), 0);
        const mint = await proveLog(moa.usdc.write.mint([payment.till, 0n]), 0);
        for (const forged of [approval, mint]) {
          await reverts(refund(payment, forged), moa.tills, "LogNotTransfer", [moa.usdc.address]);
        }
      });

      it("T12 a used log under another quote, and any under a named one", async () => {
        const named = { ...payment.quote, buyer: rival.address };
        const call = moa.tills.write.refundByReceipt([named, moa.usdc.address, proof], by(rival));
        await reverts(call, moa.tills, "QuoteNotOpen", [await moa.tills.read.quoteHashOf([named])]);
      });

      it("T12 a log whose money is gone, as none of it is left", async () => {
        const token = await createLossyToken();
        await token.write.lose([0n]);
        await token.write.mint([sponsor.address, 1000n]);
        const hash = await token.write.transfer([payment.till, 1000n], by(sponsor));
        const lost = await proveEvent(hash, token.address, TRANSFER);
        await reverts(refund(payment, lost, stranger, token.address), moa.tills, "NothingToRefund", [
          ...[await hashOf(payment), token.address],
        ]);
      });

      it("T12 a block that is forgotten, unless it was kept", async () => {
        const number = await blockOf(payment, proof);
        await networkHelpers.mine(300);
        const call = refund(payment, proof);
        await reverts(call, moa.receipts, "BlockUnknown", [number]);
      });
    });

    it("T12 a kept block's proof can be brought much later", async () => {
      const payment = await pay(buyer);
      const proof = await prove(submit(moa, payment));
      const number = await blockOf(payment, proof);
      await moa.receipts.write.keepBlock([number], by(stranger));
      await networkHelpers.mine(300);
      await overdue(payment);
      await refund(payment, proof);
      expect(await balances(moa, buyer)).to.deep.equal([FUNDS]);
    });
  });

  /** The block that a proof is of. */
  async function blockOf({ till }: Payment, { logIndex }: Proof): Promise<bigint> {
    const logs = await publicClient.getContractEvents({
      address: moa.usdc.address,
      abi: moa.usdc.abi,
      eventName: "Transfer",
      args: { to: till },
      fromBlock: 0n,
    });
    const last = logs.at(-1);
    if (!last || BigInt(last.logIndex) !== logIndex) throw new Error("The till was paid otherwise.");
    return last.blockNumber;
  }
});
