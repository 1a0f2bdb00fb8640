/** The Machine Payments Protocol and Tempo, as far as the environment asks for them. */
import type { Hex } from "viem";
import { createRelayer, type RelayerOptions } from "../chain/relayer.ts";
import type { Deps } from "../deps.ts";
import { createMpp } from "./protocol.ts";
import { createTempo, type TempoConfig } from "./tempo.ts";

export function setUpMpp(
  { mppSecret: secret, tempo: config }: { mppSecret?: string; tempo?: TempoConfig & { issuerKey: Hex } },
  { publicUrl, ...house }: { publicUrl: string } & Omit<RelayerOptions, "privateKey">,
): Pick<Deps, "mpp" | "tempo"> {
  if (secret === undefined) return {};
  const realm = new URL(publicUrl).host;
  if (!config) return { mpp: createMpp({ chainId: house.chain.id, realm, secret }) };
  const { issuerKey: privateKey, ...rest } = config;
  const tempo = createTempo(rest, realm);
  return {
    mpp: createMpp({ chainId: house.chain.id, realm, secret, tempo }),
    tempo: { tempo, issuer: createRelayer({ ...house, privateKey }) },
  };
}
