/** The terms of a listing, from what its seller asks for to what the contract takes. */
import type { Address, Hex } from "viem";
import type { z } from "zod";
import type { Deployment } from "../../sdk/deployment.ts";
import { ExchangeError } from "../../sdk/errors.ts";
import { flags, scopes, toBits } from "../../sdk/records.ts";
import type { createListingRequestSchema } from "../../sdk/wire/listing.ts";
import type { Fault } from "../http/validation.ts";
import { encodeCurve } from "../pricing/encode.ts";
import type { Pricing } from "../pricing/sources.ts";

export type ListingRequest = z.output<typeof createListingRequestSchema>;

/** `IExchange.Terms`. */
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
};

/** Throws LISTING_INVALID with a JSON pointer to each fault. */
export function termsOf(
  deployment: Deployment,
  { pricing_policy: pricing, access_policy: access }: ListingRequest,
): Terms {
  const token = tokenOf(deployment, pricing.currency);
  return {
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
