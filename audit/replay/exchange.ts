/** `Exchange`: sales, orders and everybody's money. */
import type { exchangeAbi } from "../../sdk/abis/index.ts";
import { add, creditName, type Listing, vaultName } from "../books.ts";
import {
  type At,
  agentOf,
  CLAIMS,
  type Context,
  checkRight,
  DAY,
  type Handlers,
  lower,
  namesOf,
  SPENDS_POINTS,
  told,
} from "../context.ts";
import { enterKey, isHeld } from "./keys.ts";
import { promiseEnd } from "./orders.ts";
import { awardDue, pointsDue, spendDue } from "./points.ts";
import { creditKey, splitDues } from "./split.ts";

const MAX_FEE_BPS = 500;
const MAX_PAUSE = 7n * DAY;
const BOUNTY_SHARE = 4;
const ACTIVE = 1;
const ZERO = `0x${"00".repeat(32)}`;

export function replayExchange(c: Context): Handlers<typeof exchangeAbi> {
  const { books, findings, script, tx } = c;
  const name = namesOf(c.constants.chainId);
  const exchange = c.constants.contracts.Exchange;

  /** Whether a key of that version is for sale at that moment. */
  function checkOpen(subject: string, listing: Listing | undefined, version: number, at: At): void {
    const terms = listing?.versions[version - 1]?.terms;
    const place = at.place;
    findings.equal("OPEN_FOR_SALE", {
      subject,
      field: "status",
      expected: ACTIVE,
      said: listing?.status,
      place,
    });
    findings.equal("OPEN_FOR_SALE", {
      subject,
      field: "version",
      expected: listing?.versions.length,
      said: version,
      place,
    });
    findings.check(
      "OPEN_FOR_SALE",
      terms !== undefined &&
        at.time >= BigInt(terms.startTime) &&
        (terms.endTime === 0 || at.time < BigInt(terms.endTime)),
      () => ({
        ...{
          subject,
          field: "time",
          expected: `${terms?.startTime} to ${terms?.endTime}`,
          said: at.time,
          place,
        },
      }),
    );
    findings.check("NOT_PAUSED", at.time >= books.pause.until, () => ({
      subject,
      expected: `after ${books.pause.until}`,
      said: at.time,
      place,
    }));
  }

  function checkAgents(
    subject: string,
    {
      payer,
      payerId,
      buyerId,
      referrerId,
    }: { payer: `0x${string}`; payerId: bigint; buyerId: bigint; referrerId: bigint },
    at: At,
  ): void {
    const place = at.place;
    for (const [field, agentId] of Object.entries({
      buyerId,
      payerId,
      ...(referrerId !== 0n && { referrerId }),
    }))
      findings.check("PARTIES", books.agents.has(agentId), () => ({
        subject,
        field,
        expected: "an agent",
        said: agentId,
        place,
      }));
    // Through a till the quote's buyer is refunded, whoever paid; else whoever paid.
    findings.check("PARTIES", agentOf(books, payer) === payerId || payerId === buyerId, () => ({
      ...{
        subject,
        field: "payerId",
        expected: `the agent of ${payer}, or ${name.agt(buyerId)}`,
        said: name.agt(payerId),
        place,
      },
    }));
  }

  return {
    AuthorityUpdated: told,

    KeySold({ ekId, buyerId, keyId, sale }, at) {
      const subject = name.ord(keyId);
      const place = at.place;
      const listing = books.listings.get(ekId);
      const version = listing?.versions[sale.version - 1];
      const terms = version?.terms;
      script.take("Exchange:KeySold", { keyId }, { place, law: "KEY_FOR_SALE", subject });
      findings.equal("KEY_ID", { subject, field: "ekId", expected: keyId >> 96n, said: ekId, place });
      findings.equal("KEY_ID", {
        subject,
        field: "buyerId",
        expected: (keyId >> 32n) & 0xffff_ffff_ffff_ffffn,
        said: buyerId,
        place,
      });
      checkOpen(subject, listing, sale.version, at);
      checkAgents(subject, { ...sale, buyerId }, at);

      findings.equal("SOLD_COUNT", {
        subject,
        field: "soldAfter",
        expected: (listing?.sold ?? 0) + 1,
        said: sale.soldAfter,
        place,
      });
      findings.check("SOLD_COUNT", !terms?.supplyCap || sale.soldAfter <= terms.supplyCap, () => ({
        subject,
        field: "soldAfter",
        expected: `${terms?.supplyCap} at most`,
        said: sale.soldAfter,
        place,
      }));
      const sold = sale.soldAfter - 1;

      // A key is for points where the price is 0 though the curve asks for more; where it asks for nothing, the points' own event tells.
      const asked = version?.price?.(sold, at.time);
      const mayBePoints = sale.price === 0n && (terms?.pointsPrice ?? 0) !== 0;
      const isPoints = mayBePoints && asked !== undefined && asked !== 0n;
      if (asked !== undefined && !isPoints)
        findings.equal("PRICE_IS_CURVE", {
          subject,
          field: "price",
          expected: asked,
          said: sale.price,
          place,
        });

      const byCard = sale.by === c.constants.contracts.CardIssuer;
      const hold = sale.price === 0n ? 0 : Math.max(terms?.refundWindow ?? 0, byCard ? books.cards.hold : 0);
      const expected = {
        ...{ sellerId: listing?.sellerId, token: terms?.token, feeBps: books.fee.bps },
        expiry: terms?.keyTtl ? at.time + BigInt(terms.keyTtl) : 0n,
        releaseTime: hold === 0 ? 0n : at.time + BigInt(hold),
      };
      for (const [field, value] of Object.entries(expected))
        findings.equal("SALE_TERMS", {
          subject,
          field,
          expected: value,
          said: sale[field as keyof typeof expected],
          place,
        });

      if (sale.paymentRef !== ZERO) {
        const payment = `${sale.paymentRef} ${sale.payer}`;
        findings.check("PAYMENT_ONCE", !books.paymentRefs.has(payment), () => ({
          subject,
          field: "paymentRef",
          expected: "one key",
          said: `another key for ${sale.paymentRef}`,
          place,
        }));
        books.paymentRefs.add(payment);
      }
      if (listing) listing.sold = sale.soldAfter;
      enterKey(c, { keyId, version: sale.version, expiry: BigInt(sale.expiry) }, at);
      add(tx.booked, vaultName(exchange, sale.token), sale.price);
      books.trades.push({
        ...{
          number: books.trades.length + 1,
          keyId,
          ekId,
          version: sale.version,
          sellerId: sale.sellerId,
          buyerId,
        },
        ...{
          payerId: sale.payerId,
          payer: sale.payer,
          token: sale.token,
          price: sale.price,
          feeBps: sale.feeBps,
        },
        ...{
          releaseTime: BigInt(sale.releaseTime),
          referrerId: sale.referrerId,
          paymentRef: sale.paymentRef,
          by: sale.by,
        },
        ...{ time: at.time, place },
      });
      books.deeds.push({ kind: "ek_trade", ekId, agentId: buyerId, keyId, time: at.time, place });

      const isOrder = sale.releaseTime !== 0;
      const order = {
        ekId,
        keyId,
        sellerId: sale.sellerId,
        buyerId,
        payer: sale.payer,
        sales: sale.soldAfter,
      };
      const award = awardDue(c, order, at);
      const spend = spendDue(c, { agentId: buyerId, ekId, keyId, price: BigInt(terms?.pointsPrice ?? 0) });
      const byOperator = (action: bigint) => () => {
        if (agentOf(books, sale.by) !== sale.payerId && !byCard)
          checkRight(c, { agentId: sale.payerId, by: sale.by, action, subject, at });
      };
      const points = isPoints
        ? [pointsDue(spend, byOperator(SPENDS_POINTS))]
        : mayBePoints
          ? [pointsDue({ either: [award, spend] })]
          : [award];
      if (sale.price === 0n && !mayBePoints && sale.paymentRef === ZERO) byOperator(CLAIMS)();
      const split = splitDues(c, {
        keyId,
        sellerId: sale.sellerId,
        terms,
        amount: sale.price,
        feeBps: sale.feeBps,
        referrerId: sale.referrerId,
      });
      script.promise(
        ...(isOrder ? [] : [...(sale.price === 0n ? [] : split), ...points]),
        ...(byCard ? [cardDue(subject, keyId, sale)] : []),
      );
      if (isOrder)
        books.orders.set(keyId, {
          ...{
            amount: sale.price,
            releaseTime: BigInt(sale.releaseTime),
            payerId: sale.payerId,
            referrerId: sale.referrerId,
          },
          ...{ feeBps: sale.feeBps, status: 1, accessed: false, toBuyer: 0n },
        });
    },

    KeyRenewed({ keyId, payerId, expiry, token, price, feeBps }, at) {
      const subject = name.key(keyId);
      const place = at.place;
      script.take("Exchange:KeyRenewed", { keyId, expiry }, { place, law: "RENEWAL", subject });
      const key = books.keys.get(keyId);
      const listing = books.listings.get(keyId >> 96n);
      const version = listing?.versions[(key?.version ?? 0) - 1];
      const terms = version?.terms;
      checkOpen(subject, listing, key?.version ?? 0, at);
      const from = key && key.expiry > at.time ? key.expiry : at.time;
      findings.equal("RENEWAL", {
        subject,
        field: "expiry",
        expected: from + BigInt(terms?.keyTtl ?? 0),
        said: expiry,
        place,
      });
      findings.check(
        "RENEWAL",
        key !== undefined && !key.burnt && key.expiry !== 0n && !isHeld(c, keyId),
        () => ({ subject, expected: "a key with an end and no open order", said: key?.expiry, place }),
      );
      const asked = version?.price?.(listing?.sold ?? 0, at.time);
      if (asked !== undefined)
        findings.equal("PRICE_IS_CURVE", { subject, field: "price", expected: asked, said: price, place });
      findings.equal("SALE_TERMS", { subject, field: "token", expected: terms?.token, said: token, place });
      findings.equal("SALE_TERMS", {
        subject,
        field: "feeBps",
        expected: books.fee.bps,
        said: feeBps,
        place,
      });
      findings.check("PARTIES", books.agents.has(payerId), () => ({
        subject,
        field: "payerId",
        expected: "an agent",
        said: payerId,
        place,
      }));
      if (key) key.expiry = BigInt(expiry);
      add(tx.booked, vaultName(exchange, token), price);
      if (price !== 0n)
        script.promise(
          ...splitDues(c, {
            keyId,
            sellerId: listing?.sellerId ?? 0n,
            terms,
            amount: price,
            feeBps,
            referrerId: 0n,
          }),
        );
    },

    OrderStatusChanged: (args, at) => promiseEnd(c, args, at),

    OrderAccessed({ keyId }, at) {
      const order = books.orders.get(keyId);
      findings.check("ORDER_ACCESS", order?.status === 1 && !order.accessed, () => ({
        subject: name.ord(keyId),
        expected: "a held order, not used before",
        said: order,
        place: at.place,
      }));
      if (order) order.accessed = true;
    },

    Credited({ agentId, token, keyId, share, amount, creditAfter }, at) {
      const subject = `${name.agt(agentId)} in ${token}`;
      const place = at.place;
      script.take(
        "Exchange:Credited",
        { to: creditKey({ agentId, keyId, share }), token, amount },
        { place, law: "SPLIT", subject },
      );
      const known = books.credits.get(creditName(agentId, token)) ?? 0n;
      findings.equal("CREDIT", {
        subject,
        field: "creditAfter",
        expected: known + amount,
        said: creditAfter,
        place,
      });
      books.credits.set(creditName(agentId, token), creditAfter);
      if (share !== BOUNTY_SHARE) return;
      const listing = books.listings.get(keyId >> 96n);
      const pot = listing?.bounties.get(token) ?? 0n;
      findings.check("BOUNTY", amount <= pot, () => ({
        subject: name.ek(keyId >> 96n),
        field: token,
        expected: `${pot} at most`,
        said: amount,
        place,
      }));
      listing?.bounties.set(token, pot - amount);
    },

    BountyFunded({ ekId, token, keyId, amount, bountyAfter }, at) {
      const subject = name.ek(ekId);
      const place = at.place;
      script.take("Exchange:BountyFunded", { ekId, token, keyId, amount }, { place, law: "SPLIT", subject });
      const listing = books.listings.get(ekId);
      const expected = (listing?.bounties.get(token) ?? 0n) + amount;
      findings.equal("BOUNTY", { subject, field: "bountyAfter", expected, said: bountyAfter, place });
      listing?.bounties.set(token, bountyAfter);
    },

    Withdrawn({ agentId, token, to, amount, creditAfter, by }, at) {
      const subject = `${name.agt(agentId)} in ${token}`;
      const place = at.place;
      const eoa = books.agents.get(agentId)?.eoa;
      findings.equal("CREDIT", {
        subject,
        field: "amount",
        expected: books.credits.get(creditName(agentId, token)) ?? 0n,
        said: amount,
        place,
      });
      findings.equal("CREDIT", { subject, field: "creditAfter", expected: 0n, said: creditAfter, place });
      findings.check("CREDIT", eoa === lower(to) || eoa === lower(by), () => ({
        subject,
        field: "to",
        expected: eoa,
        said: to,
        place,
      }));
      books.credits.set(creditName(agentId, token), creditAfter);
      add(tx.booked, vaultName(exchange, token), -amount);
    },

    FeeSet({ feeBps, feeAgentId }, at) {
      findings.check("FEE_CAP", feeBps <= MAX_FEE_BPS && books.agents.has(feeAgentId), () => ({
        ...{
          subject: "fee",
          expected: `${MAX_FEE_BPS} basis points at most, for an agent`,
          said: `${feeBps} for ${feeAgentId}`,
          place: at.place,
        },
      }));
      books.fee = { bps: feeBps, agentId: feeAgentId };
    },

    PausedUntil({ until }, at) {
      const duration = until - at.time;
      findings.check(
        "PAUSE_BOUNDS",
        duration >= 0n && duration <= MAX_PAUSE && (duration === 0n || at.time >= books.pause.pausableFrom),
        () => ({
          ...{
            subject: "pause",
            field: "until",
            expected: `${MAX_PAUSE} s at most, from ${books.pause.pausableFrom}`,
            said: until,
            place: at.place,
          },
        }),
      );
      books.pause = { until, pausableFrom: duration === 0n ? books.pause.pausableFrom : until + MAX_PAUSE };
    },
  };
}

function cardDue(subject: string, keyId: bigint, { token, price }: { token: string; price: bigint }) {
  return {
    law: "CARD_ONCE" as const,
    events: ["CardIssuer:ChargeIssued"],
    subject,
    match: { keyId },
    values: { token, price },
  };
}
