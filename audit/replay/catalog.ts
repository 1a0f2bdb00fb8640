/** `Catalog`: what is sold, and on which terms. */
import { type Address, type Hex, keccak256 } from "viem";
import type { catalogAbi } from "../../sdk/abis/index.ts";
import { type Curve, type CurveType, curves } from "../../sdk/curves.ts";
import type { Listing, Terms, Version } from "../books.ts";
import { type At, type Context, checkRight, type Handlers, LISTS, lower, namesOf, told } from "../context.ts";
import { rawBytes } from "../decode.ts";

const MAX_SUMMARY_BYTES = 16_384;
const MAX_ROYALTIES = 8;
const MAX_RESALE_BPS = 1000;
const MAX_SHARES_BPS = 5000;
const MAX_REFUND_WINDOW = 30 * 86_400;
const ALL_SCOPES = 0b11111;
const ALL_FLAGS = 0b111;
const [ACTIVE, PAUSED, ARCHIVED] = [1, 2, 3];
/** Where an event's data has the summary: content is the second value, the summary its second member. */
const SUMMARY_PATH = [1, 1];

/** What the next key costs, by the SDK's twin of the curve. */
export function priceOf(type: CurveType | undefined, params: Hex): Version["price"] {
  if (type === undefined) return undefined;
  const curve = curves[type] as Curve<unknown>;
  let decoded: unknown;
  return (sold, time) => {
    decoded ??= curve.decode(params);
    return curve.cost({ sold: BigInt(sold), count: 1n, time }, decoded);
  };
}

/** What is wrong with terms, as the catalogue would refuse them; undefined when nothing is. */
function faultOf(ekId: bigint, terms: Terms, time: bigint, type: CurveType | undefined): string | undefined {
  if (terms.scopes === 0 || (terms.scopes & ~ALL_SCOPES) !== 0) return `scopes ${terms.scopes}`;
  if ((terms.flags & ~ALL_FLAGS) !== 0) return `flags ${terms.flags}`;
  if (terms.endTime !== 0 && (terms.endTime <= terms.startTime || BigInt(terms.endTime) <= time))
    return `end ${terms.endTime}`;
  if (terms.refundWindow > MAX_REFUND_WINDOW) return `refund window ${terms.refundWindow}`;
  if (terms.refundWindow === 0 && terms.refundTerms !== 0) return "refund terms without a window";
  if (terms.resaleBps > MAX_RESALE_BPS) return `resale ${terms.resaleBps}`;
  if (terms.royalties.length > MAX_ROYALTIES) return `${terms.royalties.length} royalties`;
  let sum = terms.bountyBps + terms.referralBps;
  let before = 0n;
  for (const royalty of terms.royalties) {
    if (royalty.ekId <= before || royalty.ekId >= ekId || royalty.bps === 0)
      return `royalty to ${royalty.ekId}`;
    before = royalty.ekId;
    sum += royalty.bps;
  }
  if (sum > MAX_SHARES_BPS) return `shares of ${sum}`;
  return type && curveFault(type, terms.curveParams);
}

function curveFault(type: CurveType, params: Hex): string | undefined {
  const curve = curves[type] as Curve<unknown>;
  try {
    curve.validate(curve.decode(params));
    return undefined;
  } catch (error) {
    return `curve: ${error instanceof Error ? error.message : String(error)}`;
  }
}

