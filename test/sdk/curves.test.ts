/**
 * Curves: each TypeScript twin against its contract, through the bytecode, to the last unit, over at least 10,000 fuzzed cases.
 * Where the contract's `validate` refuses parameters, so does the twin's, and the other way round.
 */
import { expect } from "chai";
import fc from "fast-check";
import { type Address, createPublicClient, custom, encodeFunctionData, type Hex } from "viem";
import { fixedPriceAbi } from "../../sdk/abis/index.ts";
import { type CostInput, type Curve, type CurveType, curves, quoteCurve } from "../../sdk/curves.ts";
import { ExchangeError } from "../../sdk/errors.ts";
import { chain, viem } from "../contracts/support/chain.ts";

const CASES = 10_000;
const BATCH = 500;
const MAX = 2n ** 128n - 1n;

/** Whole numbers up to `max`, with the edges and small ones often. */
function upTo(max: bigint): fc.Arbitrary<bigint> {
  const small = max < 1_000n ? max : 1_000n;
  return fc.oneof(
    fc.constantFrom(0n, 1n, max, max - 1n),
    fc.bigInt({ min: 0n, max: small }),
    fc.bigInt({ min: 0n, max }),
    // As many of each magnitude as of the largest.
    fc.bigInt({ min: 0n, max: BigInt(max.toString(2).length) }).map((bits) => (1n << bits) % (max + 1n)),
  );
}

function ordered(a: bigint, b: bigint): [low: bigint, high: bigint] {
  return a < b ? [a, b] : [b, a];
}

const inputs: fc.Arbitrary<CostInput> = fc.record({
  sold: upTo(2n ** 32n - 1n),
  count: upTo(2n ** 32n - 1n),
  time: upTo(2n ** 40n - 1n),
});

/** Parameters that `validate` takes. */
const valid: { [K in CurveType]: fc.Arbitrary<Parameters<(typeof curves)[K]["encode"]>[0]> } = {
  fixed: fc.record({ price: upTo(MAX) }),
  linear: fc.tuple(upTo(MAX), upTo(MAX), upTo(MAX)).map(([a, b, slope]) => {
    const [base, max] = ordered(a, b);
    return { base, max, slope };
  }),
};
/** Parameters of the right type, good or not. */
const any: typeof valid = {
  fixed: fc.record({ price: upTo(MAX * 2n) }),
  linear: fc.record({ base: upTo(MAX * 2n), slope: upTo(MAX * 2n), max: upTo(MAX * 2n) }),
};
const contracts: { [K in CurveType]: "FixedPrice" | "LinearPrice" } = {
  fixed: "FixedPrice",
  linear: "LinearPrice",
};

const client = createPublicClient({ transport: custom(chain.provider) });

/** What the contract answers to each call; undefined where it reverts. The interface is the same for all curves. */
async function callAll(to: Address, calls: readonly Hex[]): Promise<(Hex | undefined)[]> {
  const answers: (Hex | undefined)[] = [];
  for (let i = 0; i < calls.length; i += BATCH) {
    const batch = calls.slice(i, i + BATCH).map((data) =>
      client.call({ to, data }).then(
        ({ data: answer }) => answer ?? "0x",
        () => undefined,
      ),
    );
    answers.push(...(await Promise.all(batch)));
  }
  return answers;
}

const encodeCost = ({ sold, count, time }: CostInput, params: Hex) =>
  encodeFunctionData({ abi: fixedPriceAbi, functionName: "cost", args: [sold, count, time, params] });
const encodeValidate = (params: Hex) =>
  encodeFunctionData({ abi: fixedPriceAbi, functionName: "validate", args: [params] });

for (const type of Object.keys(curves) as CurveType[]) {
  const curve = curves[type] as Curve<unknown>;

  describe(`curve ${type}`, () => {
    let contract: Address;
    before(async () => {
      contract = (await viem.deployContract(contracts[type] as "FixedPrice")).address;
    });

    it(`costs what the contract says, in ${CASES} cases`, async function () {
      this.timeout(120_000);
      const cases = fc.sample(fc.tuple(inputs, valid[type] as fc.Arbitrary<unknown>), CASES);
      const answers = await callAll(
        contract,
        cases.map(([input, params]) => encodeCost(input, curve.encode(params))),
      );
      cases.forEach(([input, params], i) => {
        const answer = answers[i];
        const context = () =>
          `${JSON.stringify({ input, params }, (_, v) => (typeof v === "bigint" ? String(v) : v))}`;
        if (answer === undefined) throw new Error(`The contract reverts: ${context()}`);
        const twin = quoteCurve(type, curve.encode(params), input);
        if (twin !== BigInt(answer))
          throw new Error(`${twin}, the contract says ${BigInt(answer)}: ${context()}`);
      });
    });

    it("refuses the parameters that the contract refuses, and no others", async function () {
      this.timeout(60_000);
      const some = fc.sample(fc.oneof(any[type], valid[type]) as fc.Arbitrary<unknown>, 1_000);
      const answers = await callAll(
        contract,
        some.map((params) => encodeValidate(curve.encode(params))),
      );
      let refused = 0;
      some.forEach((params, i) => {
        let taken = true;
        try {
          curve.validate(params);
        } catch (error) {
          expect(error).to.be.instanceOf(ExchangeError).with.property("code", "LISTING_INVALID");
          taken = false;
          refused++;
        }
        if (taken !== (answers[i] !== undefined)) throw new Error(`They differ on ${curve.encode(params)}.`);
      });
      expect(refused).to.be.within(1, some.length - 1);
    });

    it("reads the parameters that it wrote", () => {
      fc.assert(
        fc.property(valid[type] as fc.Arbitrary<unknown>, (params) => {
          expect(curve.decode(curve.encode(params))).to.deep.equal(params);
        }),
      );
    });

    it("T7 makes no purchase cheaper by splitting it", () => {
      fc.assert(
        fc.property(inputs, fc.nat(), valid[type] as fc.Arbitrary<unknown>, (input, at, params) => {
          const first = input.count === 0n ? 0n : BigInt(at) % (input.count + 1n);
          const whole = curve.cost(input, params);
          const split =
            curve.cost({ ...input, count: first }, params) +
            curve.cost({ ...input, sold: input.sold + first, count: input.count - first }, params);
          expect(split >= whole).to.equal(true);
        }),
        { numRuns: 2_000 },
      );
    });
  });
}

describe("curve twins", () => {
  it("linear: the n-th key costs min(max, base + slope × n), summed one by one", () => {
    const small = fc.bigInt({ min: 0n, max: 60n });
    fc.assert(
      fc.property(small, small, small, small, small, (sold, count, a, b, slope) => {
        const [base, max] = ordered(a, b);
        let sum = 0n;
        for (let n = sold; n < sold + count; n++) {
          sum += ordered(base + slope * n, max)[0];
        }
        expect(curves.linear.cost({ sold, count, time: 0n }, { base, max, slope })).to.equal(sum);
      }),
      { numRuns: 2_000 },
    );
  });
});
