/** The stock mppx client, unmodified. */
import type { Receipt } from "mppx";
import { evm, Mppx, tempo } from "mppx/client";
import type { LocalAccount } from "viem";
import type { RunInfo } from "../../scripts/system/run-info.ts";
import { type TempoChain, tempoClientOf } from "./tempo-chain.ts";

/** Pays with tokens of the exchange's own chain. */
export function createMppxPayer(run: RunInfo, account: LocalAccount) {
  const token = run.deployment.tokens[0];
  if (!token) throw new Error("The deployment has no payment token.");
  const { address, name, version, decimals } = token;
  return Mppx.create({
    methods: [
      evm.charge({
        account,
        authorization: { name, version },
        currencies: [address],
        networks: [run.deployment.chainId],
        ...{ decimals, maxAmount: "5" },
      }),
    ],
    polyfill: false,
  });
}

/** Pays on Tempo. `pull`: signs a transaction for the exchange to send; `push`: sends it itself and shows the hash. */
export function createTempoPayer(chain: TempoChain, account: LocalAccount, mode: "pull" | "push" = "pull") {
  return Mppx.create({
    methods: [tempo.charge({ account, mode, getClient: () => tempoClientOf(chain) })],
    polyfill: false,
  });
}

/** The challenge that a receipt is for: a field of the exchange's own, which the library's type does not know. */
export function challengeIdOf(receipt: Receipt.Receipt): unknown {
  return new Map(Object.entries(receipt)).get("challengeId");
}
