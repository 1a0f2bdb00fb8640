/**
 * The x402 v2 client of the `ek-purchase` scheme, for the stock `x402Client`. It is offered beside `exact`, costs less gas, and
 * signs nothing that the caller's bounds do not allow.
 */
import type { PaymentPayloadResult, PaymentRequirements, SchemeNetworkClient } from "@x402/core/types";
import type { Address, Hash } from "viem";
import {
  PURCHASE_SCHEME,
  type Purchase,
  type PurchaseExtra,
  type PurchasePayload,
  purchaseExtraSchema,
  purchaseOf,
  purchaseTypedData,
} from "./bound-purchase.ts";
import { ExchangeError } from "./errors.ts";
import type { Signer } from "./signer.ts";

/** What a buyer allows a purchase to be. An offer outside of it is not signed. */
export type PurchaseBounds = {
  /** The exchange's contract, as a deployment that the buyer trusts names it. */
  exchange: Address;
  token: Address;
  /** In the token's smallest units. */
  maxPrice: bigint;
  /** The listing's number; any where it is absent. */
  ekId?: bigint;
  /** The listing's version; any where it is absent. */
  version?: number;
  /** Who must get the key: the signer, where nobody is named. */
  recipient?: Address;
  /** The salt that the offer must have; any where it is absent, since no salt makes a payment good for anything else. */
  salt?: Hash;
};

/** The most seconds that a signed payment may stay valid. */
export const MAX_PAYMENT_SECONDS = 3_600;

/**
 * Registers the scheme with a stock client: `x402Client.fromConfig({ schemes: [{ network, client: new PurchaseScheme(…) }] })`.
 *
 * @example
 * const client = x402Client.fromConfig({
 *   schemes: [{ network: "eip155:8453", client: new PurchaseScheme(account, { exchange, token, maxPrice: 250_000n }) }],
 *   spendControls: false, // the bounds are stricter
 * });
 */
export class PurchaseScheme implements SchemeNetworkClient {
  readonly scheme = PURCHASE_SCHEME;
  readonly #signer: Pick<Signer, "address" | "signTypedData">;
  readonly #bounds: PurchaseBounds;

  constructor(signer: Pick<Signer, "address" | "signTypedData">, bounds: PurchaseBounds) {
    this.#signer = signer;
    this.#bounds = bounds;
  }

  /** Throws PAYMENT_FAILED for an offer outside of the bounds: nothing is signed. */
  async createPaymentPayload(
    x402Version: number,
    requirements: PaymentRequirements,
  ): Promise<PaymentPayloadResult> {
    const { address } = this.#signer;
    const { extra, purchase } = readOffer(requirements, address);
    const [fault] = faultsOf(requirements, purchase, extra, address, this.#bounds);
    if (fault) throw outOfBounds(fault);
    const chainId = chainIdOf(requirements.network);
    const signature = await this.#signer.signTypedData(
      purchaseTypedData(
        { chainId, exchange: this.#bounds.exchange },
        { name: extra.name, version: extra.version, address: this.#bounds.token },
        { purchase, salt: extra.salt as Hash, from: address },
      ),
    );
    const payload: PurchasePayload = { from: address, signature };
    return { x402Version, payload };
  }
}

/** Whether the offer is one that {@link PurchaseScheme} would sign for. */
export function isWithin(requirements: PaymentRequirements, payer: Address, bounds: PurchaseBounds): boolean {
  if (requirements.scheme !== PURCHASE_SCHEME) return false;
  const parsed = purchaseExtraSchema.safeParse(requirements.extra);
  if (!parsed.success) return false;
  const purchase = purchaseOf(parsed.data, payer);
  return faultsOf(requirements, purchase, parsed.data, payer, bounds).length === 0;
}

function readOffer(
  requirements: PaymentRequirements,
  payer: Address,
): { extra: PurchaseExtra; purchase: Purchase } {
  const parsed = purchaseExtraSchema.safeParse(requirements.extra);
  if (parsed.success) return { extra: parsed.data, purchase: purchaseOf(parsed.data, payer) };
  const at = `extra.${parsed.error.issues[0]?.path.join(".")}`;
  throw outOfBounds({ field: at, expected: "a purchase", actual: parsed.error.issues[0]?.message });
}

type Fault = { field: string; expected: unknown; actual: unknown };

/** Every field of the offer that the bounds do not allow. */
function faultsOf(
  { payTo, asset, amount }: PaymentRequirements,
  purchase: Purchase,
  { salt }: PurchaseExtra,
  payer: Address,
  bounds: PurchaseBounds,
): Fault[] {
  const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
  const recipient = bounds.recipient ?? payer;
  const latest = BigInt(Math.floor(Date.now() / 1000) + MAX_PAYMENT_SECONDS);
  const rules: [field: string, fits: boolean, expected: unknown, actual: unknown][] = [
    ["exchange", same(payTo, bounds.exchange), bounds.exchange, payTo],
    ["token", same(asset, bounds.token), bounds.token, asset],
    ["price", purchase.maxPrice <= bounds.maxPrice, `at most ${bounds.maxPrice}`, purchase.maxPrice],
    ["amount", amount === String(purchase.maxPrice), purchase.maxPrice, amount],
    ["listing", bounds.ekId === undefined || purchase.ekId === bounds.ekId, bounds.ekId, purchase.ekId],
    [
      "version",
      bounds.version === undefined || purchase.version === bounds.version,
      bounds.version,
      purchase.version,
    ],
    ["recipient", same(purchase.recipient, recipient), recipient, purchase.recipient],
    ["deadline", purchase.deadline <= latest, `at most ${latest}`, purchase.deadline],
    ["salt", bounds.salt === undefined || same(salt, bounds.salt), bounds.salt, salt],
  ];
  return rules.flatMap(([field, fits, expected, actual]) => (fits ? [] : [{ field, expected, actual }]));
}

function outOfBounds({ field, expected, actual }: Fault): ExchangeError {
  return new ExchangeError(
    "PAYMENT_FAILED",
    `The offer's ${field} is ${actual}, not ${expected}. Nothing was signed.`,
    {
      hint: "Do not pay this offer: it is not what was asked for.",
      details: { field, expected: String(expected), actual: String(actual) },
    },
  );
}

function chainIdOf(network: string): number {
  const id = /^eip155:([0-9]{1,15})$/.exec(network)?.[1];
  if (id === undefined)
    throw outOfBounds({ field: "network", expected: "eip155:<chain id>", actual: network });
  return Number(id);
}
