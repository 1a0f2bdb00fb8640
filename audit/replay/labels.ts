/** `LabelRegistry`: what validators say, and the sums of it. */
import { keccak256, slice } from "viem";
import type { labelRegistryAbi } from "../../sdk/abis/index.ts";
import { flags, scoreNames, toBits } from "../../sdk/records.ts";
import type { Aggregate, Label, Listing } from "../books.ts";
import {
  type At,
  asker,
  type Context,
  checkRight,
  DAY,
  type Handlers,
  LABELS,
  LISTS,
  namesOf,
  told,
} from "../context.ts";
import { endorses } from "./endorsement.ts";

const MAX_SCORE = 100;
const MAX_SUMMARY_BYTES = 1000;
const MAX_EVIDENCE_BYTES = 2048;
const MAX_TAGS = 16;
const MAX_TAG_BYTES = 32;
const MAX_REVISIONS = 255;
const LINK = 1;
const CHALLENGE_WINDOW = 14n * DAY;
const RESTRICTED = toBits(flags, ["restricted-validators"]);
/** An event's data before the label's input: nine words. */
const INPUT_AT = 9 * 32;
const ZERO = `0x${"00".repeat(32)}`;

/** What `LabelRegistry` keeps of an input: half its hash. */
export const inputHashOf = (data: `0x${string}`) => slice(keccak256(slice(data, INPUT_AT)), 0, 16);

/** The sums over a listing's live labels. */
export function aggregateOf(listing: Listing): Aggregate {
  const live = [...listing.labels.values()].filter((label) => label.live);
  const sums = Object.fromEntries(
    scoreNames.map((name) => [name, live.reduce((sum, { scores }) => sum + scores[name], 0)]),
  );
  return { count: live.length, ...sums } as Aggregate;
}

type Input = {
  version: number;
  types: number;
  scores: Readonly<Record<(typeof scoreNames)[number], number>>;
  tags: readonly string[];
  summary: string;
  evidenceKind: number;
  evidence: string;
  evidenceHash: string;
};

/** What of an input the registry would refuse; undefined when it would not. */
function faultOf({
  types,
  scores,
  tags,
  summary,
  evidenceKind,
  evidence,
  evidenceHash,
}: Input): string | undefined {
  if (types === 0) return "no type";
  if (scoreNames.some((name) => scores[name] > MAX_SCORE)) return "a score above 100";
  if (evidenceHash !== ZERO && evidenceKind !== LINK) return "a hash without a link";
  // Bytes that are no UTF-8 have become longer by being read.
  const size = (text: string) => Buffer.byteLength(text.replaceAll("\ufffd", "?"));
  if (size(summary) > MAX_SUMMARY_BYTES) return "too long a summary";
  if ((evidence.length - 2) / 2 > MAX_EVIDENCE_BYTES) return "too long evidence";
  if (tags.length > MAX_TAGS || tags.some((tag) => size(tag) > MAX_TAG_BYTES))
    return "too many or too long tags";
  return undefined;
}

