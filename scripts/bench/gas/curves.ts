/** What the dearer curves add to a purchase. */
import type { Hex } from "viem";
import { curves } from "../../../sdk/curves.ts";
import { type Row, rowOf } from "./goals.ts";
import { itemise } from "./trace.ts";
import { buyAlong } from "./works.ts";
import type { World } from "./world.ts";

const WAD = 10n ** 18n;
const STEPS = 100;

/** Parameters with work to do: neither at the minimum nor at the maximum. */
const examples: Record<string, unknown> = {
  fixed: { price: 250_000n },
  linear: { base: 250_000n, slope: 1_000n, max: 1_000_000n },
  exp: { base: 250_000n, k: WAD / 100n, max: 1_000_000n },
  logistic: { min: 200_000n, max: 1_000_000n, k: WAD / 100n, mid: 100n },
  custom_piecewise: {
    min: 0n,
    max: 1_000_000n,
    pieces: Array.from({ length: STEPS }, (_, i) => ({
      ...{ from: BigInt(10 * i), formula: "fixed", params: { price: BigInt(250_000 + i) } },
    })),
  },
};

/** The rows of the curves that are there, and the names of those that are not. */
export async function curveRows(world: World): Promise<{ rows: Row[]; skipped: string[] }> {
  const rows: Row[] = [];
  const skipped: string[] = [];
  const fixed = await measure(world, "fixed");
  const linear = await measure(world, "linear");
  const compare = async (curve: string, name: string, than: typeof fixed, what: "purchase" | "inside") => {
    const found = await measure(world, curve);
    if (found && than) rows.push(rowOf(name, found[what] - than[what]));
    else skipped.push(name);
  };
  await compare("custom_piecewise", `custom_piecewise of ${STEPS} steps above fixed`, fixed, "purchase");
  await compare("exp", "exp above linear", linear, "inside");
  await compare("logistic", "logistic above linear", linear, "inside");
  return { rows, skipped };
}

async function measure(world: World, curve: string) {
  const twin = (curves as Record<string, { encode(params: never): Hex } | undefined>)[curve];
  if (!twin) return undefined;
  const receipt = await buyAlong(world, curve, twin.encode(examples[curve] as never));
  if (!receipt) return undefined;
  const { hash, to, input } = await world.market.client.getTransaction({ hash: receipt.transactionHash });
  const { byContract } = await itemise(world, hash, to as Hex, input);
  return { purchase: Number(receipt.gasUsed), inside: byContract[curve] ?? 0 };
}
