/** `ExperienceKey`: who holds which key, until when, and who rents it. */
import type { Address } from "viem";
import type { experienceKeyAbi } from "../../sdk/abis/index.ts";
import { flags, toBits } from "../../sdk/records.ts";
import type { Key } from "../books.ts";
import { type At, agentOf, asker, type Context, type Handlers, NOBODY, namesOf, told } from "../context.ts";

const TRANSFERABLE = toBits(flags, ["transferable"]);
const LENDABLE = toBits(flags, ["lendable"]);
const LAST_TIME = 2n ** 40n - 1n;

/** Whether the key's money may still go back. */
export const isHeld = ({ books }: Context, keyId: bigint) =>
  [1, 2].includes(books.orders.get(keyId)?.status ?? 0);
/** The agent that rents the key at that time; 0n when none does. */
export const tenantOf = (key: Key, time: bigint) => (key.rentedUntil > time ? key.tenantId : 0n);

export function replayKeys(c: Context): Handlers<typeof experienceKeyAbi> {
  const { books, script, tx } = c;
  const on = (subject: string, at: At) => asker(c, subject, at);
  const name = namesOf(c.constants.chainId);

  /** A key is made: the id must be the next of its listing and buyer, and a sale must follow. */
  function mint(keyId: bigint, to: Address, at: At): void {
    const subject = name.key(keyId);
    const first = (keyId >> 32n) << 32n;
    const minted = books.minted.get(first) ?? 0;
    on(subject, at).is("KEY_ID", "n", minted, Number(keyId & 0xffff_ffffn));
    books.minted.set(first, Number(keyId & 0xffff_ffffn) + 1);
    const buyerId = (keyId >> 32n) & 0xffff_ffff_ffff_ffffn;
    on(subject, at).is("KEY_OWNER", "to", books.agents.get(buyerId)?.eoa, to);
    tx.minting = { keyId, eoa: to, locked: false, term: undefined };
    script.promise({ law: "KEY_FOR_SALE", events: ["Exchange:KeySold"], subject, match: { keyId } });
  }

  function burn(key: Key, from: Address, at: At): void {
    const subject = name.key(key.keyId);
    on(subject, at).is("KEY_OWNER", "from", books.agents.get(key.holderId)?.eoa, from);
    const args = { keyId: key.keyId };
    const hasReason = script.take("ExperienceKey:burn", args, {
      place: at.place,
      law: "KEY_END",
      subject,
      needed: false,
    });
    // A card's key is taken back before the charge's own event.
    if (!hasReason)
      script.promise({
        law: "KEY_END",
        events: ["CardIssuer:ChargeReversed"],
        subject,
        match: args,
        values: { recovered: 0n },
      });
    key.burnt = true;
    books.keysOf.set(key.holderId, (books.keysOf.get(key.holderId) ?? 0) - 1);
  }

  function move(key: Key, to: Address, at: At): void {
    const subject = name.key(key.keyId);
    const toId = agentOf(books, to);
    on(subject, at).holds("KEY_OWNER", toId !== 0n && toId !== key.holderId, "to", "another agent's EOA", to);
    on(subject, at).holds(
      "KEY_MOVABLE",
      (key.flags & TRANSFERABLE) !== 0,
      "flags",
      "transferable",
      key.flags,
    );
    on(subject, at).holds("KEY_MOVABLE", !isHeld(c, key.keyId), undefined, "no open order", "a held one");
    on(subject, at).is("KEY_MOVABLE", "tenant", 0n, tenantOf(key, at.time));
    books.keysOf.set(key.holderId, (books.keysOf.get(key.holderId) ?? 0) - 1);
    books.keysOf.set(toId, (books.keysOf.get(toId) ?? 0) + 1);
    key.holderId = toId;
  }

  function rent(key: Key, user: Address, expires: bigint, at: At): void {
    const subject = name.key(key.keyId);
    const tenantId = agentOf(books, user);
    const running = tenantOf(key, at.time);
    const latest = key.expiry === 0n ? LAST_TIME : key.expiry;
    on(subject, at).holds(
      "RENTAL",
      (key.flags & LENDABLE) !== 0 && !isHeld(c, key.keyId),
      undefined,
      "a lendable key without an open order",
      key.flags,
    );
    on(subject, at).holds(
      "RENTAL",
      tenantId !== 0n && tenantId !== key.holderId,
      "user",
      "another agent's EOA",
      user,
    );
    on(subject, at).holds(
      "RENTAL",
      expires > at.time && expires <= latest,
      "expires",
      `after ${at.time}, up to ${latest}`,
      expires,
    );
    on(subject, at).holds(
      "RENTAL",
      running === 0n || (running === tenantId && expires >= key.rentedUntil),
      "user",
      name.agt(running),
      user,
    );
    Object.assign(key, { tenantId, rentedUntil: expires });
  }

  return {
    Approval: told,
    ApprovalForAll: told,
    BatchMetadataUpdate: told,
    MetadataUpdate: told,
    Unlocked: told, // never emitted

    Transfer({ from, to, tokenId }, at) {
      if (from === NOBODY) {
        mint(tokenId, to, at);
        return;
      }
      const key = books.keys.get(tokenId);
      const subject = name.key(tokenId);
      on(subject, at).holds(
        "KEY_OWNER",
        key !== undefined && !key.burnt && key.announced === from,
        "from",
        key?.burnt ? "a key that is there" : key?.announced,
        from,
      );
      if (!key) return;
      if (to === NOBODY) burn(key, from, at);
      // To the holder's own present EOA: the log catches up with a rotation.
      else if (books.agents.get(key.holderId)?.eoa !== to) move(key, to, at);
      key.announced = to;
    },

    Locked({ tokenId }, at) {
      const isNew = tx.minting?.keyId === tokenId;
      on(name.key(tokenId), at).holds(
        "KEY_LOCKED",
        isNew,
        undefined,
        "said when the key is made",
        "said later",
      );
      if (tx.minting && isNew) tx.minting.locked = true;
    },

    TokenExpiryUpdated({ tokenId, startTime: start, endTime: end }, at) {
      if (tx.minting?.keyId === tokenId) {
        tx.minting.term = { start, end };
        return;
      }
      const key = books.keys.get(tokenId);
      const subject = name.key(tokenId);
      on(subject, at).is("KEY_TERM", "startTime", key?.startTime, start);
      script.promise({
        law: "RENEWAL",
        events: ["Exchange:KeyRenewed"],
        subject,
        match: { keyId: tokenId },
        values: { expiry: Number(end) },
      });
    },

    UpdateUser({ tokenId, user, expires }, at) {
      const key = books.keys.get(tokenId);
      on(name.key(tokenId), at).holds(
        "RENTAL",
        (key !== undefined && !key.burnt) || user === NOBODY,
        undefined,
        "a key that is there",
        "none",
      );
      if (!key) return;
      if (user === NOBODY) Object.assign(key, { tenantId: 0n, rentedUntil: 0n });
      else rent(key, user, expires, at);
    },
  };
}

