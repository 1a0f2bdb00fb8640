/** Whether both EOAs agreed to each rotation: by who sent it, by a consent on chain, or by the signatures in the transaction's own data. */
import { type Address, decodeFunctionData, type Hex, recoverTypedDataAddress } from "viem";
import { agentRegistryAbi } from "../sdk/abis/index.ts";
import { registryDomain, rotationTypedData } from "../sdk/typed-data.ts";
import type { Rotation } from "./books.ts";
import { type Context, lower, namesOf } from "./context.ts";
import { each, type Node } from "./node.ts";

const AT_ONCE = 50;
/** How many nonces are tried for a rotation's signature: which one was its owner's is in no event. */
const NONCES = 64n;

const walletTypes = {
  AgentWalletSet: [
    { name: "agentId", type: "uint256" },
    { name: "newWallet", type: "address" },
    { name: "owner", type: "address" },
    { name: "deadline", type: "uint256" },
  ],
} as const;

export async function checkConsents(node: Node, c: Context): Promise<void> {
  const { agt } = namesOf(c.constants.chainId);
  await each(c.books.rotations, AT_ONCE, async (rotation) => {
    const missing = await missingConsent(node, c, rotation);
    if (missing === "unknown") {
      c.findings.note(
        "rotations within a contract's call, or by a contract's signature: their consent can't be read off the chain",
      );
      return;
    }
    const { agentId, place } = rotation;
    c.findings.check("ROTATION_CONSENT", missing === undefined, () => ({
      subject: agt(agentId),
      field: "consent",
      expected: `of ${missing}`,
      said: "none",
      place,
    }));
  });
}

/** Who of the two did not agree; "unknown" where the chain does not tell. */
async function missingConsent(
  node: Node,
  c: Context,
  rotation: Rotation,
): Promise<Address | "unknown" | undefined> {
  const { from, to, by, consented, place } = rotation;
  if (by === from && consented) return undefined;
  const { to: target, input } = await node.client.getTransaction({ hash: place.tx });
  if (!target || lower(target) !== c.constants.contracts.AgentRegistry) return "unknown";
  const { functionName, args } = decodeFunctionData({ abi: agentRegistryAbi, data: input });
  const wanted = [from, to].filter((account) => account !== lower(by));
  for (const account of wanted) {
    const signature = signatureOf(functionName, args, account === from);
    if (signature === undefined) return account;
    // A contract's signature is whatever that contract takes for one.
    if (signature.length !== 132) return "unknown";
    if (!(await hasSigned(c, rotation, { functionName, args, account, signature }))) return account;
  }
  return undefined;
}

function signatureOf(
  functionName: string,
  args: readonly unknown[] | undefined,
  isFrom: boolean,
): Hex | undefined {
  if (functionName === "rotate") return args?.[isFrom ? 3 : 4] as Hex;
  return functionName === "setAgentWallet" && !isFrom ? (args?.[3] as Hex) : undefined;
}

type Signed = {
  functionName: string;
  args: readonly unknown[] | undefined;
  account: Address;
  signature: Hex;
};

async function hasSigned(
  c: Context,
  { agentId, from, to }: Rotation,
  { functionName, args, account, signature }: Signed,
): Promise<boolean> {
  const place = { chainId: c.constants.chainId, registry: c.constants.contracts.AgentRegistry };
  const deadline = args?.[2] as bigint;
  if (functionName === "setAgentWallet") {
    const message = { agentId, newWallet: to, owner: from, deadline };
    const typed = {
      domain: registryDomain(place),
      types: walletTypes,
      primaryType: "AgentWalletSet",
      message,
    } as const;
    return lower(await recoverTypedDataAddress({ ...typed, signature })) === account;
  }
  for (let nonce = 0n; nonce < NONCES; nonce++) {
    const typed = rotationTypedData(place, { agentId, from, to, nonce, deadline });
    if (lower(await recoverTypedDataAddress({ ...typed, signature })) === account) return true;
  }
  return false;
}
