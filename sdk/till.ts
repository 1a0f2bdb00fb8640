/**
 * Which address pays for a quote: the twin of `Tills.quoteHashOf` and `Tills.tillOf`. A buyer computes it alone, from nothing but the
 * chain id and the address of `Tills`, and so cannot be made to pay anywhere else.
 */
import { type Address, concat, getContractAddress, type Hash, hashTypedData, keccak256 } from "viem";

/** The struct `ITills.Quote`. Times are Unix seconds, amounts the token's smallest units. */
export type Quote = {
  ekId: bigint;
  version: number;
  /** Who gets the key, or the money back. */
  buyer: Address;
  token: Address;
  maxPrice: bigint;
  deadline: bigint;
  salt: Hash;
};

const quoteTypes = {
  Quote: [
    { name: "ekId", type: "uint256" },
    { name: "version", type: "uint32" },
    { name: "buyer", type: "address" },
    { name: "token", type: "address" },
    { name: "maxPrice", type: "uint256" },
    { name: "deadline", type: "uint256" },
    { name: "salt", type: "bytes32" },
  ],
} as const;

type At = { chainId: number; tills: Address };

/** The quote's identity: its EIP-712 hash, which names chain and contract. */
export function quoteHash({ chainId, tills }: At, quote: Quote): Hash {
  return hashTypedData({
    domain: { name: "MOA Tills", version: "1", chainId, verifyingContract: tills },
    types: quoteTypes,
    primaryType: "Quote",
    message: quote,
  });
}

/**
 * The till of a quote: the ERC-1167 clone that `Tills` makes by CREATE2 with the quote's hash as salt. What it clones is the first
 * contract that `Tills` ever created, in its constructor.
 *
 * @example
 * tillAddress({ chainId: 31337, tills }, quote); // "0x…", equal to Tills.tillOf(quote)
 */
export function tillAddress(at: At, quote: Quote): Address {
  const implementation = getContractAddress({ from: at.tills, nonce: 1n });
  const initCode = concat([
    "0x3d602d80600a3d3981f3363d3d373d3d3d363d73",
    implementation,
    "0x5af43d82803e903d91602b57fd5bf3",
  ]);
  return getContractAddress({
    opcode: "CREATE2",
    from: at.tills,
    salt: quoteHash(at, quote),
    bytecodeHash: keccak256(initCode),
  });
}
