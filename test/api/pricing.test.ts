/*
 * A pricing policy as curve parameters
 * ├── each curve_type      with all its fields, and with the ones that may be left out
 * ├── a field that is missing, unreadable, unknown or out of bounds   a fault with its JSON pointer, all of them at once
 * └── custom_piecewise     the same at /breakpoints/n, order and ends of the breakpoints, default bounds
 */
import { expect } from "chai";
import type { Fault } from "../../api/http/validation.ts";
import { encodeCurve } from "../../api/pricing/encode.ts";
import { type CurveType, curves } from "../../sdk/curves.ts";
import { pricingPolicySchema } from "../../sdk/wire/pricing.ts";

const token = { address: "0x00", symbol: "tUSDC", name: "Test", version: "1", decimals: 6 } as const;

type Policy = Record<string, unknown> & { curve_type: CurveType };

/** What the policy comes to: the curve's parameters, or the pointers and messages of its faults. */
function read(policy: Policy): { params: unknown } | { faults: string[] } {
  const faults: Fault[] = [];
  const encoded = encodeCurve(pricingPolicySchema.parse(policy), token, faults);
  if (encoded === undefined) {
    return {
      faults: faults.map(({ pointer, message }) => `${pointer.replace("/pricing_policy/", "")} ${message}`),
    };
  }
  expect(faults).to.deep.equal([]);
  return { params: curves[policy.curve_type].decode(encoded) };
}

const params = (policy: Policy) => {
  const result = read(policy);
  if ("faults" in result) throw new Error(result.faults.join("; "));
  return result.params;
};
const faults = (policy: Policy) => {
  const result = read(policy);
  if ("params" in result) throw new Error("The policy was taken.");
  return result.faults;
};

const START = "2030-01-01T00:00:00Z";
const START_SECONDS = 1_893_456_000n;

