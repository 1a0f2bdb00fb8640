/*
 * The price curves: exact values, and each refusal
 * ├── cost(sold, count, time, params)
 * │   ├── one key                 costs what the kind's formula says, at its corners too
 * │   ├── n at once               cost what n singly cost (T7: splitting a purchase changes nothing)
 * │   ├── none                    cost nothing
 * │   └── more than 256           revert CurveCountTooLarge
 * └── validate(params)
 *     ├── another length          reverts CurveParamsLength
 *     └── a value out of bounds   reverts CurveParamTooLarge or CurveParamTooSmall with its name, the value and the bound
 */
import { expect } from "chai";
import { getContract, type Hex, toHex } from "viem";
import { exponentialPriceAbi } from "../../sdk/abis/index.ts";
import {
  type CostInput,
  type CurveParams,
  curves,
  curveTypes,
  type FormulaType,
  formulas,
  formulaTypes,
} from "../../sdk/curves.ts";
import { loadFixture } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { client, deployMoa, type Moa } from "./support/deploy.ts";
import { SLOPE } from "./support/market.ts";

const MAX = 2n ** 96n - 1n;
const KEYS = 2n ** 32n - 1n;
const TIME = 2n ** 40n - 1n;
const EXPONENT = 67n * 10n ** 18n;
const WAD = 10n ** 18n;

const show = (params: object) => JSON.stringify(params, (_, v) => (typeof v === "bigint" ? String(v) : v));

type Sample<T extends FormulaType> = {
  /** Parameters, and what keys cost with them: sold before, time, price of one. */
  prices: [params: CurveParams<T>, ...rows: [sold: bigint, time: bigint, price: bigint][]][];
  /** The extremes that are taken. */
  accepted: CurveParams<T>[];
  /** The least changes to good parameters that are refused: the parameter, its value and the bound. */
  refused: [
    params: CurveParams<T>,
    name: string,
    value: bigint,
    bound: { maximum: bigint } | { minimum: bigint },
  ][];
};

