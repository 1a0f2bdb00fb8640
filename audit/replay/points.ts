/** `PointsLedger`: what completed orders earn, computed anew by the policy. */
import type { Address } from "viem";
import type { pointsLedgerAbi } from "../../sdk/abis/index.ts";
import type { Points, PointsPolicy } from "../books.ts";
import { type At, type Context, DAY, grantOf, type Handlers, lower, namesOf, told } from "../context.ts";
import type { Due } from "../script.ts";
import { isEndorsed } from "./endorsement.ts";

const POINT = 100n;
const FULL_PERCENT = 100;
/** `PointsReasons`. */
const reason = {
  selfTrade: 1,
  paidBySeller: 2,
  linked: 4,
  pairCap: 8,
  sellerCap: 16,
  buyerCap: 32,
  unendorsed: 64,
} as const;
const bounds: Readonly<Record<keyof PointsPolicy, readonly [number, number]>> = {
  ...{ sellerAward: [1, 10], buyerAward: [1, 10], pairTradesPerDay: [1, 50], agentPointsPerDay: [0, 10_000] },
  ...{ handful: [0, 1000], unendorsedPercent: [0, FULL_PERCENT] },
};

export type CompletedOrder = {
  ekId: bigint;
  keyId: bigint;
  sellerId: bigint;
  buyerId: bigint;
  payer: Address;
  sales: number;
};
type Award = { sellerDelta: bigint; buyerDelta: bigint; reasons: number };

const accountOf = ({ books }: Context, agentId: bigint): Points =>
  books.points.get(agentId) ?? { balance: 0n, lifetime: 0n, day: 0n, earned: 0n };

/** Whether one of the two holds a live grant of the other. */
function areLinked({ books }: Context, a: bigint, b: bigint, time: bigint): boolean {
  const [first, second] = [books.agents.get(a), books.agents.get(b)];
  if (!first || !second) return false;
  return (grantOf(first, second.eoa, time) | grantOf(second, first.eoa, time)) !== 0n;
}

/** Why the order earns nothing at all, or 0: then the pair has one trade more today. */
function exclusion(
  c: Context,
  { sellerId, buyerId, payer }: CompletedOrder,
  perDay: number,
  time: bigint,
): number {
  if (sellerId === buyerId) return reason.selfTrade;
  if (c.books.eoas.get(lower(payer)) === sellerId) return reason.paidBySeller;
  const name = sellerId < buyerId ? `${sellerId} ${buyerId}` : `${buyerId} ${sellerId}`;
  const pair = c.books.pairs.get(name);
  if (pair?.linked) return reason.linked;
  const day = time / DAY;
  const trades = pair?.day === day ? pair.trades : 0n;
  if (trades === 0n && areLinked(c, sellerId, buyerId, time)) {
    c.books.pairs.set(name, { day, trades, linked: true });
    return reason.linked;
  }
  if (trades >= BigInt(perDay)) return reason.pairCap;
  c.books.pairs.set(name, { day, trades: trades + 1n, linked: false });
  return 0;
}

/** Credits what of `wanted` the agent may still earn today. */
function credit(c: Context, agentId: bigint, wanted: bigint, cap: bigint, time: bigint): bigint {
  const account = accountOf(c, agentId);
  const day = time / DAY;
  const earned = account.day === day ? account.earned : 0n;
  if (earned >= cap || wanted === 0n) return 0n;
  const delta = wanted < cap - earned ? wanted : cap - earned;
  c.books.points.set(agentId, {
    balance: account.balance + delta,
    lifetime: account.lifetime + delta,
    day,
    earned: earned + delta,
  });
  return delta;
}

/** What the policy gives for an order, booked. */
function award(c: Context, order: CompletedOrder, time: bigint): Award {
  const policy = c.books.pointsPolicy;
  if (!policy) return { sellerDelta: 0n, buyerDelta: 0n, reasons: 0 };
  let reasons = exclusion(c, order, policy.pairTradesPerDay, time);
  if (reasons !== 0) return { sellerDelta: 0n, buyerDelta: 0n, reasons };
  const isReduced = order.sales > policy.handful && !isEndorsed(c, order.ekId);
  const percent = isReduced ? policy.unendorsedPercent : FULL_PERCENT;
  const cap = BigInt(policy.agentPointsPerDay) * POINT;
  const [toSeller, toBuyer] = [BigInt(policy.sellerAward * percent), BigInt(policy.buyerAward * percent)];
  const sellerDelta = credit(c, order.sellerId, toSeller, cap, time);
  const buyerDelta = credit(c, order.buyerId, toBuyer, cap, time);
  if (percent !== FULL_PERCENT) reasons = reason.unendorsed;
  if (sellerDelta !== toSeller) reasons |= reason.sellerCap;
  if (buyerDelta !== toBuyer) reasons |= reason.buyerCap;
  return { sellerDelta, buyerDelta, reasons };
}

