/**
 * The factory that makes all the other contracts.
 *
 * Where the chain has the well-known CREATE2 deployer, the factory's address, and so every other, is the same on every chain. Where it
 * has not, the deployer creates the factory itself; a later run finds it among what the account has created.
 */
import {
  type Address,
  concat,
  getAddress,
  getContractAddress,
  getCreate2Address,
  type Hex,
  keccak256,
  type PublicClient,
  zeroHash,
} from "viem";
import { artifactOf, isCodeOf } from "./artifact.ts";
import { type Entry, saltOf } from "./plan.ts";
import type { Sender } from "./sender.ts";

/** https://github.com/Arachnid/deterministic-deployment-proxy: takes a salt and creation code, and does CREATE2. */
export const CREATE2_DEPLOYER: Address = "0x4e59b44847b379578588920cA78FbF26c0B4956C";

/** Creation code of Solady's CREATE3 proxy, which CREATE2 makes and which creates the contract as its first act. */
const PROXY_CODE: Hex = "0x67363d3d37363d34f03d5260086018f3";
/** How many of an account's creations are looked at in one go. */
const PAGE = 64;

const factoryArtifact = () => artifactOf("Create3Factory");

/** Finds the factory, or makes it. */
export async function ensureFactory(client: PublicClient, sender: Sender): Promise<Address> {
  const { bytecode } = factoryArtifact();
  if (await client.getCode({ address: CREATE2_DEPLOYER })) {
    const address = getCreate2Address({ from: CREATE2_DEPLOYER, salt: zeroHash, bytecode });
    if (!(await client.getCode({ address }))) {
      await sender.send("Creating the factory", {
        to: CREATE2_DEPLOYER,
        data: concat([zeroHash, bytecode]),
      });
    }
    return address;
  }
  const found = await findOwnFactory(client, sender.address);
  if (found) return found;
  const { contractAddress } = await sender.send("Creating the factory", { data: bytecode });
  if (!contractAddress) throw new Error("Creating the factory made no contract.");
  return getAddress(contractAddress);
}

/** The factory that this account has created itself, if it has. */
async function findOwnFactory(client: PublicClient, from: Address): Promise<Address | undefined> {
  const count = await client.getTransactionCount({ address: from });
  for (let start = 0; start < count; start += PAGE) {
    const addresses = Array.from({ length: Math.min(PAGE, count - start) }, (_, i) =>
      getContractAddress({ from, nonce: BigInt(start + i) }),
    );
    const codes = await Promise.all(addresses.map((address) => client.getCode({ address })));
    const index = codes.findIndex((code) => code && isCodeOf(factoryArtifact(), code));
    if (index >= 0) return addresses[index];
  }
  return undefined;
}

/** Where the factory makes this entry for this deployer. The same as `Create3Factory.addressOf`, without asking. */
export function addressOf(factory: Address, deployer: Address, entry: Entry): Address {
  const salt = keccak256(concat([`0x${deployer.slice(2).padStart(64, "0")}`, saltOf(entry)]));
  const proxy = getCreate2Address({ from: factory, salt, bytecode: PROXY_CODE });
  return getContractAddress({ from: proxy, nonce: 1n });
}
