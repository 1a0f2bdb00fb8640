/**
 * x402's `upto`: a Permit2 permission of at most the quote's ceiling, of which the sale takes exactly what the key costs then. The tills are
 * its only facilitator, so nobody can take the money without the sale. It has a till of its own, that of the quote with the ceiling for
 * its price: money for the one never counts for the other, and both end with the quote's one key.
 */
import type { Network, PaymentRequirements } from "@x402/core/types";
import {
  PERMIT2_ADDRESS,
  uptoPermit2WitnessTypes,
  x402UptoPermit2ProxyABI,
  x402UptoPermit2ProxyAddress,
} from "@x402/evm";
import { type Abi, type Address, type Hex, hexToBigInt, numberToHex, parseAbi } from "viem";
import { z } from "zod";
import { type Quote, quoteHash, tillAddress } from "../../sdk/till.ts";
import { addressSchema, hash32Schema, unitsSchema } from "../../sdk/wire/common.ts";
import type { Chain } from "../chain/client.ts";
import { type Call, contractCall } from "../chain/relayer.ts";
import type { Authorization, Scheme } from "../store/authorizations.ts";
import type { StoredQuote } from "../store/quotes.ts";

export const UPTO_SCHEME = "upto" satisfies Scheme;

/** How much more than the quoted price may be charged, in hundredths of it: the price of a listing that others buy too goes up meanwhile. */
const HEADROOM = 25n;

/** The most that a payment for a price that moves may be charged, rounded up. */
export function ceilingOf(price: bigint): bigint {
  return price + (price * HEADROOM + 99n) / 100n;
}

/** What Permit2 and x402's proxy say of a bad permission. */
const errors: Abi = [
  ...x402UptoPermit2ProxyABI.filter(({ type }) => type === "error"),
  ...parseAbi([
    "error SignatureExpired(uint256 signatureDeadline)",
    "error InvalidAmount(uint256 maxAmount)",
    "error InvalidNonce()",
    "error InvalidSigner()",
  ]),
];

/** The quote as a permission pays it. Only for quotes with a ceiling. */
export function uptoQuoteOf(
  { id: chainId, tills }: Chain,
  { ekId, version, buyer, token, deadline, id: salt, ceiling }: StoredQuote,
): Quote & { id: Hex; till: Address } {
  if (ceiling === undefined) throw new Error(`Quote ${salt} has no ceiling.`);
  const quote = { ekId, version, buyer, token, maxPrice: ceiling, deadline, salt };
  const at = { chainId, tills: tills.address };
  return { ...quote, id: quoteHash(at, quote), till: tillAddress(at, quote) };
}

export function buyUpto(chain: Chain, quote: StoredQuote, a: Authorization): Call {
  const { id: _id, till: _till, ...struct } = uptoQuoteOf(chain, quote);
  const permission = {
    ...{ from: a.from, amount: a.value, nonce: hexToBigInt(a.nonce) },
    ...{ deadline: a.validBefore, validAfter: a.validAfter },
  };
  const { address, abi } = chain.tills;
  const call = contractCall({
    address,
    abi,
    functionName: "buyUpto",
    args: [struct, permission, a.signature],
  });
  return { ...call, abi: [...call.abi, ...errors] };
}

/** What a permission's payer signs (EIP-712): Permit2's transfer with x402's witness. */
export function uptoTypedData(chain: Chain, quote: StoredQuote, a: Authorization) {
  return {
    domain: { name: "Permit2", chainId: chain.id, verifyingContract: PERMIT2_ADDRESS },
    types: uptoPermit2WitnessTypes,
    primaryType: "PermitWitnessTransferFrom",
    message: {
      permitted: { token: quote.token, amount: a.value },
      spender: x402UptoPermit2ProxyAddress,
      nonce: hexToBigInt(a.nonce),
      deadline: a.validBefore,
      witness: {
        to: uptoQuoteOf(chain, quote).till,
        facilitator: chain.tills.address,
        validAfter: a.validAfter,
      },
    },
  } as const;
}

/** The offer beside `exact`. The payer pays no more than `amount`, and what the key costs when it is sold. */
export function uptoOffer(
  chain: Chain,
  network: Network,
  {
    quote,
    token,
    seconds,
  }: { quote: StoredQuote; token: { name: string; version: string }; seconds: number },
): PaymentRequirements {
  return {
    scheme: UPTO_SCHEME,
    network,
    payTo: uptoQuoteOf(chain, quote).till,
    asset: quote.token,
    amount: String(quote.ceiling),
    maxTimeoutSeconds: seconds,
    extra: {
      ...token,
      ...{ assetTransferMethod: "permit2", facilitatorAddress: chain.tills.address, quote_id: quote.id },
    },
  };
}

/** `extra` of the offer: which quote it is of. */
export const uptoExtraSchema = z.object({ quote_id: hash32Schema });

/** `payload` of a payment, as x402's client writes it. All that is not here follows from the quote. */
export const uptoPayloadSchema = z.object({
  signature: z.string().regex(/^0x([0-9a-fA-F]{2}){1,4096}$/),
  permit2Authorization: z.object({
    from: addressSchema,
    permitted: z.object({ token: addressSchema, amount: unitsSchema }),
    nonce: unitsSchema.refine((nonce) => BigInt(nonce) < 2n ** 256n, "a uint256"),
    deadline: unitsSchema,
    witness: z.object({ to: addressSchema, facilitator: addressSchema, validAfter: unitsSchema }),
  }),
});

/** The permission in a payment's payload. */
export function permissionIn({
  signature,
  permit2Authorization: p,
}: z.output<typeof uptoPayloadSchema>): Authorization {
  return {
    scheme: UPTO_SCHEME,
    from: p.from,
    value: BigInt(p.permitted.amount),
    validAfter: BigInt(p.witness.validAfter),
    validBefore: BigInt(p.deadline),
    nonce: numberToHex(BigInt(p.nonce), { size: 32 }),
    signature: signature as Hex,
  };
}
