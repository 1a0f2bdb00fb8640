/** The small ones: cards, tills, anchors. */
import type { cardIssuerAbi, receiptAnchorAbi, tillsAbi } from "../../sdk/abis/index.ts";
import { ANCHORS, type Context, checkRight, DAY, type Handlers, lower, namesOf, told } from "../context.ts";

const MAX_HOLD = 180 * 86_400;
const ZERO = `0x${"00".repeat(32)}`;

/** `CardIssuer`: keys for card payments. */
export function replayCards(c: Context): Handlers<typeof cardIssuerAbi> {
  const { books, findings, script } = c;
  const name = namesOf(c.constants.chainId);
  return {
    AuthorityUpdated: told,
    FloatWithdrawn: told, // the float is the house's own money

    ChargeIssued({ chargeId, keyId, token, price }, at) {
      const subject = `charge ${chargeId}`;
      const place = at.place;
      script.take("CardIssuer:ChargeIssued", { keyId, token, price }, { place, law: "CARD_ONCE", subject });
      findings.equal("CARD_ONCE", {
        subject,
        expected: undefined,
        said: books.charges.get(chargeId)?.keyId,
        place,
      });
      books.charges.set(chargeId, { keyId, reversed: false });
      const day = at.time / DAY;
      const spent = books.cards.spent.get(token);
      const amount = (spent?.day === day ? spent.amount : 0n) + price;
      const cap = books.cards.caps.get(token) ?? 0n;
      findings.check("CARD_CAP", amount <= cap, () => ({
        subject,
        field: "spent today",
        expected: `${cap} at most`,
        said: amount,
        place,
      }));
      books.cards.spent.set(token, { day, amount });
    },

    ChargeReversed({ chargeId, keyId, recovered }, at) {
      const subject = `charge ${chargeId}`;
      const place = at.place;
      const charge = books.charges.get(chargeId);
      findings.check("CARD_ONCE", charge?.keyId === keyId && !charge.reversed, () => ({
        subject,
        expected: "a charge for that key, not taken back before",
        said: charge ?? name.key(keyId),
        place,
      }));
      // An order that was refunded before has neither money nor key left.
      const isOver = books.orders.get(keyId)?.status === 4 && recovered === 0n;
      script.take(
        "CardIssuer:ChargeReversed",
        { keyId, recovered },
        { place, law: "CARD_ONCE", subject, needed: !isOver },
      );
      if (charge) charge.reversed = true;
    },

    DailyCapSet: ({ token, cap }) => void books.cards.caps.set(lower(token), cap),

    HoldSet({ hold }, at) {
      findings.check("SETTING", hold >= 1 && hold <= MAX_HOLD, () => ({
        subject: "cards",
        field: "hold",
        expected: `1 to ${MAX_HOLD}`,
        said: hold,
        place: at.place,
      }));
      books.cards.hold = hold;
    },
  };
}

/** `Tills`: deposit addresses. Their sales are the exchange's; what goes back was never booked. */
export function replayTills(c: Context): Handlers<typeof tillsAbi> {
  return {
    EIP712DomainChanged: told,
    TillRefunded: told,

    ReceiptUsed({ quoteHash, blockNumber, txIndex, logIndex }, at) {
      const receipt = `${blockNumber} ${txIndex} ${logIndex}`;
      c.findings.check("RECEIPT_ONCE", !c.books.receipts.has(receipt), () => ({
        subject: quoteHash,
        field: "receipt",
        expected: "one use",
        said: receipt,
        place: at.place,
      }));
      c.books.receipts.add(receipt);
    },
  };
}

/** `ReceiptAnchor`: the roots of gateways' days. */
export function replayAnchors(c: Context): Handlers<typeof receiptAnchorAbi> {
  const { books, findings } = c;
  const { agt } = namesOf(c.constants.chainId);
  return {
    ReceiptsAnchored({ agentId, gatewayId, day, root, count, by }, at) {
      const anchor = `${agentId} ${gatewayId} ${day}`;
      const subject = `${agt(agentId)} gateway ${gatewayId} day ${day}`;
      const place = at.place;
      checkRight(c, { agentId, by, action: ANCHORS, subject, at });
      findings.check("ANCHOR", !books.anchors.has(anchor), () => ({
        subject,
        expected: "one root",
        said: root,
        place,
      }));
      findings.check("ANCHOR", BigInt(day) <= at.time / DAY, () => ({
        subject,
        field: "day",
        expected: `${at.time / DAY} at most`,
        said: day,
        place,
      }));
      findings.check("ANCHOR", (root === ZERO) === (count === 0n), () => ({
        subject,
        field: "count",
        expected: "receipts exactly where there is a root",
        said: count,
        place,
      }));
      books.anchors.set(anchor, { root, count, anchoredAt: at.time });
    },
  };
}
