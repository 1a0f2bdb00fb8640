/** Where a transaction's gas goes: by contract, and by kind of opcode. */
import type { Address, Hex } from "viem";
import type { World } from "./world.ts";

type Step = { pc: number; op: string; gas: number; gasCost: number; depth: number; stack: Hex[] };

const KINDS: readonly [kind: string, pattern: RegExp][] = [
  ["SLOAD", /^SLOAD$/],
  ["SSTORE", /^SSTORE$/],
  ["TLOAD/TSTORE", /^T(LOAD|STORE)$/],
  ["CALL (access)", /CALL(CODE)?$/],
  ["CREATE", /^CREATE2?$/],
  ["EXTCODE/BALANCE", /^(EXTCODE|BALANCE|SELFBALANCE)/],
  ["LOG", /^LOG/],
  ["KECCAK", /^(KECCAK256|SHA3)$/],
];

export type Itemised = { byContract: Record<string, number>; byKind: Record<string, number>; total: number };

/** Itemises a mined transaction. Each of the two lists sums up to the gas before refunds; only `byKind` has what the transaction itself costs. */
export async function itemise(world: World, hash: Hex, to: Address, input: Hex): Promise<Itemised> {
  const request = world.provider.request.bind(world.provider);
  const { structLogs, gas } = (await request({
    method: "debug_traceTransaction",
    params: [hash, { disableMemory: true, disableStorage: true }],
  })) as { structLogs: Step[]; gas: number };
  const byContract: Record<string, number> = {};
  const byKind: Record<string, number> = {};
  const add = (sums: Record<string, number>, key: string, amount: number) => {
    sums[key] = (sums[key] ?? 0) + amount;
  };
  const calldata = calldataGas(input);
  add(byKind, "transaction", 21_000);
  add(byKind, "calldata", calldata);
  const names = namesOf(world);
  const nameOf = (address: string) => names[address.toLowerCase()] ?? address;
  const path = [nameOf(to)];
  structLogs.forEach((step, i) => {
    const next = structLogs[i + 1];
    const entered = next !== undefined && next.depth > step.depth;
    const cost = entered ? ownCallGas(structLogs, i) : ownGas(step, next);
    add(byContract, path.at(-1) as string, cost);
    add(byKind, KINDS.find(([, pattern]) => pattern.test(step.op))?.[0] ?? "other", cost);
    if (entered) path.push(step.op.startsWith("CREATE") ? "what is created" : nameOf(calleeOf(step)));
    for (let depth = step.depth; next && depth > next.depth; depth--) path.pop();
  });
  return { byContract, byKind, total: gas };
}

/** What a step has used by the next one: a call of a precompile states all that it was given as its cost. */
function ownGas(step: Step, next: Step | undefined): number {
  return next?.depth === step.depth ? step.gas - next.gas : step.gasCost;
}

/** A step into another contract costs what is missing once the callee has given its rest back. */
function ownCallGas(steps: readonly Step[], at: number): number {
  const call = steps[at] as Step;
  let end = at + 1;
  while (end < steps.length && (steps[end] as Step).depth > call.depth) end++;
  const back = steps[end];
  if (!back) return 0;
  const inside = steps.slice(at + 1, end);
  const first = inside[0] as Step;
  const last = inside.at(-1) as Step;
  const spentInside = first.gas - (last.gas - last.gasCost);
  return call.gas - back.gas - spentInside;
}

function calleeOf({ stack }: Step): string {
  const word = (stack.at(-2) ?? "0x").replace(/^0x/, "").padStart(64, "0");
  return `0x${word.slice(24)}`;
}

function calldataGas(input: Hex): number {
  return Buffer.from(input.slice(2), "hex").reduce((sum, byte) => sum + (byte === 0 ? 4 : 16), 0);
}

function namesOf({ deployment, market }: World): Record<string, string> {
  const { contracts, curves } = deployment;
  const all = { ...contracts, ...curves, token: market.token };
  return Object.fromEntries(Object.entries(all).map(([name, address]) => [address.toLowerCase(), name]));
}
