/** Paying as any x402 v2 client does: the stock packages, nothing of ours. */
import { ExactEvmScheme } from "@x402/evm/exact/client";
import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import type { LocalAccount } from "viem";
import { ExchangeError } from "../../sdk/errors.ts";
import type { QuoteResponse } from "../../sdk/wire/listing.ts";
import { type PurchaseResponse, purchaseResponseSchema } from "../../sdk/wire/purchase.ts";

/** POSTs to the quote's pay_url and pays what the 402 asks for, at most the quote's price. */
export async function payWithStockClient(
  quote: QuoteResponse,
  { account, chainId }: { account: LocalAccount; chainId: number },
): Promise<PurchaseResponse> {
  const network = `eip155:${chainId}` as const;
  const client = x402Client.fromConfig({
    schemes: [{ network, client: new ExactEvmScheme(account) }],
    spendControls: {
      allowedAssets: [{ network, asset: quote.price.token, maxAmountPerPayment: quote.price.amount }],
    },
  });
  const pay = wrapFetchWithPayment(fetch, client);
  const response = await pay(quote.pay_url, { method: "POST" });
  const text = await response.text();
  if (!response.ok) {
    throw new ExchangeError(
      "PAYMENT_FAILED",
      `${quote.pay_url} answered ${response.status}: ${text.slice(0, 300)}`,
    );
  }
  return purchaseResponseSchema.parse(JSON.parse(text));
}