const samples: { [T in FormulaType]: Sample<T> } = {
  fixed: {
    prices: [
      [{ price: 5n }, [0n, 0n, 5n], [KEYS, TIME, 5n]],
      [{ price: 0n }, [7n, 7n, 0n]],
    ],
    accepted: [{ price: 0n }, { price: MAX }],
    refused: [
      [{ price: MAX + 1n }, "price", MAX + 1n, { maximum: MAX }],
      [{ price: 2n ** 256n - 1n }, "price", 2n ** 256n - 1n, { maximum: MAX }],
    ],
  },
  linear: {
    prices: [
      // A maximum that the slope steps over.
      [
        { base: 1n, slope: 4n, max: 10n },
        [0n, 0n, 1n],
        [1n, 0n, 5n],
        [2n, 0n, 9n],
        [3n, 0n, 10n],
        [KEYS, TIME, 10n],
      ],
      [{ base: 2n, slope: 0n, max: 5n }, [9n, 0n, 2n]],
      [{ base: 5n, slope: 9n, max: 5n }, [9n, 0n, 5n]],
      [{ base: 0n, slope: 1n, max: 9n }, [0n, 0n, 0n], [1n, 0n, 1n]],
      [{ base: 0n, slope: MAX, max: 0n }, [1n, 0n, 0n]],
      [{ base: MAX - 1n, slope: 1n, max: MAX }, [0n, 0n, MAX - 1n], [1n, 0n, MAX], [KEYS, 0n, MAX]],
    ],
    accepted: [
      { base: 0n, slope: 0n, max: 0n },
      { base: MAX, slope: MAX, max: MAX },
    ],
    refused: [
      [{ base: 0n, slope: 0n, max: MAX + 1n }, "max", MAX + 1n, { maximum: MAX }],
      [{ base: 0n, slope: MAX + 1n, max: 0n }, "slope", MAX + 1n, { maximum: MAX }],
      [{ base: 2n, slope: 0n, max: 1n }, "base", 2n, { maximum: 1n }],
    ],
  },
  exp: {
    prices: [
      // 100 e^(0.1 i): 110.517…, 122.140…, 271.828…
      [
        { base: 100n, k: WAD / 10n, max: 1_000n },
        [0n, 0n, 100n],
        [1n, 0n, 111n],
        [2n, 0n, 123n],
        [10n, 0n, 272n],
        [23n, TIME, 998n], // 997.418…
        [24n, 0n, 1_000n], // 1102.317…
        [KEYS, 0n, 1_000n],
      ],
      [{ base: 5n, k: 0n, max: 9n }, [0n, 0n, 5n], [KEYS, 0n, 5n]],
      [{ base: 1n, k: EXPONENT, max: MAX }, [0n, 0n, 1n], [1n, 0n, MAX], [KEYS, 0n, MAX]],
      // e^66 = 46071866343312915426773184428.06…, to 20 digits
      [{ base: 1n, k: WAD, max: MAX }, [1n, 0n, 3n], [66n, 0n, 46071866343312915426946119385n]],
      [{ base: MAX, k: 1n, max: MAX }, [0n, 0n, MAX], [1n, 0n, MAX]],
    ],
    accepted: [
      { base: 1n, k: 0n, max: 1n },
      { base: MAX, k: EXPONENT, max: MAX },
    ],
    refused: [
      [{ base: 1n, k: 0n, max: MAX + 1n }, "max", MAX + 1n, { maximum: MAX }],
      [{ base: 2n, k: 0n, max: 1n }, "base", 2n, { maximum: 1n }],
      [{ base: 0n, k: 0n, max: 1n }, "base", 0n, { minimum: 1n }],
      [{ base: 1n, k: EXPONENT + 1n, max: 1n }, "k", EXPONENT + 1n, { maximum: EXPONENT }],
    ],
  },
  logistic: {
    prices: [
      // 100 + 800 / (1 + e^(−0.5 (i − 10))): 105.354…, 402.032…, 500, 597.967…, 894.645…
      [
        { min: 100n, max: 900n, k: WAD / 2n, mid: 10n },
        [0n, 0n, 106n],
        [9n, 0n, 403n],
        [10n, TIME, 500n],
        [11n, 0n, 598n],
        [20n, 0n, 895n],
        [KEYS, 0n, 900n],
      ],
      // Never at its minimum, and never free.
      [{ min: 0n, max: 1n, k: WAD, mid: KEYS }, [0n, 0n, 1n]],
      [{ min: 0n, max: MAX, k: EXPONENT, mid: 1n }, [0n, 0n, 1n], [1n, 0n, 2n ** 95n], [2n, 0n, MAX]],
      [{ min: 7n, max: 7n, k: WAD, mid: 0n }, [0n, 0n, 7n], [9n, 0n, 7n]],
      [{ min: 0n, max: 10n, k: 0n, mid: 5n }, [0n, 0n, 5n], [9n, 0n, 5n]],
    ],
    accepted: [
      { min: 0n, max: 0n, k: 0n, mid: 0n },
      { min: MAX, max: MAX, k: EXPONENT, mid: KEYS },
    ],
    refused: [
      [{ min: 0n, max: MAX + 1n, k: 0n, mid: 0n }, "max", MAX + 1n, { maximum: MAX }],
      [{ min: 2n, max: 1n, k: 0n, mid: 0n }, "min", 2n, { maximum: 1n }],
      [{ min: 0n, max: 1n, k: EXPONENT + 1n, mid: 0n }, "k", EXPONENT + 1n, { maximum: EXPONENT }],
      [{ min: 0n, max: 1n, k: 0n, mid: KEYS + 1n }, "mid", KEYS + 1n, { maximum: KEYS }],
    ],
  },
  time_decay: {
    prices: [
      // 1000 e^(−0.1 d): 904.837…, 951.229…, 367.879…
      [
        { base: 1_000n, k: WAD / 10n, min: 200n, start: 1_000_000n },
        [0n, 0n, 1_000n],
        [0n, 1_000_000n, 1_000n],
        [0n, 1_000_001n, 1_000n], // 999.998…
        [9n, 1_043_200n, 952n],
        [0n, 1_086_400n, 905n],
        [KEYS, 1_864_000n, 368n],
        [0n, 2_382_400n, 202n], // 16 days: 201.896…
        [0n, 2_468_800n, 200n], // 17 days: 182.683…
        [0n, TIME, 200n],
      ],
      // What is not free never becomes free.
      [{ base: MAX, k: EXPONENT * 86_400n, min: 0n, start: 0n }, [0n, 1n, 1n], [0n, TIME, 1n]],
      [{ base: 0n, k: WAD, min: 0n, start: 0n }, [0n, 86_400n, 0n]],
      [{ base: 9n, k: 0n, min: 0n, start: 0n }, [0n, TIME, 9n]],
    ],
    accepted: [
      { base: 0n, k: 0n, min: 0n, start: 0n },
      { base: MAX, k: EXPONENT * 86_400n, min: MAX, start: TIME },
    ],
    refused: [
      [{ base: MAX + 1n, k: 0n, min: 0n, start: 0n }, "base", MAX + 1n, { maximum: MAX }],
      [{ base: 1n, k: 0n, min: 2n, start: 0n }, "min", 2n, { maximum: 1n }],
      [
        { base: 1n, k: EXPONENT * 86_400n + 1n, min: 0n, start: 0n },
        "k",
        EXPONENT * 86_400n + 1n,
        { maximum: EXPONENT * 86_400n },
      ],
      [{ base: 1n, k: 0n, min: 0n, start: TIME + 1n }, "start", TIME + 1n, { maximum: TIME }],
    ],
  },
  seasonal: {
    prices: [
      [
        { base: 7n, inSeason: 9n, start: 100n, period: 100n, length: 30n },
        [0n, 99n, 7n],
        [0n, 100n, 9n],
        [KEYS, 129n, 9n],
        [0n, 130n, 7n],
        [0n, 199n, 7n],
        [0n, 200n, 9n],
        [0n, 230n, 7n],
      ],
      [
        { base: 7n, inSeason: 9n, start: 110n, period: 100n, length: 30n }, // no multiple of the period
        [0n, 109n, 7n],
        [0n, 110n, 9n],
        [0n, 139n, 9n],
        [0n, 140n, 7n],
        [0n, 210n, 9n],
      ],
      [
        { base: 3n, inSeason: 0n, start: 0n, period: 2n, length: 1n },
        [0n, 0n, 0n],
        [0n, 1n, 3n],
        [0n, 2n, 0n],
      ],
    ],
    accepted: [
      { base: 0n, inSeason: 0n, start: 0n, period: 2n, length: 1n },
      { base: MAX, inSeason: MAX, start: TIME, period: TIME, length: TIME - 1n },
    ],
    refused: [
      [
        { base: MAX + 1n, inSeason: 0n, start: 0n, period: 2n, length: 1n },
        "base",
        MAX + 1n,
        { maximum: MAX },
      ],
      [
        { base: 0n, inSeason: MAX + 1n, start: 0n, period: 2n, length: 1n },
        "inSeason",
        MAX + 1n,
        { maximum: MAX },
      ],
      [
        { base: 0n, inSeason: 0n, start: TIME + 1n, period: 2n, length: 1n },
        "start",
        TIME + 1n,
        { maximum: TIME },
      ],
      [{ base: 0n, inSeason: 0n, start: 0n, period: 1n, length: 1n }, "period", 1n, { minimum: 2n }],
      [{ base: 0n, inSeason: 0n, start: 0n, period: 0n, length: 0n }, "period", 0n, { minimum: 2n }],
      [
        { base: 0n, inSeason: 0n, start: 0n, period: TIME + 1n, length: 1n },
        "period",
        TIME + 1n,
        { maximum: TIME },
      ],
      [{ base: 0n, inSeason: 0n, start: 0n, period: 9n, length: 0n }, "length", 0n, { minimum: 1n }],
      [{ base: 0n, inSeason: 0n, start: 0n, period: 9n, length: 9n }, "length", 9n, { maximum: 8n }],
    ],
  },
  quota: {
    prices: [
      // 100 × 10 / (10 − i)
      [
        { base: 100n, quota: 10n, max: 900n },
        [0n, 0n, 100n],
        [1n, 0n, 112n],
        [5n, TIME, 200n],
        [8n, 0n, 500n],
        [9n, 0n, 900n],
        [10n, 0n, 900n],
        [KEYS, 0n, 900n],
      ],
      [{ base: MAX, quota: KEYS, max: MAX }, [0n, 0n, MAX], [KEYS - 1n, 0n, MAX]],
      [{ base: 1n, quota: KEYS, max: MAX }, [KEYS - 1n, 0n, KEYS], [KEYS, 0n, MAX]],
    ],
    accepted: [
      { base: 1n, quota: 1n, max: 1n },
      { base: MAX, quota: KEYS, max: MAX },
    ],
    refused: [
      [{ base: 1n, quota: 1n, max: MAX + 1n }, "max", MAX + 1n, { maximum: MAX }],
      [{ base: 2n, quota: 1n, max: 1n }, "base", 2n, { maximum: 1n }],
      [{ base: 0n, quota: 1n, max: 1n }, "base", 0n, { minimum: 1n }],
      [{ base: 1n, quota: 0n, max: 1n }, "quota", 0n, { minimum: 1n }],
      [{ base: 1n, quota: KEYS + 1n, max: 1n }, "quota", KEYS + 1n, { maximum: KEYS }],
    ],
  },
};

