/** `LabelRegistry`: what validators say, and the sums of it. */
import { keccak256, slice } from "viem";
import type { labelRegistryAbi } from "../../sdk/abis/index.ts";
import { flags, scoreNames, toBits } from "../../sdk/records.ts";
import type { Aggregate, Label, Listing } from "../books.ts";
import {
  type At,
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
  const { books, findings, script } = c;
  const name = namesOf(c.constants.chainId);

  const labelOf = (ekId: bigint, validatorId: bigint) => books.listings.get(ekId)?.labels.get(validatorId);

  function checkSums(ekId: bigint, said: Aggregate, at: At): void {
    const listing = books.listings.get(ekId);
    const expected = listing ? aggregateOf(listing) : { count: 0 };
    for (const [field, value] of Object.entries(expected))
      findings.equal("LABEL_SUMS", {
        subject: name.ek(ekId),
        field,
        expected: value,
        said: said[field as keyof Aggregate],
        place: at.place,
      });
  }

  function checkRules(ekId: bigint, validatorId: bigint, input: Input, at: At): void {
    const listing = books.listings.get(ekId);
    const subject = name.lbl(ekId, validatorId);
    const place = at.place;
    const present = listing?.versions.length ?? 0;
    findings.check("LABEL_RULES", input.version >= 1 && input.version <= present, () => ({
      subject,
      field: "version",
      expected: `1 to ${present}`,
      said: input.version,
      place,
    }));
    findings.check("LABEL_RULES", listing?.sellerId !== validatorId, () => ({
      subject,
      field: "validatorId",
      expected: "another agent than the seller",
      said: name.agt(validatorId),
      place,
    }));
    const restricted = ((listing?.versions.at(-1)?.terms.flags ?? 0) & RESTRICTED) !== 0;
    findings.check("LABEL_RULES", !restricted || listing?.allowed.get(validatorId) === true, () => ({
      subject,
      field: "validatorId",
      expected: "a validator on the listing's list",
      said: name.agt(validatorId),
      place,
    }));
    findings.equal("LABEL_RULES", {
      subject,
      field: "input",
      expected: undefined,
      said: faultOf(input),
      place,
    });
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
      findings.equal("LABEL_REVISION", {
        subject,
        field: "revision",
        expected: (old?.revision ?? 0) + 1,
        said: revision,
        place,
      });
      findings.check("LABEL_REVISION", revision <= MAX_REVISIONS, () => ({
        subject,
        field: "revision",
        expected: `${MAX_REVISIONS} at most`,
        said: revision,
        place,
      }));
      findings.check("LABEL_FROZEN", !old?.disputed, () => ({
        subject,
        expected: "no open challenge",
        said: "a challenged label",
        place,
      }));
      findings.equal("LABEL_RULES", { subject, field: "ekId", expected: ekId, said: input.ekId, place });
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
      const place = at.place;
      const label = labelOf(ekId, validatorId);
      checkRight(c, { agentId: validatorId, by, action: LABELS, subject, at });
      findings.check("LABEL_REVISION", label?.live === true && label.revision === revision, () => ({
        subject,
        field: "revision",
        expected: label?.live ? label.revision : "a live label",
        said: revision,
        place,
      }));
      findings.check("LABEL_FROZEN", !label?.disputed, () => ({
        subject,
        expected: "no open challenge",
        said: "a challenged label",
        place,
      }));
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
      findings.check("LABEL_CHALLENGED", isLive || isRecent, () => ({
        subject,
        field: "revision",
        expected: "one that is live, or ended within the window",
        said: revision,
        place,
      }));
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
      const place = at.place;
      const listing = books.listings.get(ekId);
      findings.check("LABEL_ENDORSED", endorses(c, ekId, validatorId), () => ({
        subject,
        expected: "a good label of a bonded validator",
        said: name.agt(validatorId),
        place,
      }));
      findings.check("LABEL_ENDORSED", !endorses(c, ekId, listing?.endorserId ?? 0n), () => ({
        subject,
        expected: "no endorsement before it",
        said: name.agt(listing?.endorserId ?? 0n),
        place,
      }));
      if (listing) listing.endorserId = validatorId;
    },

    ValidatorAllowed({ ekId, validatorId, allowed, by }, at) {
      const listing = books.listings.get(ekId);
      const subject = name.lbl(ekId, validatorId);
      checkRight(c, { agentId: listing?.sellerId ?? 0n, by, action: LISTS, subject, at });
      findings.check("LABEL_RULES", books.agents.has(validatorId), () => ({
        subject,
        field: "validatorId",
        expected: "an agent",
        said: validatorId,
        place: at.place,
      }));
      listing?.allowed.set(validatorId, allowed);
    },

    LabelNonceInvalidated({ validatorId, nonce }, at) {
      const next = books.labelNonces.get(validatorId) ?? 0n;
      findings.check("NONCE_ONCE", nonce >= next, () => ({
        subject: name.agt(validatorId),
        field: "nonce",
        expected: `${next} or more`,
        said: nonce,
        place: at.place,
      }));
      books.labelNonces.set(validatorId, nonce + 1n);
    },
  };
}
