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
import { disturb } from "./support/disturb.ts";
import { createSeller, type RailName, railNames, rails, type Seller } from "./support/journeys.ts";

const KILLS = Number(process.env.FAULT_KILLS ?? 6);
const SEED = Number(process.env.FAULT_SEED ?? 20_261_130);
/** Crossings of a journey whose length is not known yet: each rail has more. */
const SOME = 60;
/** Journeys that go on at a time: the oldest of more is waited for. */
const UNDER_WAY = 30;
/** A long run says now and then how far it is. */
const isNews = (i: number) => i % 20 === 19;

describe("faults: random kills", () => {
  const shared = useSystem();
  let arena: Arena;
  let seller: Seller;
  before(async function () {
    this.timeout(240_000);
    arena = await openArena(shared.system.run);
    seller = await createSeller(createApi(shared.system.run));
  });
  after(() => arena?.close());

  /** How many crossings the rail has when nothing dies. Worth its time where it is asked often. */
  async function lengthOf(name: RailName): Promise<number> {
    if (KILLS < railNames.length) return SOME;
    const before = arena.crossings().length;
    const journey = await rails[name](seller);
    await journey.travel(arena);
    await journey.judge(arena);
    return arena.crossings().length - before;
  }

  it(`T51 survives ${KILLS} kills over ${railNames.length} rails (seed ${SEED})`, async function () {
    this.timeout(KILLS * 30_000 + 480_000);
    const random = createRandom(SEED);
    const lengths = new Map<RailName, number>();
    const faults: Promise<string | undefined>[] = [];
    const kills = new Map<string, number>();
    for (let i = 0; i < KILLS; i++) {
      const name = random.pick(railNames);
      if (!lengths.has(name)) lengths.set(name, await lengthOf(name));
      const at = 1 + random.int(lengths.get(name) ?? 1);
      const journey = await rails[name](seller);
      let count = 0;
      const { fault, isHit } = await disturb(arena, journey, () => ++count === at);
      if (!isHit) await arena.killNow(); // the way was shorter this time
      kills.set(name, (kills.get(name) ?? 0) + 1);
      if (isNews(i)) console.log(`      … ${i + 1} kills`);
      faults.push(fault.then((said) => said && `${name}, kill ${i} at crossing ${at}: ${said}`));
      await faults[faults.length - UNDER_WAY];
    }
    if (KILLS > railNames.length)
      console.log(`      ${[...kills].map((entry) => entry.join(" ")).join(", ")}`);
    expect((await Promise.all(faults)).filter(Boolean)).to.deep.equal([]);
  });
});
