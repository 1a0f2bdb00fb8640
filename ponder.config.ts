/** What the indexer reads: every deployment's contracts, from the block that they were deployed in. */
import { createConfig } from "ponder";
import { chains, refuseOtherChain } from "./indexer/chains.ts";
import { env } from "./indexer/env.ts";
import {
  agentRegistryAbi,
  cardIssuerAbi,
  catalogAbi,
  consensusAbi,
  disputesAbi,
  exchangeAbi,
  experienceKeyAbi,
  houseArbitratorAbi,
  labelRegistryAbi,
  pointsLedgerAbi,
  receiptAnchorAbi,
  tillsAbi,
  validatorBondsAbi,
} from "./sdk/abis/index.ts";
import type { Deployment } from "./sdk/deployment.ts";

/** A chain that its developer starts afresh at will: nothing that was read from an earlier one may be used. */
const LOCAL_CHAIN_ID = 31337;

const nameOf = ({ chainId }: Deployment) => `eip155:${chainId}`;

/** Where a contract is on each chain. */
function placesOf(contract: keyof Deployment["contracts"]) {
  return Object.fromEntries(
    chains.map(({ deployment }) => [
      nameOf(deployment),
      { address: deployment.contracts[contract], startBlock: deployment.startBlock },
    ]),
  );
}

await Promise.all(chains.map(refuseOtherChain));

// Ponder takes the config as the default export of this file.
export default createConfig({
  database: { kind: "postgres", connectionString: env.DATABASE_URL },
  chains: Object.fromEntries(
    chains.map(({ deployment, rpcUrl }) => {
      const local = deployment.chainId === LOCAL_CHAIN_ID;
      return [
        nameOf(deployment),
        {
          id: deployment.chainId,
          rpc: rpcUrl,
          pollingInterval: env.POLLING_INTERVAL_MS ?? (local ? 100 : 1000),
          disableCache: local,
        },
      ];
    }),
  ),
  contracts: {
    Consensus: { abi: consensusAbi, chain: placesOf("Consensus") },
    ValidatorBonds: { abi: validatorBondsAbi, chain: placesOf("ValidatorBonds") },
    AgentRegistry: { abi: agentRegistryAbi, chain: placesOf("AgentRegistry") },
    CardIssuer: { abi: cardIssuerAbi, chain: placesOf("CardIssuer") },
    Catalog: { abi: catalogAbi, chain: placesOf("Catalog") },
    Disputes: { abi: disputesAbi, chain: placesOf("Disputes") },
    Exchange: { abi: exchangeAbi, chain: placesOf("Exchange") },
    ExperienceKey: { abi: experienceKeyAbi, chain: placesOf("ExperienceKey") },
    HouseArbitrator: { abi: houseArbitratorAbi, chain: placesOf("HouseArbitrator") },
    LabelRegistry: { abi: labelRegistryAbi, chain: placesOf("LabelRegistry") },
    PointsLedger: { abi: pointsLedgerAbi, chain: placesOf("PointsLedger") },
    ReceiptAnchor: { abi: receiptAnchorAbi, chain: placesOf("ReceiptAnchor") },
    Tills: { abi: tillsAbi, chain: placesOf("Tills") },
  },
});
