/** `Exchange`: everybody's money, and what administrators set. Its sales are in sales.ts, the ends of its orders in orders.ts. */
import type { exchangeAbi } from "../../sdk/abis/index.ts";
import { add, creditName, vaultName } from "../books.ts";
import { type Context, DAY, type Handlers, lower, namesOf, told } from "../context.ts";
import { promiseEnd } from "./orders.ts";
import { replayRenewal, replaySale } from "./sales.ts";
import { creditKey, share as shares } from "./split.ts";

const MAX_FEE_BPS = 500;
const MAX_PAUSE = 7n * DAY;

export function replayExchange(c: Context): Handlers<typeof exchangeAbi> {
  const { books, findings, script, tx } = c;
  const name = namesOf(c.constants.chainId);
  const exchange = c.constants.contracts.Exchange;
  return {
    AuthorityUpdated: told,
    KeySold: (args, at) => replaySale(c, args, at),
    KeyRenewed: (args, at) => replayRenewal(c, args, at),
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
      if (share !== shares.bounty) return;
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
