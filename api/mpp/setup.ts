/** The Machine Payments Protocol and Tempo, as far as the environment asks for them. */
import type { Hex } from "viem";
import type { Chain } from "../chain/client.ts";
import type { ChainGuard } from "../chain/guard.ts";
import { createRelayer } from "../chain/relayer.ts";
import type { Deps } from "../deps.ts";
import type { Sql } from "../store/database.ts";
import { createMpp } from "./protocol.ts";
import { createTempo, type TempoConfig } from "./tempo.ts";

/** `lock`: the store's connection for what one at a time may do. */
export function setUpMpp(
  { mppSecret: secret, tempo: config }: { mppSecret?: string; tempo?: TempoConfig & { issuerKey: Hex } },
  { publicUrl, chain, guard, lock }: { publicUrl: string; chain: Chain; guard: ChainGuard; lock: Sql },
): Pick<Deps, "mpp" | "tempo"> {
  if (secret === undefined) return {};
  const realm = new URL(publicUrl).host;
  if (!config) return { mpp: createMpp({ chainId: chain.id, realm, secret }) };
  const { issuerKey: privateKey, ...rest } = config;
  const tempo = createTempo(rest, realm);
  return {
    mpp: createMpp({ chainId: chain.id, realm, secret, tempo }),
    tempo: { tempo, issuer: createRelayer({ chain, guard, lock, privateKey }) },
  };
}
