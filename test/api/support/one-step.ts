/** A seller's listings as resources that are bought in one step, and those who buy there. */
import { createSIWxClientExtension } from "@x402/extensions/sign-in-with-x";
import { wrapFetchWithPayment } from "@x402/fetch";
import type { Hash, PrivateKeyAccount } from "viem";
import type { OneStepResponse } from "../../../sdk/wire/x402.ts";
import type { Api } from "./api.ts";
import { createPaying, PRICE } from "./paying.ts";
import { boundClient, createPayer, stockClient } from "./x402.ts";

export type OneStep = Awaited<ReturnType<typeof createOneStep>>;

export async function createOneStep(api: Api) {
  const paying = await createPaying(api);
  const { market, chainId } = api;

  /** Where the listing is sold; for a buyer, where one is named. */
  const pathOf = (listing: bigint, buyer?: string) =>
    `/x402/${api.ekIdOf(listing)}${buyer === undefined ? "" : `?buyer=${buyer}`}`;
  const urlOf = (listing: bigint, buyer?: string) => `${api.run.apiUrl}${pathOf(listing, buyer)}`;

  const post = (path: string, headers: Record<string, string> = {}) =>
    api.ask<OneStepResponse>(path, { method: "POST", headers });

  const bounds = { exchange: market.contracts.exchange.address, token: market.token, maxPrice: PRICE };
  const boundPayerOf = (account: PrivateKeyAccount) =>
    createPayer(account, chainId, boundClient(account, chainId, bounds));

  /** The stock client that signs in before it pays. */
  const signingFetchOf = (account: PrivateKeyAccount) => {
    const client = stockClient(account, chainId).registerExtension(
      createSIWxClientExtension({ signers: [account] }),
    );
    return wrapFetchWithPayment(fetch, client);
  };

  /** Takes an ERC-3009 authorization back before it is used. */
  async function cancel(account: PrivateKeyAccount, nonce: Hash): Promise<void> {
    const signature = await account.signTypedData({
      domain: { name: "Test USD Coin", version: "1", chainId, verifyingContract: market.token },
      types: {
        CancelAuthorization: [
          { name: "authorizer", type: "address" },
          { name: "nonce", type: "bytes32" },
        ],
      },
      primaryType: "CancelAuthorization",
      message: { authorizer: account.address, nonce },
    });
    const [r, s] = [`0x${signature.slice(2, 66)}`, `0x${signature.slice(66, 130)}`] as const;
    const v = Number(`0x${signature.slice(130)}`);
    await market.send(account, market.contracts.usdc, "cancelAuthorization", [
      account.address,
      nonce,
      v,
      r,
      s,
    ]);
  }

  return { ...paying, pathOf, urlOf, ask: post, bounds, boundPayerOf, signingFetchOf, cancel };
}
