/** Money for the demo's buyer. On a local chain anyone may mint the test token; anywhere else somebody has to send some. */
import { type Address, createPublicClient, createWalletClient, erc20Abi, formatUnits, http } from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { testUSDCAbi } from "../../sdk/abis/index.ts";
import type { Deployment } from "../../sdk/deployment.ts";
import { ExchangeError } from "../../sdk/errors.ts";

const LOCAL_CHAIN_ID = 31337;
const LOCAL_MNEMONIC = "test test test test test test test test test test test junk";

export type Chain = { rpcUrl: string; chainId: number; deployment: Deployment };

/** Sees to it that `owner` has `amount` (smallest units) of the deployment's token. Throws PAYMENT_FAILED when it can't. */
export async function fund(
  { rpcUrl, chainId, deployment }: Chain,
  owner: Address,
  amount: bigint,
): Promise<void> {
  const [token] = deployment.tokens;
  if (!token) throw new Error("The deployment has no payment token.");
  const client = createPublicClient({ transport: http(rpcUrl), pollingInterval: 100 });
  const balance = await client.readContract({
    address: token.address,
    abi: erc20Abi,
    functionName: "balanceOf",
    args: [owner],
  });
  if (balance >= amount) return;
  if (chainId !== LOCAL_CHAIN_ID) {
    throw new ExchangeError(
      "PAYMENT_FAILED",
      `The buyer ${owner} needs ${formatUnits(amount, token.decimals)} ${token.symbol} on chain ${chainId} and has ` +
        `${formatUnits(balance, token.decimals)}.`,
      {
        hint: "Test money is only made on local chains. Without RPC_URL the demo plays on a fresh one.",
        details: { owner, token: token.address, amount: String(amount), balance: String(balance) },
      },
    );
  }
  const account = mnemonicToAccount(LOCAL_MNEMONIC);
  const wallet = createWalletClient({ account, transport: http(rpcUrl) });
  const { request } = await client.simulateContract({
    account,
    address: token.address,
    abi: testUSDCAbi,
    functionName: "mint",
    args: [owner, amount],
  });
  const hash = await wallet.writeContract({ ...request, chain: null });
  await client.waitForTransactionReceipt({ hash });
}
