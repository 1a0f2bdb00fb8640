/** A relayer of the test's own: its own account, the system's chain and tables. */

import { type Hex, numberToHex, parseEther } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { createChain } from "../../../api/chain/client.ts";
import { createChainGuard } from "../../../api/chain/guard.ts";
import { contractCall, createRelayer } from "../../../api/chain/relayer.ts";
import { openStore } from "../../../api/store/database.ts";
import { testUSDCAbi } from "../../../sdk/abis/index.ts";
import { deploymentTag } from "../../../sdk/deployment.ts";
import type { Api } from "./api.ts";

export type OwnRelayer = Awaited<ReturnType<typeof createOwnRelayer>>;

export async function createOwnRelayer(
  { run, market }: Api,
  options: { privateKey?: Hex; gasPerHour?: bigint; patience?: number; rpcUrl?: string } = {},
) {
  const { privateKey = generatePrivateKey(), gasPerHour = 10n ** 12n, patience = 4_000 } = options;
  const account = privateKeyToAccount(privateKey);
  await market.client.request({
    method: "hardhat_setBalance",
    params: [account.address, numberToHex(parseEther("10"))],
  } as never);
  const chain = {
    ...createChain({ rpcUrl: options.rpcUrl ?? run.rpcUrl, deployment: run.deployment }),
    ...{ patience, stuckAfter: 1_000 },
  };
  const store = openStore({ databaseUrl: run.databaseUrl, tag: deploymentTag(run.deployment) });
  const { sql, lock } = store;
  const guard = createChainGuard(chain);
  const relayer = createRelayer({ chain, guard, sql, lock, privateKey, gasPerHour });
  return {
    ...{ account, chain, guard, relayer, sql, close: store.close },
    sender: { chainId: chain.id, sender: account.address.toLowerCase() as Hex },
    /** A call that anybody may make, and that says how often it was made. */
    mint: (to: Hex) =>
      contractCall({ address: market.token, abi: testUSDCAbi, functionName: "mint", args: [to, 1n] }),
  };
}
