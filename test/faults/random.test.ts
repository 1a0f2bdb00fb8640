/**
 * kill -9 at random crossings of a process's wires
 * └── each purchase on each rail ends with one key for one payment, and the same answer on retry
 *
 * A few here; `npm run faults` kills 300 times. The seed is part of the title: the same one kills at the same places, as far as the rest allows.
 */
import { expect } from "chai";
import { createApi } from "../api/support/api.ts";
import { createRandom } from "../support/random.ts";
import { useSystem } from "../support/system.ts";
import { type Arena, openArena } from "./support/arena.ts";
import { createSeller, rails } from "./support/journeys.ts";

const KILLS = Number(process.env.FAULT_KILLS ?? 6);
const SEED = Number(process.env.FAULT_SEED ?? 20_261_130);
/** Journeys that go on at a time: the oldest of more is waited for. */
const UNDER_WAY = 30;

describe("faults: random kills", () => {
  const shared = useSystem();
  let arena: Arena;
  before(async function () {
    this.timeout(240_000);
    arena = await openArena(shared.system.run);
  });
  after(() => arena?.close());

  it(`T51 survives ${KILLS} kills (seed ${SEED})`, async function () {
    this.timeout(KILLS * 30_000 + 240_000);
    const random = createRandom(SEED);
    const seller = await createSeller(createApi(shared.system.run));
    const names = Object.keys(rails) as (keyof typeof rails)[];
    const lengths = new Map<string, number>();
    const faults: Promise<string | undefined>[] = [];
    for (let i = 0; i < KILLS; i++) {
      const name = random.pick(names);
      if (!lengths.has(name)) {
        // The first of its kind goes undisturbed, and shows how long the way is.
        const before = arena.crossings().length;
        const journey = await rails[name](seller);
        await journey.travel(arena);
        await journey.judge();
        lengths.set(name, arena.crossings().length - before);
      }
      const at = 1 + random.int(lengths.get(name) ?? 1);
      const journey = await rails[name](seller);
      let count = 0;
      const dead = arena.killAt(() => ++count === at);
      const fault = journey
        .travel(arena)
        .then(journey.judge)
        .then(
          () => undefined,
          (error: unknown) => `${name}, kill ${i} at crossing ${at}: ${error}`,
        );
      faults.push(fault);
      await Promise.race([dead, fault]);
      if (count < at) await arena.killNow(); // the way was shorter this time
      await faults[faults.length - UNDER_WAY];
    }
    expect((await Promise.all(faults)).filter(Boolean)).to.deep.equal([]);
  });
});
