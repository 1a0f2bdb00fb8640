/**
 * Purchases that a payment is bound to: an ERC-3009 `ReceiveWithAuthorization` to the exchange, whose nonce is a hash of all that is bought.
 * Nobody but the exchange can submit it, and the exchange can sell nothing else for it: there is no till, and nothing to front-run.
 * The twin of `Exchange.authorizationNonce`.
 */
import { type Address, encodeAbiParameters, type Hash, keccak256 } from "viem";
import { z } from "zod";
import { receiveTypedData, type TokenDomain } from "./erc3009.ts";
import { addressSchema, hash32Schema, unitsSchema } from "./wire/common.ts";

/** The x402 scheme by which such a purchase is offered and paid. */
export const PURCHASE_SCHEME = "ek-purchase";

/** The struct `IExchange.Purchase`. Times are Unix seconds, amounts the token's smallest units. */
export type Purchase = {
  ekId: bigint;
  version: number;
  /** Who gets the key: the payer, or the EOA of any agent. */
  recipient: Address;
  maxPrice: bigint;
  /** Inclusive. */
  deadline: bigint;
  /** The agent that brought the buyer; 0 for none. */
  referrerId: bigint;
};

const purchaseTuple = {
  type: "tuple",
  components: [
    { name: "ekId", type: "uint256" },
    { name: "version", type: "uint32" },
    { name: "recipient", type: "address" },
    { name: "maxPrice", type: "uint256" },
    { name: "deadline", type: "uint256" },
    { name: "referrerId", type: "uint256" },
  ],
} as const;

type At = { chainId: number; exchange: Address };

/**
 * The one nonce by which a payment can buy this.
 *
 * @example
 * authorizationNonce({ chainId: 31337, exchange }, purchase, salt); // equal to Exchange.authorizationNonce(purchase, salt)
 */
export function authorizationNonce({ chainId, exchange }: At, purchase: Purchase, salt: Hash): Hash {
  return keccak256(
    encodeAbiParameters(
      [{ type: "uint256" }, { type: "address" }, purchaseTuple, { type: "bytes32" }],
      [BigInt(chainId), exchange, purchase, salt],
    ),
  );
}

/** What `from` signs to pay for the purchase (EIP-712, ERC-3009), as `Exchange.buyWithAuthorization` submits it. */
export function purchaseTypedData(
  at: At,
  token: TokenDomain,
  { purchase, salt, from }: { purchase: Purchase; salt: Hash; from: Address },
) {
  return receiveTypedData(at.chainId, token, {
    from,
    to: at.exchange,
    value: purchase.maxPrice,
    validAfter: 0n,
    // ERC-3009's end is exclusive, a deadline is not.
    validBefore: purchase.deadline + 1n,
    nonce: authorizationNonce(at, purchase, salt),
  });
}

/** `extra` of an offer: what would be bought. Without a `recipient` the payer itself is meant. */
export const purchaseExtraSchema = z.object({
  name: z.string(),
  version: z.string(),
  salt: hash32Schema,
  purchase: z.object({
    ekId: unitsSchema,
    version: z.int().nonnegative(),
    recipient: addressSchema.optional(),
    maxPrice: unitsSchema,
    deadline: unitsSchema,
    referrerId: unitsSchema,
  }),
});
export type PurchaseExtra = z.output<typeof purchaseExtraSchema>;

/** `payload` of a payment: who pays. What it pays for is the offer that it accepts, and all else follows from that. */
export const purchasePayloadSchema = z.object({
  from: addressSchema,
  signature: z.string().regex(/^0x([0-9a-fA-F]{2}){1,4096}$/),
});
export type PurchasePayload = z.output<typeof purchasePayloadSchema>;

/** The purchase of an offer, for the recipient where it names none. */
export function purchaseOf({ purchase: p }: PurchaseExtra, payer: Address): Purchase {
  return {
    ekId: BigInt(p.ekId),
    version: p.version,
    recipient: p.recipient ?? payer,
    maxPrice: BigInt(p.maxPrice),
    deadline: BigInt(p.deadline),
    referrerId: BigInt(p.referrerId),
  };
}
