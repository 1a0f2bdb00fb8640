/** Curves through their real bytecode, hundreds of questions at a time. */
import { network } from "hardhat";
import {
  createPublicClient,
  custom,
  decodeErrorResult,
  decodeFunctionResult,
  encodeFunctionData,
  type Hex,
  parseAbi,
} from "viem";
import { piecewisePriceAbi } from "../../../sdk/abis/index.ts";
import type { CostInput, CurveType } from "../../../sdk/curves.ts";
import { deployCurves } from "../../contracts/support/deploy.ts";

const probeAbi = parseAbi([
  "struct Question { uint256 sold; uint256 count; uint256 time; bytes params; }",
  "struct Answer { bool accepted; bytes refusal; bool priced; uint256 cost; uint256 spent; }",
  "function ask(address curve, Question[] questions) view returns (Answer[])",
]);

export type Question = CostInput & { params: Hex };
/** What the contract says: `accepted` and `refusal` of `validate`, `priced`, `cost` and the gas `spent` by `cost`. */
export type Answer = { accepted: boolean; refusal: Hex; priced: boolean; cost: bigint; spent: bigint };

const BATCH = 200;
const GAS = 16_000_000_000n;

/**
 * All curves on a chain of their own, which has room for such calls: later hard forks cap the gas of one at 2^24. A question is asked to
 * a curve by its name.
 */
export async function createProbe(): Promise<
  (type: CurveType, questions: readonly Question[]) => Promise<Answer[]>
> {
  const { viem, provider } = await network.create({ override: { hardfork: "cancun", blockGasLimit: GAS } });
  const create = async (name: string, args: unknown[] = []) =>
    (await viem.deployContract(name, args)).address;
  const to = await create("CurveProbe");
  const curves = await deployCurves(create);
  const client = createPublicClient({ transport: custom(provider) });
  return async (type, questions) => {
    const answers: Answer[] = [];
    for (let i = 0; i < questions.length; i += BATCH) {
      const args = [curves[type], questions.slice(i, i + BATCH)] as const;
      const input = encodeFunctionData({ abi: probeAbi, functionName: "ask", args });
      const { data = "0x" } = await client.call({ to, data: input, gas: GAS });
      answers.push(...decodeFunctionResult({ abi: probeAbi, functionName: "ask", data }));
    }
    return answers;
  };
}

/** A curve's error as the twins note it in `details`. */
export function detailsOf(refusal: Hex): Record<string, unknown> {
  const { errorName, args, abiItem } = decodeErrorResult({ abi: piecewisePriceAbi, data: refusal });
  const named = (args as readonly unknown[]).map((value, i) => {
    const name = abiItem.inputs[i]?.name ?? "";
    return [name, name === "reason" ? detailsOf(value as Hex) : String(value)];
  });
  return { error: errorName, ...Object.fromEntries(named) };
}
