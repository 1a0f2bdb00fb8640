/** Every event that a contract can emit has a handler, or is named at the top of its contract's file with the reason why not. */
import { readFileSync } from "node:fs";
import { expect } from "chai";
import type { Abi } from "viem";
import * as abis from "../../sdk/abis/index.ts";

const contracts: Record<string, Abi> = {
  AgentRegistry: abis.agentRegistryAbi,
  CardIssuer: abis.cardIssuerAbi,
  Catalog: abis.catalogAbi,
  Disputes: abis.disputesAbi,
  Exchange: abis.exchangeAbi,
  ExperienceKey: abis.experienceKeyAbi,
  HouseArbitrator: abis.houseArbitratorAbi,
  LabelRegistry: abis.labelRegistryAbi,
  PointsLedger: abis.pointsLedgerAbi,
  ReceiptAnchor: abis.receiptAnchorAbi,
  Tills: abis.tillsAbi,
  ValidatorBonds: abis.validatorBondsAbi,
  Consensus: abis.consensusAbi,
};

describe("indexer: no event is forgotten", () => {
  for (const [contract, abi] of Object.entries(contracts)) {
    it(contract, () => {
      const source = readFileSync(new URL(`../../indexer/src/${contract}.ts`, import.meta.url), "utf8");
      const head = source.slice(0, source.indexOf("*/"));
      const events = abi.filter((item) => item.type === "event").map(({ name }) => name);
      const forgotten = events.filter(
        (name) => !source.includes(`"${contract}:${name}"`) && !new RegExp(`\\b${name}\\b`).test(head),
      );
      expect(forgotten).to.deep.equal([]);
      expect(events.length).to.be.greaterThan(0);
    });
  }
});
