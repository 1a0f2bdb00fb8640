/** Why a contract refused, by the name and the values of its error. */
import {
  type Abi,
  type AbiParameter,
  BaseError,
  ContractFunctionRevertedError,
  decodeErrorResult,
  type Hex,
  toFunctionSignature,
} from "viem";
import * as abis from "../../sdk/abis/index.ts";

export type Revert = {
  name: string;
  /** By parameter name; bigint as decimal string. */
  args: Record<string, string>;
};

/** Every error of every contract: a call into one may pass on the error of another. */
export const contractErrors: Abi = [
  ...new Map(
    Object.values(abis)
      .flatMap((abi) => abi as Abi)
      .filter((item) => item.type === "error")
      .map((item) => [
        toFunctionSignature({ ...item, type: "function", outputs: [], stateMutability: "view" }),
        item,
      ]),
  ).values(),
];

/** The contract's error in what viem threw; undefined when the contract did not refuse. */
export function revertOf(error: unknown): Revert | undefined {
  if (!(error instanceof BaseError)) return undefined;
  const reverted = error.walk((cause) => cause instanceof ContractFunctionRevertedError);
  if (!(reverted instanceof ContractFunctionRevertedError)) return undefined;
  if (reverted.data)
    return toRevert(reverted.data.errorName, inputsOf(reverted.data.abiItem), reverted.data.args);
  const decoded = reverted.raw ? decode(reverted.raw) : undefined;
  return (
    decoded ?? { name: "Error", args: { reason: reverted.reason ?? reverted.signature ?? "no reason given" } }
  );
}

function decode(data: Hex): Revert | undefined {
  try {
    const { errorName, args, abiItem } = decodeErrorResult({ abi: contractErrors, data });
    return toRevert(errorName, inputsOf(abiItem), args as readonly unknown[] | undefined);
  } catch {
    return undefined; // an error that none of our contracts has
  }
}

function inputsOf(item: Abi[number]): readonly AbiParameter[] {
  return item.type === "error" ? item.inputs : [];
}

function toRevert(name: string, inputs: readonly AbiParameter[], args: readonly unknown[] = []): Revert {
  return {
    name,
    args: Object.fromEntries(args.map((value, i) => [inputs[i]?.name || String(i), String(value)])),
  };
}
