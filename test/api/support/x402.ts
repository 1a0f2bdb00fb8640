/** The stock x402 v2 client, unmodified, with its `exact` scheme. */
import { decodePaymentRequiredHeader, decodePaymentResponseHeader } from "@x402/core/http";
import type { PaymentPayload, PaymentRequired } from "@x402/core/types";
import { ExactEvmScheme } from "@x402/evm/exact/client";
import { wrapFetchWithPayment, x402Client, x402HTTPClient } from "@x402/fetch";
import type { Address, Hex, LocalAccount } from "viem";
import { type PurchaseBounds, PurchaseScheme } from "../../../sdk/purchase-scheme.ts";

type Signer = Pick<LocalAccount, "address" | "signTypedData">;

/** What a payment authorizes (ERC-3009). */
export type SignedTransfer = {
  from: Address;
  to: Address;
  value: bigint;
  validAfter: bigint;
  validBefore: bigint;
  nonce: Hex;
  signature: Hex;
};

/** The stock client, as it comes. */
export function stockClient(account: Signer, chainId: number): x402Client {
  return x402Client.fromConfig({
    schemes: [{ network: `eip155:${chainId}`, client: new ExactEvmScheme(account) }],
    spendControls: false,
  });
}

/** The stock client with our scheme alone. */
export function boundClient(account: Signer, chainId: number, bounds: PurchaseBounds): x402Client {
  return x402Client.fromConfig({
    schemes: [{ network: `eip155:${chainId}`, client: new PurchaseScheme(account, bounds) }],
    spendControls: false,
  });
}

export function createPayer(account: Signer, chainId: number, client = stockClient(account, chainId)) {
  const http = new x402HTTPClient(client);
  const headerOf = (payload: PaymentPayload): Record<string, string> =>
    http.encodePaymentSignatureHeader(payload);
  const answer = async (headers: Headers) => {
    const required = requiredOf(headers);
    if (!required) throw new Error("There is no PAYMENT-REQUIRED header to answer.");
    const payload = await client.createPaymentPayload(required);
    return {
      required,
      payload,
      headers: headerOf(payload),
      /** Of an `exact` payment. */
      get transfer() {
        return transferOf(payload);
      },
    };
  };
  return {
    /** Signs what a 402's headers offer. */
    answer,
    /** Pays whatever asks for it, as `fetch`. */
    fetch: wrapFetchWithPayment(fetch, client),
    /** Asks for the 402 and signs what it offers, but sends nothing yet. */
    async prepare(payUrl: string) {
      const response = await fetch(payUrl, { method: "POST" });
      if (response.status !== 402)
        throw new Error(`${payUrl} answered ${response.status}: ${await response.text()}`);
      await response.body?.cancel();
      return answer(response.headers);
    },
    /** Signs something else than was offered. */
    async sign(required: PaymentRequired) {
      const payload = await client.createPaymentPayload(required);
      return { payload, headers: headerOf(payload), transfer: transferOf(payload) };
    },
    headerOf,
  };
}

export function requiredOf(headers: Headers): PaymentRequired | undefined {
  const header = headers.get("payment-required");
  return header === null ? undefined : decodePaymentRequiredHeader(header);
}

export function receiptOf(headers: Headers) {
  const header = headers.get("payment-response");
  return header === null ? undefined : decodePaymentResponseHeader(header);
}

function transferOf({ payload }: PaymentPayload): SignedTransfer {
  const { authorization: a, signature } = payload as {
    authorization: Record<string, string>;
    signature: Hex;
  };
  return {
    from: a.from as Address,
    to: a.to as Address,
    value: BigInt(a.value ?? 0),
    validAfter: BigInt(a.validAfter ?? 0),
    validBefore: BigInt(a.validBefore ?? 0),
    nonce: a.nonce as Hex,
    signature,
  };
}
