/**
 * Curves: each TypeScript twin against its contract, through the bytecode, to the last unit, over 10,000 fuzzed cases.
 * Where the contract's `validate` refuses parameters, so does the twin's, with the same error and values, and the other way round.
 */
import { expect } from "chai";
import fc from "fast-check";
import { type Hex, toHex } from "viem";
import { type CostInput, type Curve, curves, curveTypes, quoteCurve } from "../../sdk/curves.ts";
import { ExchangeError } from "../../sdk/errors.ts";
import { createProbe, detailsOf } from "./support/curve-probe.ts";
import { any, inputs, valid } from "./support/curve-samples.ts";

const CASES = 10_000;
const SEED = 0x6d6f61;

const sample = <T>(arbitrary: fc.Arbitrary<T>, numRuns: number) =>
  fc.sample(arbitrary, { numRuns, seed: SEED });
const show = (value: unknown) => JSON.stringify(value, (_, v) => (typeof v === "bigint" ? String(v) : v));

/** What the twin's refusal says; undefined when it takes the parameters. */
function refusalOf(validate: () => void): ExchangeError | undefined {
  try {
    validate();
    return undefined;
  } catch (error) {
    expect(error).to.be.instanceOf(ExchangeError).with.property("code", "LISTING_INVALID");
    return error as ExchangeError;
  }
}

let probe: Awaited<ReturnType<typeof createProbe>>;
before(async () => {
  probe = await createProbe();
});

for (const type of curveTypes) {
  const curve = curves[type] as Curve<unknown>;
  const good = valid[type] as fc.Arbitrary<unknown>;
  const some = any[type] as fc.Arbitrary<unknown>;

  describe(`curve ${type}`, () => {
    it(`invariant 12 costs what the contract says, in ${CASES} cases`, async function () {
      this.timeout(120_000);
      const cases = sample(fc.tuple(inputs, good), CASES).map(([input, params]) => ({
        ...input,
        params: curve.encode(params),
      }));
      const answers = await probe(type, cases);
      cases.forEach(({ params, ...input }, i) => {
        const { accepted, priced, cost } = answers[i] ?? {};
        if (!accepted || !priced) throw new Error(`The contract reverts: ${show({ input, params })}`);
        const twin = quoteCurve(type, params, input);
        if (twin !== cost) throw new Error(`${twin}, the contract says ${cost}: ${show({ input, params })}`);
      });
    });

    it("refuses the parameters that the contract refuses, for the same reason, and no others", async () => {
      const cases = sample(some, 2_000);
      const answers = await probe(
        type,
        cases.map((params) => ({ sold: 0n, count: 1n, time: 0n, params: curve.encode(params) })),
      );
      let refused = 0;
      cases.forEach((params, i) => {
        const refusal = refusalOf(() => curve.validate(params));
        const answer = answers[i];
        if (!answer || (refusal === undefined) !== answer.accepted) {
          throw new Error(`They differ on ${show(params)}: ${refusal?.message ?? "the twin takes it"}`);
        }
        if (!refusal) return;
        refused++;
        expect(refusal.details, show(params)).to.deep.equal(detailsOf(answer.refusal));
      });
      expect(refused).to.be.within(100, cases.length - 100);
    });

    it("T7 takes the bytes that the contract takes, and no others; what both take has a cost", async () => {
      const nearlyGood = fc
        .tuple(good, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.nat({ max: 5 }))
        .map(([params, at, value, kind]): Hex => {
          const bytes = Buffer.from(curve.encode(params).slice(2), "hex");
          bytes[at % bytes.length] = value;
          if (kind === 0) return toHex(bytes.subarray(0, at % bytes.length));
          return toHex(kind === 1 ? Buffer.concat([bytes, Buffer.alloc(1 + (at % 40))]) : bytes);
        });
      const random = fc.uint8Array({ maxLength: 200 }).map((bytes) => toHex(bytes));
      const cases = sample(fc.oneof({ weight: 4, arbitrary: nearlyGood }, random), 2_000);
      const last = (i: number): CostInput => ({
        sold: 2n ** 32n - 1n,
        count: i % 50 === 0 ? 256n : 2n,
        time: 2n ** 40n - 1n,
      });
      const answers = await probe(
        type,
        cases.map((params, i) => ({ ...last(i), params })),
      );
      let taken = 0;
      cases.forEach((params, i) => {
        const { accepted, priced, cost } = answers[i] ?? {};
        const refusal = refusalOf(() => curve.validate(curve.decode(params)));
        if ((refusal === undefined) !== accepted) throw new Error(`They differ on ${params}.`);
        if (!accepted) return;
        taken++;
        expect(priced, `${params} has no cost`).to.equal(true);
        expect(cost).to.equal(quoteCurve(type, params, last(i)));
        expect(curve.encode(curve.decode(params)), "one encoding").to.equal(params);
      });
      expect(taken).to.be.greaterThan(50);
    });

    it("reads the parameters that it wrote", () => {
      fc.assert(
        fc.property(good, (params) => {
          expect(curve.decode(curve.encode(params))).to.deep.equal(params);
        }),
        { seed: SEED },
      );
    });

    it("invariant 12 stays within its bounds, and below 2^96", () => {
      fc.assert(
        fc.property(inputs, good, (input, params) => {
          const { min, max } = curve.bounds(params);
          const cost = curve.cost(input, params);
          expect(cost >= min * input.count && cost <= max * input.count && max < 2n ** 96n).to.equal(true);
        }),
        { seed: SEED, numRuns: 500 },
      );
    });

    it("T7 makes no purchase cheaper by splitting it", () => {
      fc.assert(
        fc.property(inputs, fc.nat(), good, (input, at, params) => {
          const first = input.count === 0n ? 0n : BigInt(at) % (input.count + 1n);
          const whole = curve.cost(input, params);
          const split =
            curve.cost({ ...input, count: first }, params) +
            curve.cost({ ...input, sold: input.sold + first, count: input.count - first }, params);
          expect(split >= whole).to.equal(true);
        }),
        { seed: SEED, numRuns: 500 },
      );
    });

    it("refuses more than 256 keys at once, as the contract does", async () => {
      const [params] = sample(good, 1);
      const input = { sold: 0n, count: 257n, time: 0n };
      const [answer] = await probe(type, [{ ...input, params: curve.encode(params) }]);
      expect(answer).to.include({ accepted: true, priced: false });
      expect(() => curve.cost(input, params))
        .to.throw(ExchangeError)
        .with.deep.property("details", { error: "CurveCountTooLarge", count: "257", maximum: "256" });
      expect(() => curve.cost({ ...input, count: -1n }, params)).to.throw(ExchangeError);
    });
  });
}
