/** Who gets which part of a price: every part but the seller's rounds down, the rest is the seller's. */
import type { Terms } from "../books.ts";
import { BPS, type Context, namesOf } from "../context.ts";
import type { Due } from "../script.ts";

/** `IExchange.Share`. */
export const share = { seller: 0, fee: 1, royalty: 2, referral: 3, bounty: 4, refund: 5 } as const;

/** Tells one credit of a sale from the others. */
export const creditKey = (c: { agentId: bigint; keyId: bigint; share: number }) =>
  `${c.share} ${c.keyId} ${c.agentId}`;

export type Split = {
  keyId: bigint;
  sellerId: bigint;
  terms: Terms | undefined;
  amount: bigint;
  feeBps: number;
  referrerId: bigint;
};
export type Part = { share: number; agentId: bigint; amount: bigint };

/** The parts in the order in which they are booked; those of 0 are not. A bounty is no agent's. */
export function partsOf(c: Context, { sellerId, terms, amount, feeBps, referrerId }: Split): Part[] {
  const of = (bps: number) => (amount * BigInt(bps)) / BPS;
  const parts: Part[] = [{ share: share.fee, agentId: c.books.fee.agentId, amount: of(feeBps) }];
  parts.push({ share: share.bounty, agentId: 0n, amount: of(terms?.bountyBps ?? 0) });
  for (const { ekId, bps } of terms?.royalties ?? [])
    parts.push({
      share: share.royalty,
      agentId: c.books.listings.get(ekId)?.sellerId ?? 0n,
      amount: of(bps),
    });
  if (referrerId !== 0n)
    parts.push({ share: share.referral, agentId: referrerId, amount: of(terms?.referralBps ?? 0) });
  const rest = parts.reduce((left, part) => left - part.amount, amount);
  parts.push({ share: share.seller, agentId: sellerId, amount: rest });
  return parts.filter((part) => part.amount !== 0n);
}

/** What an agent must be credited now. */
export function creditDue(
  c: Context,
  { keyId, token, ...part }: Part & { keyId: bigint; token: string | undefined },
): Due {
  const subject = namesOf(c.constants.chainId).ord(keyId);
  const match = { to: creditKey({ ...part, keyId }) };
  return {
    law: "SPLIT",
    events: ["Exchange:Credited"],
    subject,
    match,
    values: { token, amount: part.amount },
  };
}

export function splitDues(c: Context, split: Split): Due[] {
  const { keyId, terms } = split;
  const subject = namesOf(c.constants.chainId).ord(keyId);
  return partsOf(c, split).map((part) =>
    part.share === share.bounty
      ? {
          ...{ law: "SPLIT", events: ["Exchange:BountyFunded"], subject, match: { keyId } },
          values: { ekId: keyId >> 96n, token: terms?.token, amount: part.amount },
        }
      : creditDue(c, { ...part, keyId, token: terms?.token }),
  );
}