export function replayLabels(c: Context): Handlers<typeof labelRegistryAbi> {
  const { books, script } = c;
  const on = (subject: string, at: At) => asker(c, subject, at);
  const name = namesOf(c.constants.chainId);

  const labelOf = (ekId: bigint, validatorId: bigint) => books.listings.get(ekId)?.labels.get(validatorId);

  function checkSums(ekId: bigint, said: Aggregate, at: At): void {
    const listing = books.listings.get(ekId);
    const expected = listing ? aggregateOf(listing) : { count: 0 };
    for (const [field, value] of Object.entries(expected))
      on(name.ek(ekId), at).is("LABEL_SUMS", field, value, said[field as keyof Aggregate]);
  }

  function checkRules(ekId: bigint, validatorId: bigint, input: Input, at: At): void {
    const listing = books.listings.get(ekId);
    const subject = name.lbl(ekId, validatorId);
    const present = listing?.versions.length ?? 0;
    on(subject, at).holds(
      "LABEL_RULES",
      input.version >= 1 && input.version <= present,
      "version",
      `1 to ${present}`,
      input.version,
    );
    on(subject, at).holds(
      "LABEL_RULES",
      listing?.sellerId !== validatorId,
      "validatorId",
      "another agent than the seller",
      name.agt(validatorId),
    );
    const restricted = ((listing?.versions.at(-1)?.terms.flags ?? 0) & RESTRICTED) !== 0;
    on(subject, at).holds(
      "LABEL_RULES",
      !restricted || listing?.allowed.get(validatorId) === true,
      "validatorId",
      "a validator on the listing's list",
      name.agt(validatorId),
    );
    on(subject, at).is("LABEL_RULES", "input", undefined, faultOf(input));
  }

  /** Sets a challenge's mark, where it is the live revision that is challenged. */
  function mark(ekId: bigint, validatorId: bigint, revision: number, disputed: boolean): void {
    const label = labelOf(ekId, validatorId);
    if (label?.live && label.revision === revision) label.disputed = disputed;
  }

  function retire(label: Label, endedAt: bigint | null): void {
    label.endOf.set(label.revision, endedAt);
    Object.assign(label, { live: false, disputed: false, struck: endedAt === null });
  }

  return {
    EIP712DomainChanged: told,

    Labelled({ ekId, validatorId, revision, input, aggregate, by }, at) {
      const subject = name.lbl(ekId, validatorId);
      const place = at.place;
      const old = labelOf(ekId, validatorId);
      checkRight(c, { agentId: validatorId, by, action: LABELS, subject, at });
      checkRules(ekId, validatorId, input, at);
      on(subject, at).is("LABEL_REVISION", "revision", (old?.revision ?? 0) + 1, revision);
      on(subject, at).holds(
        "LABEL_REVISION",
        revision <= MAX_REVISIONS,
        "revision",
        `${MAX_REVISIONS} at most`,
        revision,
      );
      on(subject, at).holds(
        "LABEL_FROZEN",
        !old?.disputed,
        undefined,
        "no open challenge",
        "a challenged label",
      );
      on(subject, at).is("LABEL_RULES", "ekId", ekId, input.ekId);
      const createdAt = old?.live ? old.createdAt : at.time;
      const endOf = old?.endOf ?? new Map();
      if (old?.live) endOf.set(old.revision, at.time);
      const { version, types, scores } = input;
      books.listings.get(ekId)?.labels.set(validatorId, {
        ...{ live: true, struck: false, revision, version, types, scores, createdAt, disputed: false, endOf },
        inputHash: inputHashOf(at.data),
      });
      checkSums(ekId, aggregate, at);
      if (!old) books.deeds.push({ kind: "validation", ekId, agentId: validatorId, time: at.time, place });
    },

    LabelWithdrawn({ ekId, validatorId, revision, aggregate, by }, at) {
      const subject = name.lbl(ekId, validatorId);
      const label = labelOf(ekId, validatorId);
      checkRight(c, { agentId: validatorId, by, action: LABELS, subject, at });
      on(subject, at).holds(
        "LABEL_REVISION",
        label?.live === true && label.revision === revision,
        "revision",
        label?.live ? label.revision : "a live label",
        revision,
      );
      on(subject, at).holds(
        "LABEL_FROZEN",
        !label?.disputed,
        undefined,
        "no open challenge",
        "a challenged label",
      );
      if (label?.live) retire(label, at.time);
      checkSums(ekId, aggregate, at);
    },

    LabelDisputed({ ekId, validatorId, revision }, at) {
      const subject = name.lbl(ekId, validatorId);
      const place = at.place;
      script.take(
        "LabelRegistry:LabelDisputed",
        { ekId, validatorId, revision },
        { place, law: "LABEL_CHALLENGED", subject },
      );
      const label = labelOf(ekId, validatorId);
      const endedAt = label?.endOf.get(revision);
      const isLive = label?.live === true && label.revision === revision;
      const isRecent = typeof endedAt === "bigint" && endedAt + CHALLENGE_WINDOW >= at.time;
      on(subject, at).holds(
        "LABEL_CHALLENGED",
        isLive || isRecent,
        "revision",
        "one that is live, or ended within the window",
        revision,
      );
      mark(ekId, validatorId, revision, true);
    },

    LabelUpheld({ ekId, validatorId, revision }, at) {
      const subject = name.lbl(ekId, validatorId);
      script.take(
        "LabelRegistry:LabelUpheld",
        { ekId, validatorId, revision },
        { place: at.place, law: "LABEL_CHALLENGED", subject },
      );
      mark(ekId, validatorId, revision, false);
    },

    LabelStruck({ ekId, validatorId, revision, aggregate }, at) {
      const subject = name.lbl(ekId, validatorId);
      script.take(
        "LabelRegistry:LabelStruck",
        { ekId, validatorId, revision },
        { place: at.place, law: "LABEL_CHALLENGED", subject },
      );
      const label = labelOf(ekId, validatorId);
      if (label?.live && label.revision === revision) retire(label, null);
      else label?.endOf.set(revision, null);
      checkSums(ekId, aggregate, at);
    },

    Endorsed({ ekId, validatorId }, at) {
      const subject = name.ek(ekId);
      const listing = books.listings.get(ekId);
      on(subject, at).holds(
        "LABEL_ENDORSED",
        endorses(c, ekId, validatorId),
        undefined,
        "a good label of a bonded validator",
        name.agt(validatorId),
      );
      on(subject, at).holds(
        "LABEL_ENDORSED",
        !endorses(c, ekId, listing?.endorserId ?? 0n),
        undefined,
        "no endorsement before it",
        name.agt(listing?.endorserId ?? 0n),
      );
      if (listing) listing.endorserId = validatorId;
    },

    ValidatorAllowed({ ekId, validatorId, allowed, by }, at) {
      const listing = books.listings.get(ekId);
      const subject = name.lbl(ekId, validatorId);
      checkRight(c, { agentId: listing?.sellerId ?? 0n, by, action: LISTS, subject, at });
      on(subject, at).holds(
        "LABEL_RULES",
        books.agents.has(validatorId),
        "validatorId",
        "an agent",
        validatorId,
      );
      listing?.allowed.set(validatorId, allowed);
    },

    LabelNonceInvalidated({ validatorId, nonce }, at) {
      const next = books.labelNonces.get(validatorId) ?? 0n;
      on(name.agt(validatorId), at).holds("NONCE_ONCE", nonce >= next, "nonce", `${next} or more`, nonce);
      books.labelNonces.set(validatorId, nonce + 1n);
    },
  };
}
