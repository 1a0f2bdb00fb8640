/** Who signs: whatever has an address and two signing methods. The SDK never sees a private key. */
import type { LocalAccount, SignTypedDataParameters, WalletClient } from "viem";
import { ExchangeError } from "./errors.ts";

/** What the SDK signs with. Any viem `LocalAccount` is one. */
export type Signer = Pick<LocalAccount, "address" | "signMessage" | "signTypedData">;

/** A local account, or a wallet client with an account, as a browser's wallet gives it. */
export type Wallet =
  | Signer
  | (Pick<WalletClient, "account" | "signMessage" | "signTypedData"> &
      Partial<Pick<WalletClient, "sendTransaction" | "getChainId">>);

/**
 * The wallet as a {@link Signer}. Throws INVALID_EOA for a wallet client without an account.
 *
 * @example
 * toSigner(privateKeyToAccount(generatePrivateKey())).address; // "0x…"
 */
export function toSigner(wallet: Wallet): Signer {
  if ("address" in wallet) return wallet;
  const { account } = wallet;
  if (!account) {
    throw new ExchangeError("INVALID_EOA", "The wallet client has no account.", {
      hint: "Make the WalletClient with an account, or pass a LocalAccount.",
    });
  }
  return {
    address: account.address,
    signMessage: ({ message }) => wallet.signMessage({ account, message }),
    signTypedData: (data) => wallet.signTypedData({ ...data, account } as SignTypedDataParameters),
  };
}
