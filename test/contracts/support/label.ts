/** A label as the tests give it, what is stored of it, and validators that risk something for it. */
import { encodeAbiParameters, getAddress, type Hex, keccak256, sliceHex, toHex } from "viem";
import { labelRegistryAbi } from "../../../sdk/abis/index.ts";
import { networkHelpers } from "./chain.ts";
import { by, deployMoaWith, type Moa, POLICY, people } from "./deploy.ts";
import { FIXED, NO_HASH, populate } from "./market.ts";

export const SCORES = { authenticity: 95, utility: 80, reproducibility: 100, freshness: 0, safety: 77 };
export const INPUT = {
  ekId: FIXED,
  version: 1,
  types: 3,
  scores: SCORES,
  tags: ["csv", "recomputed"],
  summary: "Recomputed, and it fits.",
  evidenceKind: 2,
  evidence: toHex("sum = 42"),
  evidenceHash: NO_HASH as Hex,
};
export type LabelInput = typeof INPUT;

/** Label types by name, as bits. */
export const Types = {
  VerifiedReal: 1,
  Reproducible: 2,
  HighUtility: 4,
  NeedsContext: 8,
  LowQuality: 16,
  SuspectedFraud: 32,
  Outdated: 64,
  PolicyRisk: 128,
} as const;

const label = labelRegistryAbi.find((item) => item.type === "function" && item.name === "label");
const inputType = label?.type === "function" ? label.inputs[1] : undefined;

/** What a label stores of its input: half the hash of its ABI encoding as a tuple. */
export function inputHashOf(input: LabelInput): Hex {
  if (!inputType) throw new Error("The ABI has no label(validatorId, input).");
  const encoded = encodeAbiParameters([inputType], [input as never]);
  return sliceHex(keccak256(sliceHex(encoded, 32)), 0, 16);
}

/** An account that is one of {@link deployValidators}'s agents. */
export type Validator = { agentId: bigint; address: `0x${string}` };

/** The market, and `count` more agents with ether and with what they need to bond `bond`, which they do unless it is 0. */
export async function deployValidators(count: number, bond = POLICY.minBond, options = {}) {
  const moa = await populate(await deployMoaWith(undefined, options));
  const validators: Validator[] = [];
  for (let i = 0; i < count; i++) validators.push(await joinValidator(moa, i, bond));
  return { moa, validators };
}

/** One more validator, number `i` of the made-up accounts. */
export async function joinValidator(moa: Moa, i: number, bond: bigint): Promise<Validator> {
  const address = getAddress(`0x${(0xa000 + i).toString(16).padStart(40, "0")}`);
  await networkHelpers.impersonateAccount(address);
  await networkHelpers.setBalance(address, 10n ** 20n);
  await moa.registry.write.register(by({ address }));
  const agentId = await moa.registry.read.agentCount();
  await fundBond(moa, { address });
  if (bond !== 0n) await moa.bonds.write.bond([agentId, bond], by({ address }));
  return { agentId, address };
}

/** Gives an account tokens that the bonds' contract may take. */
export async function fundBond(moa: Moa, account: { address: `0x${string}` }): Promise<void> {
  await moa.usdc.write.mint([account.address, 10n ** 12n], by(people.admin));
  await moa.usdc.write.approve([moa.bonds.address, 2n ** 255n], by(account));
}