describe("api: pricing policies", () => {
  it("reads every kind of curve", () => {
    const read: [Policy, unknown][] = [
      [{ curve_type: "fixed", base_price: "0.25" }, { price: 250_000n }],
      [
        { curve_type: "linear", base_price: 1, params: { slope: "0.000001" }, max_price: 2 },
        { base: 1_000_000n, slope: 1n, max: 2_000_000n },
      ],
      [
        { curve_type: "exp", base_price: 1, params: { k: 0.05 }, max_price: 9 },
        { base: 1_000_000n, k: 5n * 10n ** 16n, max: 9_000_000n },
      ],
      [
        { curve_type: "logistic", min_price: 1, max_price: 9, params: { k: "0.1", mid: 50 } },
        { min: 1_000_000n, max: 9_000_000n, k: 10n ** 17n, mid: 50n },
      ],
      [
        { curve_type: "time_decay", base_price: 5, min_price: 1, params: { k: 1e-18, start: START } },
        { base: 5_000_000n, k: 1n, min: 1_000_000n, start: START_SECONDS },
      ],
      [
        {
          curve_type: "seasonal",
          base_price: 5,
          params: { in_season_price: 2, start: START, period_seconds: 604_800, season_seconds: "172800" },
        },
        { base: 5_000_000n, inSeason: 2_000_000n, start: START_SECONDS, period: 604_800n, length: 172_800n },
      ],
      [
        { curve_type: "quota", base_price: 1, max_price: 50, params: { quota: 100 } },
        { base: 1_000_000n, quota: 100n, max: 50_000_000n },
      ],
    ];
    for (const [policy, expected] of read) expect(params(policy), policy.curve_type).to.deep.equal(expected);
  });

  it("fills in what may be left out", () => {
    const linear = { curve_type: "linear", base_price: 1, params: { slope: 1 }, supply_cap: 10 } as const;
    expect(params(linear)).to.include({ max: 10_000_000n });
    const logistic = { curve_type: "logistic", max_price: 9, params: { k: 1, mid: 0 } } as const;
    expect(params(logistic)).to.include({ min: 0n });
    const decay = { curve_type: "time_decay", base_price: 1, params: { k: 1 } } as const;
    const { start, min } = params(decay) as { start: bigint; min: bigint };
    expect(min).to.equal(0n);
    expect(Number(start)).to.be.closeTo(Date.now() / 1000, 5);
    expect(params({ ...decay, start_time: START })).to.include({ start: START_SECONDS });
    const quota = { curve_type: "quota", base_price: 1, max_price: 2, supply_cap: 7 } as const;
    expect(params(quota)).to.include({ quota: 7n });
    const among = { curve_type: "exp", base_price: 1, params: { k: 0, max_price: 3 } } as const;
    expect(params(among)).to.include({ max: 3_000_000n });
  });

  it("names every field that is missing", () => {
    const missing: Record<Exclude<CurveType, "custom_piecewise">, string[]> = {
      fixed: ["base_price"],
      linear: ["base_price", "params/slope", "max_price"],
      exp: ["base_price", "params/k", "max_price"],
      logistic: ["max_price", "params/k", "params/mid"],
      time_decay: ["base_price", "params/k"],
      seasonal: [
        "base_price",
        "params/in_season_price",
        "params/start",
        "params/period_seconds",
        "params/season_seconds",
      ],
      quota: ["base_price", "params/quota", "max_price"],
    };
    for (const [type, fields] of Object.entries(missing)) {
      const found = faults({ curve_type: type as CurveType });
      expect(
        found.map((fault) => fault.split(" is missing")[0]),
        type,
      ).to.deep.equal(fields);
    }
    expect(faults({ curve_type: "custom_piecewise" })).to.deep.equal([
      "breakpoints is missing: which formula holds from where on",
    ]);
  });

  it("names what it can't read", () => {
    const exp = { curve_type: "exp", base_price: 1, max_price: 2, params: { k: 1 } } as const;
    const unreadable: [Policy, string][] = [
      [{ ...exp, base_price: 0.0000001 }, "base_price 1e-7 has more than the 6 decimals of tUSDC"],
      [
        { ...exp, params: { k: "0.0000000000000000001" } },
        "params/k 0.0000000000000000001 has more than the 18 decimals of a rate",
      ],
      [{ ...exp, params: { k: START } }, `params/k "${START}" is no number`],
      [{ ...exp, params: { k: 1, max_price: 3 } }, "params/max_price differs from max_price"],
      [
        { curve_type: "logistic", max_price: 1, params: { k: 1, mid: 1.5 } },
        "params/mid 1.5 is no whole number",
      ],
      [
        { curve_type: "time_decay", base_price: 1, params: { k: 1, start: 5 } },
        "params/start 5 is no timestamp like 2030-01-31T00:00:00Z",
      ],
      [
        { curve_type: "time_decay", base_price: 1, params: { k: 1, start: "1969-12-31T00:00:00Z" } },
        "params/start 1969-12-31T00:00:00Z is before 1970",
      ],
    ];
    for (const [policy, fault] of unreadable) expect(faults(policy)).to.deep.equal([fault]);
  });

  it("leaves nothing out in silence", () => {
    const fixed = { curve_type: "fixed", base_price: 2 } as const;
    const logistic = { curve_type: "logistic", max_price: 9, params: { k: 1, mid: 0 } } as const;
    const refused: [Policy, string][] = [
      [{ ...fixed, params: { slope: 1 } }, "params/slope is no parameter of this curve"],
      [{ ...logistic, base_price: 1 }, "base_price means nothing to this curve"],
      [{ ...fixed, min_price: 3 }, "min_price is above the least that a key costs"],
      [{ ...fixed, max_price: 1 }, "max_price is below the most that a key costs"],
      [
        { ...fixed, breakpoints: [{ sold_min: 0, formula: "fixed", base_price: 1 }] },
        "breakpoints belongs to custom_piecewise",
      ],
    ];
    for (const [policy, fault] of refused) expect(faults(policy)).to.deep.equal([fault]);
    expect(params({ ...fixed, min_price: 2, max_price: 2 })).to.deep.equal({ price: 2_000_000n });
  });

  it("says which field is out of bounds, and the bound", () => {
    const most = 2n ** 96n - 1n;
    const refused: [Policy, string][] = [
      [
        { curve_type: "fixed", base_price: "79228162514264337593543.950336" },
        `base_price price is ${most + 1n}; it must be at most ${most}.`,
      ],
      [
        { curve_type: "exp", base_price: 3, max_price: 2, params: { k: 1 } },
        "base_price base is 3000000; it must be at most 2000000.",
      ],
      [
        { curve_type: "exp", base_price: 1, max_price: 2, params: { k: 67.1 } },
        "params/k k is 67100000000000000000; it must be at most 67000000000000000000.",
      ],
      [
        {
          curve_type: "seasonal",
          base_price: 1,
          params: { in_season_price: 2, start: START, period_seconds: 10, season_seconds: 10 },
        },
        "params/season_seconds length is 10; it must be at most 9.",
      ],
    ];
    for (const [policy, fault] of refused) expect(faults(policy)).to.deep.equal([fault]);
  });

  describe("custom_piecewise", () => {
    const free = { sold_min: 0, formula: "fixed", base_price: 0 };
    const exp = { sold_min: 10, formula: "exp", base_price: 1, max_price: 5, params: { k: 0.1 } };
    const policy = (breakpoints: object[], rest: object = {}): Policy => ({
      curve_type: "custom_piecewise",
      breakpoints,
      ...rest,
    });

    it("reads its breakpoints, kept within all that they can cost unless told otherwise", () => {
      const pieces = [
        { from: 0n, formula: "fixed", params: { price: 0n } },
        { from: 10n, formula: "exp", params: { base: 1_000_000n, k: 10n ** 17n, max: 5_000_000n } },
      ];
      expect(params(policy([free, exp]))).to.deep.equal({ min: 0n, max: 5_000_000n, pieces });
      const ends = [
        { ...free, sold_max: 9 },
        { ...exp, sold_max: 99 },
      ];
      expect(params(policy(ends, { min_price: 0.5, max_price: 4, supply_cap: 100 }))).to.deep.equal({
        min: 500_000n,
        max: 4_000_000n,
        pieces,
      });
    });

    it("names each fault at its breakpoint", () => {
      const refused: [Policy, string[]][] = [
        [
          policy([
            { ...free, params: { k: 1 } },
            { ...exp, params: {} },
          ]),
          [
            "breakpoints/0/params/k is no parameter of this curve",
            "breakpoints/1/params/k is missing: each sale multiplies the price by e^k",
          ],
        ],
        [policy([{ ...free, sold_min: 1 }]), ["breakpoints/0/sold_min from is 1; it must be at most 0."]],
        [
          policy([free, { ...exp, sold_min: 0 }]),
          ["breakpoints/1/sold_min from is 0; it must be at least 1."],
        ],
        [policy([{ ...free, sold_max: 8 }, exp]), ["breakpoints/0/sold_max must be 9"]],
        [
          policy([free, { ...exp, sold_max: 20 }]),
          ["breakpoints/1/sold_max has no end: there is no supply_cap"],
        ],
        [
          policy([free], { min_price: 2, max_price: 1 }),
          ["min_price min is 2000000; it must be at most 1000000."],
        ],
        [policy([free], { base_price: 1 }), ["base_price means nothing to this curve"]],
        [policy([free], { params: { k: 1 } }), ["params/k is no parameter of this curve"]],
        [policy([free], { min_price: 0.0000001 }), ["min_price 1e-7 has more than the 6 decimals of tUSDC"]],
        [
          policy([free, { ...exp, base_price: 6 }]),
          ["breakpoints/1/base_price base is 6000000; it must be at most 5000000."],
        ],
      ];
      for (const [given, expected] of refused) expect(faults(given)).to.deep.equal(expected);
    });
  });
});
