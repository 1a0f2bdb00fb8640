/**
 * What the card rail needs on chain besides its provider. Elsewhere its keepers give it an issuer's key, a float and a day's cap; on a
 * fresh local chain nobody does, so it is done here.
 */
import { createPublicClient, createWalletClient, http, parseAbi } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { cardIssuerAbi } from "../../sdk/abis/index.ts";
import { type ChainOfRun, LOCAL_CHAIN_ID, localKey } from "./chain.ts";

/** The float of a local chain, and what may be spent of it in a day: 10,000 tokens of six decimals. */
const FLOAT = 10_000_000_000n;
const mintAbi = parseAbi(["function mint(address to, uint256 amount)"]);

/** The card rail's part of the API's environment, complete; empty where cards are not taken. */
export async function prepareCards(
  chain: ChainOfRun,
  env: Record<string, string>,
): Promise<Record<string, string>> {
  if (Object.keys(env).length === 0 || chain.chainId !== LOCAL_CHAIN_ID || !chain.ephemeral) return env;
  const token = chain.deployment.tokens[0];
  if (!token) throw new Error("The deployment has no token.");
  // The deployer holds the treasury's role and the issuer's there.
  const account = privateKeyToAccount(localKey(0));
  const wallet = createWalletClient({ account, transport: http(chain.rpcUrl) });
  const client = createPublicClient({ transport: http(chain.rpcUrl), pollingInterval: 50, cacheTime: 0 });
  const { CardIssuer } = chain.deployment.contracts;
  const mined = async (hash: `0x${string}`) => {
    const { status } = await client.waitForTransactionReceipt({ hash });
    if (status !== "success") throw new Error(`Transaction ${hash} reverted.`);
  };
  await mined(
    await wallet.writeContract({
      ...{
        address: token.address,
        abi: mintAbi,
        functionName: "mint",
        args: [CardIssuer, FLOAT],
        chain: null,
      },
    }),
  );
  await mined(
    await wallet.writeContract({
      ...{ address: CardIssuer, abi: cardIssuerAbi, functionName: "setDailyCap", chain: null },
      args: [token.address, FLOAT],
    }),
  );
  return { CARD_ISSUER_KEY: localKey(0), ...env };
}
