/** Who signed a payment, asked apart from whether it is good: nothing that hangs on the payer's name is believed before that. */
import { type Address, isAddressEqual, type TypedDataDefinition } from "viem";
import { PURCHASE_SCHEME, purchaseTypedData } from "../../sdk/bound-purchase.ts";
import { type TokenDomain, transferTypedData } from "../../sdk/erc3009.ts";
import type { Chain } from "../chain/client.ts";
import type { Authorization, Scheme } from "../store/authorizations.ts";
import type { StoredQuote } from "../store/quotes.ts";
import { PaymentRefusal } from "./payment-refusal.ts";
import { purchaseFor } from "./quote-end.ts";
import { UPTO_SCHEME, uptoTypedData } from "./upto.ts";

type Signed = { chain: Chain; quote: StoredQuote; authorization: Authorization };

/** What is signed by each scheme (EIP-712). */
const messages: Readonly<Record<Scheme, (signed: Signed) => TypedDataDefinition>> = {
  exact: ({ chain, quote, authorization: a }) =>
    transferTypedData(chain.id, domainOf(chain, quote.token), { ...a, to: quote.till }),
  [PURCHASE_SCHEME]: ({ chain, quote, authorization: { from } }) =>
    purchaseTypedData({ chainId: chain.id, exchange: chain.exchange.address }, domainOf(chain, quote.token), {
      ...{ purchase: purchaseFor(quote, from), salt: quote.id, from },
    }),
  [UPTO_SCHEME]: ({ chain, quote, authorization }) => uptoTypedData(chain, quote, authorization),
};

/**
 * Throws {@link PaymentRefusal} unless the authorization was signed by whom it says to be of: a wallet, or a smart account (EIP-1271,
 * ERC-6492), as the chain answers.
 */
export async function assertSigned(
  { chain }: { chain: Chain },
  quote: StoredQuote,
  authorization: Authorization,
): Promise<void> {
  const { from: address, signature, scheme } = authorization;
  const message = messages[scheme]({ chain, quote, authorization });
  if (await chain.client.verifyTypedData({ ...message, address, signature })) return;
  const reason = scheme === UPTO_SCHEME ? "invalid_permit2_signature" : "invalid_exact_evm_signature";
  throw new PaymentRefusal(reason, `The signature is not one of ${address}.`, {
    payer: address,
  });
}

function domainOf({ deployment }: Chain, address: Address): TokenDomain {
  const token = deployment.tokens.find((t) => isAddressEqual(t.address as Address, address));
  if (!token) throw new Error(`The deployment does not know ${address}.`); // no quote is given in another token
  return { name: token.name, version: token.version, address };
}