describe("price curves", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMoa);
  });
  /** The contract of a kind; all have the same functions and errors. */
  const contractOf = (type: keyof Moa["curves"]) =>
    getContract({ address: moa.curves[type], abi: exponentialPriceAbi, client: client.public });

  for (const type of formulaTypes) {
    const { encode } = formulas[type] as unknown as { encode(params: object): Hex };
    const { prices, accepted, refused } = samples[type];

    describe(formulas[type].contract, () => {
      it("costs what its formula says", async () => {
        for (const [params, ...rows] of prices) {
          for (const [sold, time, price] of rows as [bigint, bigint, bigint][]) {
            const cost = await contractOf(type).read.cost([sold, 1n, time, encode(params)]);
            expect(cost, `${show(params)} at ${sold}, ${time}`).to.equal(price);
          }
        }
      });

      it("takes parameters at their bounds", async () => {
        for (const params of accepted) await contractOf(type).read.validate([encode(params)]);
      });

      it("refuses each parameter beyond its bounds, with the value and the bound", async () => {
        for (const [params, name, value, bound] of refused) {
          const [error, limit] =
            "maximum" in bound
              ? (["CurveParamTooLarge", bound.maximum] as const)
              : (["CurveParamTooSmall", bound.minimum] as const);
          await reverts(contractOf(type).read.validate([encode(params)]), contractOf(type), error, [
            name,
            value,
            limit,
          ]);
        }
      });

      it("refuses parameters of another length, with both", async () => {
        const good = encode(accepted[0] as object);
        const size = BigInt(good.length / 2 - 1);
        for (const params of ["0x", `${good}00`, good.slice(0, -2), `${good}${"00".repeat(32)}`] as Hex[]) {
          const lengths = [BigInt(params.length / 2 - 1), size];
          await reverts(
            contractOf(type).read.validate([params]),
            contractOf(type),
            "CurveParamsLength",
            lengths,
          );
        }
      });
    });
  }

  for (const type of curveTypes) {
    const encoded: Hex =
      type === "custom_piecewise"
        ? curves.custom_piecewise.encode({
            min: 0n,
            max: MAX,
            pieces: formulaTypes.map((formula, i) => ({
              from: 2n * BigInt(i),
              formula,
              params: (samples[formula].prices[0] as [never])[0],
            })),
          })
        : (formulas[type] as unknown as { encode(params: object): Hex }).encode(
            (samples[type].prices[0] as [object])[0],
          );

    it(`T7 ${type}: a purchase at once costs what its keys cost singly, and none cost nothing`, async () => {
      const { read } = contractOf(type);
      const time = 1_050_000n;
      expect(await read.cost([3n, 0n, time, encoded])).to.equal(0n);
      let sum = 0n;
      for (let sold = 0n; sold < 15n; sold++) {
        sum += await read.cost([sold, 1n, time, encoded]);
        expect(await read.cost([0n, sold + 1n, time, encoded]), `the first ${sold + 1n}`).to.equal(sum);
      }
    });

    it(`${type}: prices up to 256 keys at once`, async () => {
      const contract = contractOf(type);
      await contract.read.cost([KEYS, 256n, TIME, encoded]);
      const many = contract.read.cost([0n, 257n, 0n, encoded]);
      await reverts(many, contract, "CurveCountTooLarge", [257n, 256n]);
    });
  }

  it("T7 linear agrees with its twin across the maximum, up to the bounds", async () => {
    const cost = ({ sold, count, time }: CostInput, params: CurveParams<"linear">) =>
      moa.linear.read.cost([sold, count, time, curves.linear.encode(params)]);
    const shapes: CurveParams<"linear">[] = [
      SLOPE,
      { base: 1n, slope: 4n, max: 10n },
      { base: 0n, slope: 1n, max: MAX },
      { base: 0n, slope: MAX, max: MAX },
      { base: MAX - 1n, slope: 1n, max: MAX },
    ];
    for (const params of shapes) {
      for (const sold of [0n, 1n, 3n, 4n, 5n, 2n ** 31n, KEYS - 7n]) {
        for (const count of [0n, 2n, 7n, 256n]) {
          const input = { sold, count, time: 0n };
          expect(await cost(input, params)).to.equal(curves.linear.cost(input, params));
        }
      }
    }
  });

  it("the twins write the ABI words that the contracts read", () => {
    expect(curves.linear.encode({ base: 1n, slope: 2n, max: 3n })).to.equal(
      `0x${[1n, 2n, 3n].map((value) => toHex(value, { size: 32 }).slice(2)).join("")}`,
    );
  });
});
