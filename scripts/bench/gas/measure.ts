/** Runs the works and sets the figures beside their goals. */

import { curveRows } from "./curves.ts";
import { finish, peerGoals, type Row, rowOf } from "./goals.ts";
import { installPeers } from "./install-peers.ts";
import { peers } from "./peers.ts";
import { type TokenKind, testUsdc, usdc } from "./tokens.ts";
import { type Itemised, itemise } from "./trace.ts";
import { batchMargins, nthPurchases, summaryGas, works } from "./works.ts";
import { createWorld, type World } from "./world.ts";

/** Gas by name of the work; of those that the contracts have. */
export type Figures = Record<string, number>;
export type Report = { rows: Row[]; skipped: string[]; traces: Record<string, Itemised> };

export type { TokenKind };
export { testUsdc, usdc };

/** Every work in a world of its own beginning: none warms up another's state. */
export async function measureWorks(
  kind: TokenKind,
  onTrace?: (name: string, itemised: Itemised) => void,
): Promise<{ figures: Figures; skipped: string[] }> {
  const world = await createWorld(kind);
  const figures: Figures = {};
  const skipped: string[] = [];
  for (const [name, work] of Object.entries(works)) {
    const receipt = await work(world);
    if (!receipt) {
      skipped.push(name);
      continue;
    }
    figures[name] = Number(receipt.gasUsed);
    if (onTrace) onTrace(name, await traceOf(world, receipt.transactionHash));
  }
  await world.close();
  return { figures, skipped };
}

async function traceOf(world: World, hash: `0x${string}`): Promise<Itemised> {
  const { to, input } = await world.market.client.getTransaction({ hash });
  if (!to) throw new Error(`Transaction ${hash} called nothing.`);
  return itemise(world, hash, to, input);
}

const NUMBERS = [2, 10, 100, 1_000] as const;
const TYPICAL = 10;

/** The n-th purchase costs what any other does. */
async function constantRows(kind: TokenKind): Promise<Row[]> {
  const world = await createWorld(kind);
  const gas = await nthPurchases(world, NUMBERS);
  await world.close();
  const value = gas.get(TYPICAL) as number;
  return NUMBERS.filter((n) => n !== TYPICAL).map((n) => {
    const against = { what: `purchase number ${TYPICAL}`, value };
    return finish({ name: `purchase number ${n}`, gas: gas.get(n) as number, floor: null, against, goal: 1 });
  });
}

/** Everything that `npm run bench:gas` says. */
export async function measureAll(trace: boolean): Promise<Report> {
  installPeers();
  const traces: Record<string, Itemised> = {};
  const onTrace = (name: string, itemised: Itemised) => {
    traces[name] = itemised;
  };
  const { figures, skipped } = await measureWorks(usdc, trace ? onTrace : undefined);
  const rows = Object.entries(figures).map(([name, gas]) =>
    rowOf(name, gas, name === "list" ? { allowance: summaryGas() } : {}),
  );
  rows.push(...(await constantRows(usdc)));
  const world = await createWorld(usdc);
  const margins = await batchMargins(world);
  if (!margins) skipped.push("batch");
  else {
    rows.push(rowOf("batch, same listing, per key", margins.same));
    rows.push(rowOf("batch, distinct listings, per key", margins.distinct));
  }
  const curves = await curveRows(world);
  rows.push(...curves.rows);
  skipped.push(...curves.skipped);
  for (const [peer, measure] of Object.entries(peers)) {
    const value = await measure(world);
    for (const { name, goal } of peerGoals.filter((goals) => goals.peer === peer)) {
      const gas = figures[name];
      if (gas === undefined) skipped.push(`${name} / ${peer} (which costs ${value})`);
      else
        rows.push(
          finish({ name: `${name} / ${peer}`, gas, floor: null, against: { what: peer, value }, goal }),
        );
    }
  }
  await world.close();
  return { rows, skipped, traces };
}
