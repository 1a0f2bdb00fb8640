/**
 * The ids that travel on the wire. Each names its chain, so that several chains can be served as one market:
 * `ek_31337_12`, `lst_31337_12_v2`, `agt_31337_7`, `key_31337_12_7_0`, `ord_31337_12_7_0`, `lbl_31337_12_9`.
 *
 * @example
 * ekId.parse("ek_31337_12"); // { chainId: 31337, ekId: 12n }
 * ekId.serialize({ chainId: 31337, ekId: 12n }); // "ek_31337_12"
 */
import { InvalidIdError } from "./errors.ts";

/** A listing, on whatever version. */
export type EkRef = { chainId: number; ekId: bigint };
/** One version of a listing. */
export type ListingRef = EkRef & { version: number };
/** An agent. */
export type AgentRef = { chainId: number; agentId: bigint };
/** A key, and the order that it came from: both have the same on-chain number. */
export type KeyRef = EkRef & { firstBuyer: bigint; n: bigint };
/** A validator's label of a listing. */
export type LabelRef = EkRef & { validatorId: bigint };

/** Decimal without sign or leading zeros. */
const NUMBER = "(0|[1-9][0-9]{0,19})";

/** One number of an id, as wide as on chain: a larger one would be read as another's. */
type Part = { mark: string; max: bigint };
const chain: Part = { mark: "", max: BigInt(Number.MAX_SAFE_INTEGER) };
const uint64: Part = { mark: "", max: 2n ** 64n - 1n };
const uint32: Part = { mark: "", max: 2n ** 32n - 1n };

function codec<T>(
  prefix: string,
  parts: readonly Part[],
  read: (n: readonly bigint[]) => T,
  write: (ref: T) => readonly (bigint | number)[],
) {
  const pattern = new RegExp(`^${prefix}${parts.map(({ mark }) => `_${mark}${NUMBER}`).join("")}$`);
  return {
    /** The pattern of a well-formed id, for schemas. */
    pattern,
    /** Reads an id; throws {@link InvalidIdError} for anything else. */
    parse(id: string): T {
      const numbers = pattern.exec(id)?.slice(1).map(BigInt);
      if (!numbers?.every((n, i) => n <= (parts[i] as Part).max)) {
        throw new InvalidIdError({ id, expected: example(prefix, parts) });
      }
      return read(numbers);
    },
    /** Writes an id. */
    serialize(ref: T): string {
      return `${prefix}${write(ref)
        .map((n, i) => `_${parts[i]?.mark}${n}`)
        .join("")}`;
    },
  };
}

function example(prefix: string, parts: readonly Part[]): string {
  return `${prefix}${parts.map(({ mark }, i) => `_${mark}${i === 0 ? 31337 : 1}`).join("")}`;
}

const at = (n: readonly bigint[], i: number): bigint => n[i] as bigint;

/** `ek_<chain>_<listing>` */
export const ekId = codec<EkRef>(
  "ek",
  [chain, uint64],
  (n) => ({ chainId: Number(at(n, 0)), ekId: at(n, 1) }),
  (r) => [r.chainId, r.ekId],
);

/** `lst_<chain>_<listing>_v<version>` */
export const listingId = codec<ListingRef>(
  "lst",
  [chain, uint64, { ...uint32, mark: "v" }],
  (n) => ({ chainId: Number(at(n, 0)), ekId: at(n, 1), version: Number(at(n, 2)) }),
  (r) => [r.chainId, r.ekId, r.version],
);

/** `agt_<chain>_<agent>` */
export const agentId = codec<AgentRef>(
  "agt",
  [chain, uint64],
  (n) => ({ chainId: Number(at(n, 0)), agentId: at(n, 1) }),
  (r) => [r.chainId, r.agentId],
);

const keyParts = (n: readonly bigint[]): KeyRef => ({
  chainId: Number(at(n, 0)),
  ekId: at(n, 1),
  firstBuyer: at(n, 2),
  n: at(n, 3),
});

/** `key_<chain>_<listing>_<first buyer>_<n>` */
export const keyId = codec<KeyRef>("key", [chain, uint64, uint64, uint32], keyParts, (r) => [
  r.chainId,
  r.ekId,
  r.firstBuyer,
  r.n,
]);

/** `ord_<chain>_<listing>_<first buyer>_<n>` */
export const orderId = codec<KeyRef>("ord", [chain, uint64, uint64, uint32], keyParts, (r) => [
  r.chainId,
  r.ekId,
  r.firstBuyer,
  r.n,
]);

/** `lbl_<chain>_<listing>_<validator>` */
export const labelId = codec<LabelRef>(
  "lbl",
  [chain, uint64, uint64],
  (n) => ({ chainId: Number(at(n, 0)), ekId: at(n, 1), validatorId: at(n, 2) }),
  (r) => [r.chainId, r.ekId, r.validatorId],
);

/** The parts of a key's ERC-721 token id: `ekId << 96 | firstBuyer << 32 | n`. */
export function splitTokenId(tokenId: bigint): { ekId: bigint; firstBuyer: bigint; n: bigint } {
  return {
    ekId: tokenId >> 96n,
    firstBuyer: (tokenId >> 32n) & 0xffffffffffffffffn,
    n: tokenId & 0xffffffffn,
  };
}

/** The ERC-721 token id of a key: the inverse of {@link splitTokenId}. Throws RangeError for a part beyond its field. */
export function joinTokenId({
  ekId,
  firstBuyer,
  n,
}: {
  ekId: bigint;
  firstBuyer: bigint;
  n: bigint;
}): bigint {
  const fits = (value: bigint, { max }: Part) => value >= 0n && value <= max;
  if (!fits(ekId, uint64) || !fits(firstBuyer, uint64) || !fits(n, uint32)) {
    throw new RangeError(`No key has the parts ${ekId}, ${firstBuyer}, ${n}.`);
  }
  return (ekId << 96n) | (firstBuyer << 32n) | n;
}