/** The award that must come for a completed order. */
export function awardDue(c: Context, order: CompletedOrder, at: At): Due {
  const name = namesOf(c.constants.chainId);
  const subject = name.ord(order.keyId);
  return {
    ...{
      law: "POINTS_AWARD",
      events: ["PointsLedger:PointsAwarded", "PointsLedger:PointsWithheld"],
      subject,
    },
    match: { keyId: order.keyId },
    onMissing: () => void award(c, order, at.time),
    onCome(event, said, place) {
      const given = award(c, order, at.time);
      const earns = given.sellerDelta + given.buyerDelta !== 0n;
      const expected = {
        ...{ ekId: order.ekId, sellerId: order.sellerId, buyerId: order.buyerId, ...given },
        sellerBalance: accountOf(c, order.sellerId).balance,
        buyerBalance: accountOf(c, order.buyerId).balance,
      };
      c.findings.equal("POINTS_AWARD", {
        subject,
        expected: earns ? "PointsLedger:PointsAwarded" : "PointsLedger:PointsWithheld",
        said: event,
        place,
      });
      for (const [field, value] of Object.entries(expected))
        if (field in said)
          c.findings.equal("POINTS_AWARD", { subject, field, expected: value, said: said[field], place });
    },
  };
}

/** The points that must be spent for a key. */
export function spendDue(
  c: Context,
  { agentId, ekId, keyId, price }: { agentId: bigint; ekId: bigint; keyId: bigint; price: bigint },
): Due {
  const subject = namesOf(c.constants.chainId).ord(keyId);
  return {
    ...{ law: "POINTS_SPENT", events: ["PointsLedger:PointsSpent"], subject, match: { keyId } },
    onCome(_event, said, place) {
      for (const [field, expected] of Object.entries({ agentId, ekId, amount: price }))
        c.findings.equal("POINTS_SPENT", { subject, field, expected, said: said[field], place });
    },
  };
}

/** One of two, where only the event itself tells which; or one with something that is asked when it comes. */
export function pointsDue(due: Due | { either: readonly [Due, Due] }, then?: () => void): Due {
  if (!("either" in due))
    return {
      ...due,
      onCome(event, args, place) {
        due.onCome?.(event, args, place);
        then?.();
      },
    };
  const [first, second] = due.either;
  return {
    ...{ law: first.law, subject: first.subject, events: [...first.events, ...second.events] },
    ...(first.match && { match: first.match }),
    ...(first.onMissing && { onMissing: first.onMissing }),
    onCome: (event, args, place) =>
      (first.events.includes(event) ? first : second).onCome?.(event, args, place),
  };
}

export function replayPoints(c: Context): Handlers<typeof pointsLedgerAbi> {
  const { books, findings, script } = c;
  const name = namesOf(c.constants.chainId);
  /** The ledger's own word on a balance: from here on the books follow it. */
  const settle = (agentId: bigint, balance: bigint) =>
    books.points.set(agentId, { ...accountOf(c, agentId), balance });
  return {
    AuthorityUpdated: told,

    PointsAwarded(args, at) {
      const { keyId, sellerId, buyerId } = args;
      script.take("PointsLedger:PointsAwarded", args, {
        place: at.place,
        law: "POINTS_AWARD",
        subject: name.ord(keyId),
      });
      settle(sellerId, args.sellerBalance);
      settle(buyerId, args.buyerBalance);
      const common = { keyId, reasons: args.reasons };
      books.pointsEntries.push(
        {
          ...common,
          agentId: sellerId,
          role: "seller",
          delta: args.sellerDelta,
          balance: args.sellerBalance,
        },
        { ...common, agentId: buyerId, role: "buyer", delta: args.buyerDelta, balance: args.buyerBalance },
      );
    },

    PointsWithheld(args, at) {
      script.take("PointsLedger:PointsWithheld", args, {
        place: at.place,
        law: "POINTS_AWARD",
        subject: name.ord(args.keyId),
      });
      for (const role of ["seller", "buyer"] as const) {
        const agentId = args[`${role}Id`];
        const balance = accountOf(c, agentId).balance;
        books.pointsEntries.push({
          keyId: args.keyId,
          agentId,
          role,
          delta: 0n,
          balance,
          reasons: args.reasons,
        });
      }
    },

    PointsSpent(args, at) {
      const { agentId, keyId, amount, balance } = args;
      const subject = name.ord(keyId);
      script.take("PointsLedger:PointsSpent", args, { place: at.place, law: "POINTS_SPENT", subject });
      findings.equal("POINTS_SPENT", {
        subject,
        field: "balance",
        expected: accountOf(c, agentId).balance - amount,
        said: balance,
        place: at.place,
      });
      settle(agentId, balance);
      books.pointsEntries.push({ keyId, agentId, role: "spender", delta: -amount, balance, reasons: 0 });
    },

    PolicySet({ policy }, at) {
      for (const [field, [least, most]] of Object.entries(bounds)) {
        const said = policy[field as keyof PointsPolicy];
        findings.check("POINTS_POLICY", said >= least && said <= most, () => ({
          subject: "policy",
          field,
          expected: `${least} to ${most}`,
          said,
          place: at.place,
        }));
      }
      books.pointsPolicy = policy;
    },
  };
}
