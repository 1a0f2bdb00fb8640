/** An API that takes payments on Tempo, over the shared system: in this process, so that a test can say when it sweeps. */

import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { privateKeyToAccount } from "viem/accounts";
import { createAccessRecorder } from "../../../api/actions/access.ts";
import { createFacilitator } from "../../../api/actions/facilitator.ts";
import { QUOTE_TTL } from "../../../api/actions/quote.ts";
import { createX402 } from "../../../api/actions/x402.ts";
import { createIssuer } from "../../../api/actions/x402-extensions.ts";
import { createApp } from "../../../api/app.ts";
import { createChain } from "../../../api/chain/client.ts";
import { createConfirmations, LOCAL_TIERS, parseTiers } from "../../../api/chain/confirmations.ts";
import { createChainGuard } from "../../../api/chain/guard.ts";
import { createVersionReader } from "../../../api/chain/listings.ts";
import { createRelayer } from "../../../api/chain/relayer.ts";
import type { Deps } from "../../../api/deps.ts";
import { createHealth } from "../../../api/health.ts";
import { setUpMpp } from "../../../api/mpp/setup.ts";
import type { TempoConfig } from "../../../api/mpp/tempo.ts";
import { openIndex } from "../../../api/queries/index-database.ts";
import { openSearch } from "../../../api/search/search-index.ts";
import { openStore } from "../../../api/store/database.ts";
import { createSigningKeys } from "../../../api/store/signing-keys.ts";
import { createWatermarks } from "../../../api/store/watermarks.ts";
import { createStreams } from "../../../api/streams/streams.ts";
import { localKey } from "../../../scripts/system/chain.ts";
import type { RunInfo } from "../../../scripts/system/run-info.ts";
import { mppSecretOf } from "../../../scripts/system/services.ts";
import { deploymentTag } from "../../../sdk/deployment.ts";
import { unwatchContract, watchContract } from "../../support/contract.ts";
import { PATH_USD, TEMPO_CHAIN_ID, type TempoChain, tempoKey } from "../../support/tempo-chain.ts";

/** Which of anvil's accounts takes the exchange's payments. */
export const HOUSE = 9;

/** More than all tests together need. */
const GAS_PER_HOUR = 10n ** 12n;

export type TempoApi = { apiUrl: string; deps: Deps; stop(): Promise<void> };

export async function startTempoApi(
  run: RunInfo,
  chain: TempoChain,
  changes: Partial<TempoConfig> = {},
): Promise<TempoApi> {
  const { databaseUrl, deployment, rpcUrl } = run;
  const tag = deploymentTag(deployment);
  const store = openStore({ databaseUrl, tag });
  const index = openIndex({ databaseUrl, tag });
  const home = createChain({ rpcUrl, deployment });
  const guard = createChainGuard(home);
  const { sql, lock } = store;
  const rest = { chain: home, guard, sql, lock, gasPerHour: GAS_PER_HOUR };
  const relayer = createRelayer({ ...rest, privateKey: localKey(1) });
  const paysFor = deployment.tokens[0]?.address;
  if (!paysFor) throw new Error("The deployment has no payment token.");
  const tempo = {
    ...{ rpcUrl: chain.rpcUrl, chainId: TEMPO_CHAIN_ID, token: PATH_USD, decimals: 6 },
    ...{ paysFor, key: tempoKey(HOUSE), confirmations: 0, issuerKey: localKey(0) },
    ...changes,
  };
  // Copies of one API have one name in the world: challenges of the shared one are good here.
  const publicUrl = run.apiUrl;
  const facilitator = createFacilitator({ chain: home, relayer, sql });
  const base: Omit<Deps, "streams"> = {
    ...setUpMpp({ mppSecret: mppSecretOf(localKey(1)), tempo }, { publicUrl, ...rest }),
    ...{ publicUrl, chain: home, guard, relayer, sql, index },
    search: openSearch({ databaseUrl, tag, deps: { chain: home, index } }),
    accesses: createAccessRecorder({ chain: home, relayer }),
    versions: createVersionReader(home),
    keys: createSigningKeys(store),
    watermarks: createWatermarks(store, home.id),
    confirmations: createConfirmations(home, parseTiers(LOCAL_TIERS) ?? []),
    x402: await createX402(facilitator, {
      ...{ chain: home, maxSeconds: QUOTE_TTL },
      issuer: createIssuer(privateKeyToAccount(localKey(1)), home.id),
    }),
    health: createHealth({
      ...{ chain: home, guard, sql, relayer, lowBalance: 0n, indexerUrl: run.indexerUrl },
    }),
  };
  const limits = { connections: 10, perAddress: 10 };
  const deps: Deps = { ...base, streams: createStreams(base, { databaseUrl, tag, limits }) };
  const server = serve({ fetch: createApp(deps).fetch, hostname: "127.0.0.1", port: 0 });
  await new Promise((resolve) => server.once("listening", resolve));
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  watchContract(apiUrl);
  return {
    apiUrl,
    deps,
    async stop() {
      await new Promise((resolve) => server.close(resolve));
      unwatchContract(apiUrl);
      await Promise.all([deps.streams.stop(), store.close(), index.close(), deps.search.close()]);
    },
  };
}
