/** The terms of a listing, from what its seller asks for to what the contract takes. */
import type { Address, Hex } from "viem";
import type { z } from "zod";
import type { Deployment } from "../../sdk/deployment.ts";
import { ExchangeError } from "../../sdk/errors.ts";
import { ekId as ekIds } from "../../sdk/ids.ts";
import { flags, refundTerms, scopes, toBits } from "../../sdk/records.ts";
import type { createListingRequestSchema } from "../../sdk/wire/listing.ts";
import type { Fault } from "../http/validation.ts";
import { encodeCurve } from "../pricing/encode.ts";
import type { Pricing } from "../pricing/sources.ts";
import { toUnits } from "./amounts.ts";

export type ListingRequest = z.output<typeof createListingRequestSchema>;

/** The most that bounty, referral and royalties may take of the price together, in basis points. */
const MAX_SHARES_BPS = 5_000;
/** Of the points ledger: a point is 100 units. */
const POINT_DECIMALS = 2;
const MAX_UINT32 = 4_294_967_295n;

/** `ICatalog.Terms`. */
export type Terms = {
  token: Address;
  curve: Address;
  curveParams: Hex;
  supplyCap: number;
  startTime: number;
  endTime: number;
  keyTtl: number;
  scopes: number;
  flags: number;
  refundWindow: number;
  refundTerms: number;
  bountyBps: number;
  referralBps: number;
  resaleBps: number;
  pointsPrice: number;
  requestsPerMinute: number;
  requestsPerDay: number;
  royalties: { ekId: bigint; bps: number }[];
};

/** Throws LISTING_INVALID with a JSON pointer to each fault. */
export function termsOf(
  deployment: Deployment,
  { pricing_policy: pricing, access_policy: access }: ListingRequest,
): Terms {
  const token = tokenOf(deployment, pricing.currency);
  return {
    ...sharesOf(deployment, pricing),
    requestsPerMinute: access.quota?.rpm ?? 0,
    requestsPerDay: access.quota?.daily_quota ?? 0,
    token: token.address,
    curve: deployment.curves[pricing.curve_type],
    curveParams: curveParamsOf(pricing, token),
    supplyCap: pricing.supply_cap ?? 0,
    startTime: unixSeconds(pricing.start_time),
    endTime: unixSeconds(pricing.end_time),
    keyTtl: access.key_ttl_seconds ?? 0,
    scopes: toBits(scopes, access.scopes),
    flags: toBits(flags, [
      ...(access.transferable ? (["transferable"] as const) : []),
      // From the first block on: there is no moment at which anybody may label.
      ...(access.validator_allowlist ? (["restricted-validators"] as const) : []),
    ]),
  };
}

/** Who else gets a part of the price, and until when it can be had back. */
function sharesOf({ chainId }: Deployment, pricing: Pricing) {
  const faults: Fault[] = [];
  if (pricing.refund_window_seconds === 0 && pricing.refund_terms !== "none") {
    faults.push(fault("refund_terms", "need refund_window_seconds above 0"));
  }
  const points = toUnits(pricing.points_price ?? 0, POINT_DECIMALS);
  if (points === undefined || points > MAX_UINT32) {
    faults.push(fault("points_price", "has more than 2 decimals, or is above 42,949,672.95"));
  }
  const sources = pricing.royalties.map(({ ek_id }) => ekIds.parse(ek_id));
  for (const [i, source] of sources.entries()) {
    if (source.chainId !== chainId)
      faults.push(fault(`royalties/${i}/ek_id`, "is a listing of another chain"));
    if (sources.findIndex(({ ekId }) => ekId === source.ekId) !== i)
      faults.push(fault(`royalties/${i}/ek_id`, "stands there twice"));
  }
  const royalties = pricing.royalties.reduce((sum, { bps }) => sum + bps, 0);
  const shares = pricing.bounty_bps + pricing.referral_bps + royalties;
  if (shares > MAX_SHARES_BPS) {
    faults.push(
      fault("royalties", `with bounty and referral take ${shares} of at most ${MAX_SHARES_BPS} basis points`),
    );
  }
  if (faults.length > 0) throw invalid(faults);
  return {
    refundWindow: pricing.refund_window_seconds,
    refundTerms: refundTerms.indexOf(pricing.refund_terms),
    bountyBps: pricing.bounty_bps,
    referralBps: pricing.referral_bps,
    resaleBps: pricing.resale_bps,
    pointsPrice: Number(points),
    // The contract wants them in order, so that none stands there twice.
    royalties: pricing.royalties
      .map(({ bps }, i) => ({ ekId: (sources[i] as { ekId: bigint }).ekId, bps }))
      .sort((a, b) => (a.ekId < b.ekId ? -1 : 1)),
  };
}

type Token = Deployment["tokens"][number];

function tokenOf({ tokens }: Deployment, currency: string | undefined): Token {
  const token = currency === undefined ? tokens[0] : tokens.find(({ symbol }) => symbol === currency);
  if (token) return token;
  throw invalid([
    {
      pointer: "/pricing_policy/currency",
      message: `"${currency}" is not taken here; ${tokens.map(({ symbol }) => symbol).join(", ")} is`,
    },
  ]);
}

function curveParamsOf(pricing: Pricing, token: Token): Hex {
  const faults: Fault[] = [];
  const encoded = encodeCurve(pricing, token, faults);
  if (encoded === undefined) throw invalid(faults);
  return encoded;
}

function fault(field: string, message: string): Fault {
  return { pointer: `/pricing_policy/${field}`, message };
}

function unixSeconds(time: string | undefined): number {
  return time === undefined ? 0 : Math.floor(Date.parse(time) / 1000);
}

function invalid(faults: Fault[]): ExchangeError {
  const [first] = faults;
  return new ExchangeError(
    "LISTING_INVALID",
    `The listing has ${faults.length} fault(s): ${first?.pointer} ${first?.message}.`,
    {
      hint: "Mend each place in details.faults and send it again.",
      details: { faults },
    },
  );
}