/** Enters the key that a sale made. */
export function enterKey(
  c: Context,
  { keyId, version, expiry }: { keyId: bigint; version: number; expiry: bigint },
  at: At,
): void {
  const { books, tx } = c;
  const subject = namesOf(c.constants.chainId).key(keyId);
  const listing = books.listings.get(keyId >> 96n);
  const terms = listing?.versions[version - 1]?.terms;
  const holderId = (keyId >> 32n) & 0xffff_ffff_ffff_ffffn;
  const minting = tx.minting?.keyId === keyId ? tx.minting : undefined;
  const ask = asker(c, subject, at);
  ask.is("KEY_LOCKED", undefined, ((terms?.flags ?? 0) & TRANSFERABLE) === 0, minting?.locked ?? false);
  const term = minting?.term ?? { start: at.time, end: 0n };
  ask.is("KEY_TERM", "endTime", expiry, term.end);
  ask.is("KEY_TERM", "startTime", at.time, term.start);
  tx.minting = undefined;
  books.keys.set(keyId, {
    ...{ keyId, holderId, version, expiry, startTime: at.time, burnt: false, tenantId: 0n, rentedUntil: 0n },
    ...{ scopes: terms?.scopes ?? 0, flags: terms?.flags ?? 0 },
    announced: minting?.eoa ?? (books.agents.get(holderId)?.eoa as Address),
  });
  books.keysOf.set(holderId, (books.keysOf.get(holderId) ?? 0) + 1);
}
