/** `ExperienceKey`: who holds which key, until when, and who rents it. */
import type { Address } from "viem";
import type { experienceKeyAbi } from "../../sdk/abis/index.ts";
import { flags, toBits } from "../../sdk/records.ts";
import type { Key } from "../books.ts";
import { type At, agentOf, type Context, type Handlers, NOBODY, namesOf, told } from "../context.ts";

const TRANSFERABLE = toBits(flags, ["transferable"]);
const LENDABLE = toBits(flags, ["lendable"]);
const LAST_TIME = 2n ** 40n - 1n;

/** Whether the key's money may still go back. */
export const isHeld = ({ books }: Context, keyId: bigint) =>
  [1, 2].includes(books.orders.get(keyId)?.status ?? 0);
/** The agent that rents the key at that time; 0n when none does. */
export const tenantOf = (key: Key, time: bigint) => (key.rentedUntil > time ? key.tenantId : 0n);

export function replayKeys(c: Context): Handlers<typeof experienceKeyAbi> {
  const { books, findings, script, tx } = c;
  const name = namesOf(c.constants.chainId);

  /** A key is made: the id must be the next of its listing and buyer, and a sale must follow. */
  function mint(keyId: bigint, to: Address, at: At): void {
    const subject = name.key(keyId);
    const first = (keyId >> 32n) << 32n;
    const minted = books.minted.get(first) ?? 0;
    findings.equal("KEY_ID", {
      subject,
      field: "n",
      expected: minted,
      said: Number(keyId & 0xffff_ffffn),
      place: at.place,
    });
    books.minted.set(first, Number(keyId & 0xffff_ffffn) + 1);
    const buyerId = (keyId >> 32n) & 0xffff_ffff_ffff_ffffn;
    findings.equal("KEY_OWNER", {
      subject,
      field: "to",
      expected: books.agents.get(buyerId)?.eoa,
      said: to,
      place: at.place,
    });
    tx.minting = { keyId, eoa: to, locked: false, term: undefined };
    script.promise({ law: "KEY_FOR_SALE", events: ["Exchange:KeySold"], subject, match: { keyId } });
  }

  function burn(key: Key, from: Address, at: At): void {
    const subject = name.key(key.keyId);
    findings.equal("KEY_OWNER", {
      subject,
      field: "from",
      expected: books.agents.get(key.holderId)?.eoa,
      said: from,
      place: at.place,
    });
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
    const place = at.place;
    const toId = agentOf(books, to);
    findings.check("KEY_OWNER", toId !== 0n && toId !== key.holderId, () => ({
      subject,
      field: "to",
      expected: "another agent's EOA",
      said: to,
      place,
    }));
    findings.check("KEY_MOVABLE", (key.flags & TRANSFERABLE) !== 0, () => ({
      subject,
      field: "flags",
      expected: "transferable",
      said: key.flags,
      place,
    }));
    findings.check("KEY_MOVABLE", !isHeld(c, key.keyId), () => ({
      subject,
      expected: "no open order",
      said: "a held one",
      place,
    }));
    findings.equal("KEY_MOVABLE", {
      subject,
      field: "tenant",
      expected: 0n,
      said: tenantOf(key, at.time),
      place,
    });
    books.keysOf.set(key.holderId, (books.keysOf.get(key.holderId) ?? 0) - 1);
    books.keysOf.set(toId, (books.keysOf.get(toId) ?? 0) + 1);
    key.holderId = toId;
  }

  function rent(key: Key, user: Address, expires: bigint, at: At): void {
    const subject = name.key(key.keyId);
    const place = at.place;
    const tenantId = agentOf(books, user);
    const running = tenantOf(key, at.time);
    const latest = key.expiry === 0n ? LAST_TIME : key.expiry;
    findings.check("RENTAL", (key.flags & LENDABLE) !== 0 && !isHeld(c, key.keyId), () => ({
      subject,
      expected: "a lendable key without an open order",
      said: key.flags,
      place,
    }));
    findings.check("RENTAL", tenantId !== 0n && tenantId !== key.holderId, () => ({
      subject,
      field: "user",
      expected: "another agent's EOA",
      said: user,
      place,
    }));
    findings.check("RENTAL", expires > at.time && expires <= latest, () => ({
      subject,
      field: "expires",
      expected: `after ${at.time}, up to ${latest}`,
      said: expires,
      place,
    }));
    findings.check("RENTAL", running === 0n || (running === tenantId && expires >= key.rentedUntil), () => ({
      subject,
      field: "user",
      expected: name.agt(running),
      said: user,
      place,
    }));
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
      findings.check("KEY_OWNER", key !== undefined && !key.burnt && key.announced === from, () => ({
        ...{
          subject,
          field: "from",
          expected: key?.burnt ? "a key that is there" : key?.announced,
          said: from,
          place: at.place,
        },
      }));
      if (!key) return;
      if (to === NOBODY) burn(key, from, at);
      // To the holder's own present EOA: the log catches up with a rotation.
      else if (books.agents.get(key.holderId)?.eoa !== to) move(key, to, at);
      key.announced = to;
    },

    Locked({ tokenId }, at) {
      const isNew = tx.minting?.keyId === tokenId;
      findings.check("KEY_LOCKED", isNew, () => ({
        subject: name.key(tokenId),
        expected: "said when the key is made",
        said: "said later",
        place: at.place,
      }));
      if (tx.minting && isNew) tx.minting.locked = true;
    },

    TokenExpiryUpdated({ tokenId, startTime: start, endTime: end }, at) {
      if (tx.minting?.keyId === tokenId) {
        tx.minting.term = { start, end };
        return;
      }
      const key = books.keys.get(tokenId);
      const subject = name.key(tokenId);
      findings.equal("KEY_TERM", {
        subject,
        field: "startTime",
        expected: key?.startTime,
        said: start,
        place: at.place,
      });
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
      findings.check("RENTAL", (key !== undefined && !key.burnt) || user === NOBODY, () => ({
        subject: name.key(tokenId),
        expected: "a key that is there",
        said: "none",
        place: at.place,
      }));
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
  const { books, findings, tx } = c;
  const subject = namesOf(c.constants.chainId).key(keyId);
  const listing = books.listings.get(keyId >> 96n);
  const terms = listing?.versions[version - 1]?.terms;
  const holderId = (keyId >> 32n) & 0xffff_ffff_ffff_ffffn;
  const minting = tx.minting?.keyId === keyId ? tx.minting : undefined;
  const place = at.place;
  findings.equal("KEY_LOCKED", {
    subject,
    expected: ((terms?.flags ?? 0) & TRANSFERABLE) === 0,
    said: minting?.locked ?? false,
    place,
  });
  const term = minting?.term ?? { start: at.time, end: 0n };
  findings.equal("KEY_TERM", { subject, field: "endTime", expected: expiry, said: term.end, place });
  findings.equal("KEY_TERM", { subject, field: "startTime", expected: at.time, said: term.start, place });
  tx.minting = undefined;
  books.keys.set(keyId, {
    ...{ keyId, holderId, version, expiry, startTime: at.time, burnt: false, tenantId: 0n, rentedUntil: 0n },
    ...{ scopes: terms?.scopes ?? 0, flags: terms?.flags ?? 0 },
    announced: minting?.eoa ?? (books.agents.get(holderId)?.eoa as Address),
  });
  books.keysOf.set(holderId, (books.keysOf.get(holderId) ?? 0) + 1);
}
