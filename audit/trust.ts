/** Whether the node is on the right chain, whether what is there is ours, and what was fixed when it was made. */
import { houseArbitratorAbi, validatorBondsAbi } from "../sdk/abis/index.ts";
import { type CurveType, curves } from "../sdk/curves.ts";
import type { ContractName, Deployment } from "../sdk/deployment.ts";
import { isCode } from "./code.ts";
import { type Constants, lower } from "./context.ts";
import type { Findings } from "./findings.ts";
import { knownCode } from "./known-code.ts";
import { AuditError, each, type Node, reasonOf } from "./node.ts";

/** Asks the laws of trust. Returns false when it is another chain: then nothing else means anything. */
export async function checkTrust(node: Node, deployment: Deployment, findings: Findings): Promise<boolean> {
  const chainId = await node.chainId();
  findings.equal("CHAIN_ID", {
    subject: `chain ${deployment.chainId}`,
    expected: deployment.chainId,
    said: chainId,
  });
  const start = await node.blockOrNothing(BigInt(deployment.startBlock));
  const expected = deployment.startBlockHash;
  findings.equal("START_BLOCK", {
    subject: `block ${deployment.startBlock}`,
    field: "hash",
    expected,
    said: start?.hash,
  });
  if (chainId !== deployment.chainId || start?.hash !== expected) return false;
  await checkCode(node, deployment, findings);
  return true;
}

async function checkCode(
  node: Node,
  { contracts, curves: addresses }: Deployment,
  findings: Findings,
): Promise<void> {
  const places = [
    ...Object.entries(contracts).map(([name, address]) => ({ name, address })),
    ...Object.entries(addresses).map(([type, address]) => ({
      name: curves[type as CurveType].contract,
      address,
    })),
  ];
  await each(places, places.length, async ({ name, address }) => {
    const code = await node.client.getCode({ address });
    const known = knownCode[name];
    const fits = known !== undefined && isCode(code, known);
    findings.check("CODE", fits, () => ({
      subject: `${name} at ${address}`,
      expected: known?.hash,
      said: code ? "other code" : "no code",
    }));
  });
}

/** Reads what no event tells. Throws an AuditError when the contracts do not answer. */
export async function readConstants(node: Node, deployment: Deployment): Promise<Constants> {
  const { contracts, chainId } = deployment;
  const bonds = { address: contracts.ValidatorBonds, abi: validatorBondsAbi } as const;
  const house = { address: contracts.HouseArbitrator, abi: houseArbitratorAbi } as const;
  const { client } = node;
  try {
    const [challengeStake, bondToken, arbitrator, maxCost] = await Promise.all([
      client.readContract({ ...bonds, functionName: "challengeStake" }),
      client.readContract({ ...bonds, functionName: "token" }),
      client.readContract({ ...bonds, functionName: "arbitrator" }),
      client.readContract({ ...house, functionName: "MAX_COST" }),
    ]);
    return {
      ...{ chainId, challengeStake, maxCost, bondToken: lower(bondToken), arbitrator: lower(arbitrator) },
      contracts: Object.fromEntries(
        Object.entries(contracts).map(([name, address]) => [name, lower(address)]),
      ) as Record<ContractName, `0x${string}`>,
      curves: new Map(
        Object.entries(deployment.curves).map(([type, address]) => [lower(address), type as CurveType]),
      ),
    };
  } catch (error) {
    throw new AuditError(`The contracts do not answer: ${reasonOf(error)}`, { cause: error });
  }
}
