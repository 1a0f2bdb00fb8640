/**
 * What is proved. Each proof cuts the lines in question out of the contract itself and sets them between assumptions (`require`) and
 * claims (`assert`); that nothing overflows, underflows or divides by zero is claimed by itself.
 */
export type Proof = {
  name: string;
  /** In words, for docs/PROOFS.md. */
  claims: readonly string[];
  /** The lines that are about to be proved: from the first text to the end of the second. */
  cuts: Record<string, { file: string; from: string; to: string }>;
  /** Body of a contract; `$name` stands for a cut. */
  harness: string;
};

const LINEAR = "contracts/curves/LinearPrice.sol";
const POINTS = "contracts/PointsLedger.sol";

export const proofs: readonly Proof[] = [
  {
    name: "linear curve: nothing overflows, and a batch costs between count × base and count × max",
    claims: [
      "for base ≤ max < 2^96, slope < 2^96, sold < 2^32, count ≤ 256: no operation of `cost` overflows, underflows or divides by zero",
      "`_below` is at most `count`, and keys that it counts are below the end",
    ],
    cuts: {
      body: { file: LINEAR, from: "uint256 rising = ", to: "return series + (count - rising) * max;" },
      below: { file: LINEAR, from: "if (sold >= end) return 0;", to: "count : end - sold;" },
    },
    harness: `
      function cost(uint256 sold, uint256 count, uint256 base, uint256 slope, uint256 max) public pure returns (uint256) {
        require(base <= max && max < 2 ** 96 && slope < 2 ** 96 && sold < 2 ** 32 && count <= 256);
        $body
      }
      function below(uint256 sold, uint256 count, uint256 end) public pure {
        require(sold < 2 ** 32 && count <= 256);
        uint256 n = _below(sold, count, end);
        assert(n <= count);
        assert(n == 0 || sold + n <= end);
        assert(n == count || sold + n >= end);
      }
      function bounds(uint256 sold, uint256 count, uint256 base, uint256 slope, uint256 max) public pure {
        require(base <= max && max < 2 ** 96 && slope < 2 ** 96 && sold < 2 ** 32 && count <= 256);
        uint256 total = cost(sold, count, base, slope, max);
        assert(total >= count * base);
        assert(total <= count * max);
      }
      function _below(uint256 sold, uint256 count, uint256 end) private pure returns (uint256) {
        // Asked on its own, too; both who call it keep within this.
        require(sold < 2 ** 32 && count <= 256);
        $below
      }`,
  },
  {
    name: "split: a royalty is rounded down, never above its rate",
    claims: ["part × 10,000 ≤ amount × rate < (part + 1) × 10,000 for amounts below 2^96"],
    cuts: {
      part: { file: "contracts/Exchange.sol", from: "uint256 part = (amount * royalty.bps) / BPS;", to: ";" },
    },
    harness: `
      uint256 private constant BPS = 10_000;
      struct Royalty { uint256 bps; }
      function share(uint256 amount, Royalty memory royalty) public pure {
        require(amount < 2 ** 96 && royalty.bps <= BPS);
        $part
        assert(part * BPS <= amount * royalty.bps);
        assert((part + 1) * BPS > amount * royalty.bps);
      }`,
  },
  {
    name: "split: fee, bounty and referral leave the seller its part",
    claims: [
      "with a fee of at most 5 % and other shares of at most 50 % together, what is left never underflows and is at least 45 % of the amount",
    ],
    cuts: {
      fee: { file: "contracts/Exchange.sol", from: "(amount * feeBps_) / BPS", to: "BPS" },
      bounty: { file: "contracts/Exchange.sol", from: "(amount * terms.bountyBps) / BPS", to: "BPS" },
      referral: { file: "contracts/Exchange.sol", from: "(amount * terms.referralBps) / BPS", to: "BPS" },
    },
    harness: `
      uint256 private constant BPS = 10_000;
      struct Terms { uint256 bountyBps; uint256 referralBps; }
      function split(uint256 amount, uint256 feeBps_, Terms memory terms) public pure {
        require(amount < 2 ** 96 && feeBps_ <= 500 && terms.bountyBps <= 5000 && terms.referralBps <= 5000);
        require(terms.bountyBps + terms.referralBps <= 5000);
        uint256 left = amount;
        left -= $fee;
        left -= $bounty;
        left -= $referral;
        assert(left * 100 >= amount * 45);
      }`,
  },
  {
    name: "points: a credit stays below the day's cap and wraps nothing",
    claims: [
      "delta ≤ wanted, earned + delta ≤ cap, and the three sums keep within their fields",
      "without a wrap, though the code is unchecked",
    ],
    cuts: {
      delta: { file: POINTS, from: "delta = wanted < cap - earned ? wanted : cap - earned;", to: ";" },
    },
    harness: `
      function credit(uint256 wanted, uint256 cap, uint256 earned, uint256 balance) public pure {
        require(cap < 2 ** 20 && earned < cap && wanted < 2 ** 32 && balance < 2 ** 95);
        uint256 delta;
        unchecked { $delta }
        assert(delta <= wanted);
        assert(earned + delta <= cap);
        assert(balance + delta < 2 ** 96);
        assert(delta == wanted || earned + delta == cap);
      }`,
  },
  {
    name: "quota curve: no division by zero, no overflow before the minimum is taken",
    claims: ["base × quota < 2^128 and quota − sold > 0 wherever they are used"],
    cuts: {
      guard: { file: "contracts/curves/QuotaPrice.sol", from: "if (sold >= quota) return max;", to: ";" },
      product: { file: "contracts/curves/QuotaPrice.sol", from: "base * quota, quota - sold", to: "sold" },
    },
    harness: `
      function price(uint256 sold, uint256 base, uint256 quota, uint256 max) public pure returns (uint256) {
        require(base <= max && max < 2 ** 96 && quota >= 1 && quota < 2 ** 32 && sold < 2 ** 32);
        $guard
        (uint256 x, uint256 d) = ($product);
        assert(d > 0 && x < 2 ** 128);
        return x / d;
      }`,
  },
  {
    name: "seasonal curve: no underflow and no division by zero",
    claims: ["time − start and the remainder by the period are always defined"],
    cuts: {
      price: {
        file: "contracts/curves/SeasonalPrice.sol",
        from: "return time >= start && (time - start) % period < length ? inSeason : base;",
        to: ";",
      },
    },
    harness: `
      function price(uint256 time, uint256 base, uint256 inSeason, uint256 start, uint256 period, uint256 length)
        public pure returns (uint256)
      {
        require(period >= 2 && period < 2 ** 40 && length >= 1 && length < period && start < 2 ** 40);
        $price
      }`,
  },
];
