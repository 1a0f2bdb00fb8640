/**
 * kill -9 at every marked point of a purchase, on the API's own wires
 * ├── before and after each statement that changes a row   no payment without its key, no key without its payment,
 * └── before and after the transaction leaves              the same answer on retry
 */
import { expect } from "chai";
import { createApi } from "../api/support/api.ts";
import { useSystem } from "../support/system.ts";
import { type Arena, openArena } from "./support/arena.ts";
import { createSeller, rails, type Seller } from "./support/journeys.ts";
import type { Crossing } from "./support/taps.ts";

/** The n-th crossing of this name and way. Where a purchase does not come by, the process is killed after it. */
type Point = Crossing & { nth?: number };

const points: Record<keyof typeof rails, Point[]> = {
  x402: [
    { name: "sql insert quotes", way: "out" },
    { name: "sql insert quotes", way: "back" },
    { name: "sql insert payments", way: "out" }, // reserve
    { name: "sql insert payments", way: "back" },
    { name: "rpc eth_call", way: "back", nth: 6 }, // verify
    { name: "rpc eth_sendRawTransaction", way: "out" }, // broadcast
    { name: "rpc eth_sendRawTransaction", way: "back" },
    { name: "rpc eth_getTransactionReceipt", way: "back" }, // receipt
    { name: "sql update payments", way: "out", nth: 2 }, // commit
    { name: "sql update payments", way: "back", nth: 2 },
  ],
};

describe("faults: marked points", () => {
  const shared = useSystem();
  let arena: Arena;
  let seller: Seller;
  before(async () => {
    arena = await openArena(shared.system.run);
    seller = await createSeller(createApi(shared.system.run));
  });
  after(() => arena?.close());

  for (const rail of Object.keys(rails) as (keyof typeof rails)[]) {
    // All of them at a time: a payment whose process died is left alone until the dead one's lease is over.
    it(`T51 ${rail}: killed at ${points[rail].length} points, each purchase ends with one key for one payment`, async function () {
      this.timeout(240_000);
      const faults: Promise<string | undefined>[] = [];
      for (const { name, way, nth = 1 } of points[rail]) {
        const journey = await rails[rail](seller);
        let count = 0;
        const dead = arena.killAt((c) => c.name === name && c.way === way && ++count === nth);
        const fault = journey
          .travel(arena)
          .then(journey.judge)
          .then(
            () => undefined,
            (error: unknown) => `${name} ${way} ${nth}: ${error}`,
          );
        faults.push(fault);
        await Promise.race([dead, fault]);
        if (count < nth)
          faults.push(Promise.resolve(`not on the way: ${name} ${way} ${nth} of ${list(arena)}`));
      }
      expect((await Promise.all(faults)).filter(Boolean)).to.deep.equal([]);
    });
  }
});

const list = (arena: Arena) =>
  arena
    .crossings()
    .map(({ name, way }) => `${name} ${way}`)
    .join(", ");
