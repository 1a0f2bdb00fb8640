/** Sends one transaction after the other from one account and waits for each. */
import {
  type Abi,
  type Account,
  type Address,
  createWalletClient,
  type Hex,
  type PublicClient,
  type TransactionReceipt,
  type Transport,
} from "viem";

export type Sender = ReturnType<typeof createSender>;

export function createSender(client: PublicClient, transport: Transport, account: Account) {
  const wallet = createWalletClient({ account, transport });
  async function mined(hash: Hex, what: string): Promise<TransactionReceipt> {
    const receipt = await client.waitForTransactionReceipt({ hash });
    if (receipt.status !== "success") throw new Error(`${what} reverted in transaction ${hash}.`);
    return receipt;
  }
  return {
    address: account.address,
    /** Sends raw data: to a contract, or, without `to`, creation code. */
    async send(what: string, transaction: { to?: Address; data: Hex }): Promise<TransactionReceipt> {
      return mined(await wallet.sendTransaction({ ...transaction, chain: null }), what);
    },
    /** Calls a function; one that would revert throws with the contract's own error and costs nothing. */
    async call(contract: { address: Address; abi: Abi }, functionName: string, args: unknown[]) {
      const { request } = await client.simulateContract({ account, ...contract, functionName, args });
      return mined(await wallet.writeContract({ ...request, chain: null }), functionName);
    },
  };
}
