/** Whether an account signed something: an EOA, or a smart account by EIP-1271, also one that is not there yet (ERC-6492). */
import { type Address, type Hash, type Hex, isAddressEqual, recoverAddress, size } from "viem";
import type { Chain } from "./client.ts";

/** How an ERC-6492 signature ends. */
const ERC6492_SUFFIX = "6492649264926492649264926492649264926492649264926492649264926492";

/** Whether the account signed one of the hashes. An EOA's signature is checked here; only a smart account costs a call. */
export async function isSignedBy(
  { client }: Chain,
  account: Address,
  hashes: readonly Hash[],
  signature: Hex,
): Promise<boolean> {
  if (size(signature) === 65) {
    for (const hash of hashes) {
      const signer = await recoverAddress({ hash, signature }).catch(() => undefined);
      if (signer && isAddressEqual(signer, account)) return true;
    }
  }
  const wrapped = signature.toLowerCase().endsWith(ERC6492_SUFFIX);
  if (!wrapped && !(await client.getCode({ address: account }))) return false;
  for (const hash of hashes) {
    if (await client.verifyHash({ address: account, hash, signature })) return true;
  }
  return false;
}
