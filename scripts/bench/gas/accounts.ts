import { type HDAccount, mnemonicToAccount } from "viem/accounts";

/** The accounts of every local chain: the first twenty have ether. */
export function localAccount(addressIndex: number): HDAccount {
  return mnemonicToAccount("test test test test test test test test test test test junk", { addressIndex });
}