export function replayCatalog(c: Context): Handlers<typeof catalogAbi> {
  const { books, findings } = c;
  const name = namesOf(c.constants.chainId);

  function checkVersion(listing: Listing, version: Version, at: At): void {
    const { terms } = version;
    const subject = name.lst(listing.ekId, listing.versions.length + 1);
    const type = c.constants.curves.get(terms.curve);
    const place = at.place;
    if (type === undefined)
      findings.note("versions with a curve that the deployment does not name: their prices can't be checked");
    findings.equal("LISTING_TERMS", {
      subject,
      field: "terms",
      expected: undefined,
      said: faultOf(listing.ekId, terms, at.time, type),
      place,
    });
    findings.check("LISTING_TERMS", terms.supplyCap === 0 || terms.supplyCap >= listing.sold, () => ({
      ...{ subject, field: "supplyCap", expected: `${listing.sold} or more`, said: terms.supplyCap, place },
    }));
    findings.equal("LISTING_TERMS", {
      subject,
      field: `token ${terms.token}`,
      expected: true,
      said: books.tokens.get(terms.token) ?? false,
      place,
    });
    findings.equal("LISTING_TERMS", {
      subject,
      field: `curve ${terms.curve}`,
      expected: true,
      said: books.curves.get(terms.curve) ?? false,
      place,
    });
    checkContent(subject, version, at);
  }

  function checkContent(subject: string, version: Version, at: At): void {
    const summary = rawBytes(at.data, SUMMARY_PATH);
    const place = at.place;
    findings.check(
      "LISTING_CONTENT",
      BigInt(version.manifestHash) !== 0n && BigInt(version.summaryHash) !== 0n,
      () => ({ subject, expected: "hashes", said: "zero", place }),
    );
    findings.check("LISTING_CONTENT", (summary.length - 2) / 2 <= MAX_SUMMARY_BYTES, () => ({
      subject,
      field: "summary",
      expected: `${MAX_SUMMARY_BYTES} bytes at most`,
      said: (summary.length - 2) / 2,
      place,
    }));
    if (summary !== "0x")
      findings.equal("LISTING_CONTENT", {
        subject,
        field: "summaryHash",
        expected: keccak256(summary),
        said: version.summaryHash,
        place,
      });
  }

  function listingOf(ekId: bigint, sellerId: bigint, version: number, at: At): Listing {
    const known = books.listings.get(ekId);
    const subject = name.lst(ekId, version);
    const place = at.place;
    findings.equal("LISTING_NUMBERS", {
      subject,
      field: "version",
      expected: (known?.versions.length ?? 0) + 1,
      said: version,
      place,
    });
    if (known) {
      findings.equal("LISTING_NUMBERS", {
        subject,
        field: "sellerId",
        expected: known.sellerId,
        said: sellerId,
        place,
      });
      findings.check("LISTING_STATUS", known.status !== ARCHIVED, () => ({
        subject,
        expected: "a listing that is not archived",
        said: "archived",
        place,
      }));
      return known;
    }
    findings.equal("LISTING_NUMBERS", {
      subject,
      expected: name.ek(BigInt(books.listings.size + 1)),
      said: name.ek(ekId),
      place,
    });
    const listing: Listing = {
      ...{
        ekId,
        sellerId,
        versions: [],
        status: ACTIVE as number,
        sold: 0,
        endorserId: 0n,
        createdAt: at.time,
      },
      ...{ labels: new Map(), allowed: new Map(), seats: [], bounties: new Map() },
    };
    books.listings.set(ekId, listing);
    books.deeds.push({ kind: "exp_listed", ekId, agentId: sellerId, time: at.time, place });
    return listing;
  }

  return {
    AuthorityUpdated: told,

    TokenAllowed: ({ token, allowed }) => void books.tokens.set(lower(token), allowed),
    CurveAllowed: ({ curve, allowed }) => void books.curves.set(lower(curve), allowed),

    ListingVersion({ ekId, sellerId, version, terms, content, pointer, by }, at) {
      const listing = listingOf(ekId, sellerId, version, at);
      const entry: Version = {
        ...{
          terms,
          pointer: pointer as Address,
          manifestHash: content.manifestHash,
          summaryHash: content.summaryHash,
        },
        price: priceOf(c.constants.curves.get(terms.curve), terms.curveParams),
      };
      const subject = name.lst(ekId, version);
      findings.check("NOT_PAUSED", at.time >= books.pause.until, () => ({
        subject,
        expected: `after ${books.pause.until}`,
        said: at.time,
        place: at.place,
      }));
      checkRight(c, { agentId: sellerId, by, action: LISTS, subject, at });
      checkVersion(listing, entry, at);
      listing.versions[version - 1] = entry;
    },

    ListingStatus({ ekId, status, by }, at) {
      const listing = books.listings.get(ekId);
      const subject = name.ek(ekId);
      const known = [ACTIVE, PAUSED, ARCHIVED].includes(status);
      findings.check(
        "LISTING_STATUS",
        listing !== undefined && known && status !== listing.status && listing.status !== ARCHIVED,
        () => ({
          ...{
            subject,
            field: "status",
            expected: `another one than ${listing?.status}`,
            said: status,
            place: at.place,
          },
        }),
      );
      if (!listing) return;
      checkRight(c, { agentId: listing.sellerId, by, action: LISTS, subject, at });
      listing.status = status;
    },
  };
}
