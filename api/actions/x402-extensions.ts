/**
 * What the exchange's 402s declare beside their offers (x402 v2 extensions): signed offers and receipts, payment identifiers, and for
 * resources that discovery lists also how they are called and how a holder signs in instead of paying.
 */
import { randomBytes } from "node:crypto";
import {
  type BodyDiscoveryExtension,
  bazaarResourceServerExtension,
  declareDiscoveryExtension,
} from "@x402/extensions/bazaar";
import {
  createEIP712OfferReceiptIssuer,
  declareOfferReceiptExtension,
  OFFER_RECEIPT,
  type OfferReceiptIssuer,
} from "@x402/extensions/offer-receipt";
import { declarePaymentIdentifierExtension, PAYMENT_IDENTIFIER } from "@x402/extensions/payment-identifier";
import { buildSIWxSchema, SIGN_IN_WITH_X, type SIWxExtension } from "@x402/extensions/sign-in-with-x";
import type { LocalAccount } from "viem";

/** By which catalogues know the exchange. */
export const SERVICE_NAME = "EK Exchange";
export const TAGS = ["experience", "agents"];
/** Seconds in which a holder must sign the message that it was given. */
const SIWX_TTL = 300;

/**
 * Signs offers and receipts (EIP-712). Who checks one compares the signer that the stock verify function recovers with the relayer's
 * address in GET /health, which is also in the `kid` (did:pkh).
 */
export function createIssuer(
  account: Pick<LocalAccount, "address" | "signTypedData">,
  chainId: number,
): OfferReceiptIssuer {
  const kid = `did:pkh:eip155:${chainId}:${account.address}`;
  return createEIP712OfferReceiptIssuer(kid, (data) => account.signTypedData(data));
}

/** For any resource that is paid. */
export function declarePaid(): Record<string, unknown> {
  return {
    ...declareOfferReceiptExtension({ includeTxHash: true }),
    [PAYMENT_IDENTIFIER]: declarePaymentIdentifierExtension(false),
  };
}

/** For a resource that sells in one step, at `url`: discovery lists it, and holders need not pay again. */
export function declareOneStep(url: string, chainId: number): Record<string, unknown> {
  return { ...declarePaid(), bazaar: discovery, [SIGN_IN_WITH_X]: signInAt(url, chainId) };
}

/** The receipt's place in a settlement's `extensions`. */
export async function receiptOf(
  issuer: OfferReceiptIssuer,
  { url, payer, network, tx }: { url: string; payer: string; network: string; tx: string },
): Promise<Record<string, unknown>> {
  return { [OFFER_RECEIPT]: { info: { receipt: await issuer.issueReceipt(url, payer, network, tx) } } };
}

/** EIP-4361, through CAIP-122. The nonce is stored when it is used: messages are good for minutes, and each for one time. */
function signInAt(uri: string, chainId: number): SIWxExtension {
  const now = Date.now();
  return {
    info: {
      domain: new URL(uri).host,
      uri,
      statement: "Use a key that you hold. Nothing is paid.",
      version: "1",
      nonce: randomBytes(16).toString("hex"),
      issuedAt: new Date(now).toISOString(),
      expirationTime: new Date(now + SIWX_TTL * 1000).toISOString(),
      resources: [uri],
    },
    supportedChains: [{ chainId: `eip155:${chainId}`, type: "eip191" }],
    schema: buildSIWxSchema(),
  };
}

const buyer = {
  type: "string",
  pattern: "^0x[0-9a-fA-F]{40}$",
  description: "Who gets the key; without it, whoever pays.",
};

const { bazaar } = declareDiscoveryExtension({
  bodyType: "json",
  input: {},
  inputSchema: { properties: { buyer } },
  output: {
    example: { ek_id: "ek_8453_12", key_id: "key_8453_12_7_0", purchase: { status: "EKIssued", tx: "0x…" } },
  },
});

/** How discovery crawlers learn to call it. */
const discovery = bazaarResourceServerExtension.enrichDeclaration?.(bazaar, {
  method: "POST",
  adapter: {},
}) as BodyDiscoveryExtension;
