import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { artifacts, network } from "hardhat";
import { type Address, createPublicClient, createWalletClient, type Hash, type Hex, http } from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { sellerByEoa } from "../../gateway/seller.ts";
import { agentRegistryAbi } from "../../sdk/abis/index.ts";
import { curveTypes } from "../../sdk/curves.ts";
import type { Deployment } from "../../sdk/deployment.ts";
import { startExchange } from "./support/exchange.ts";
import { raw, startProcess, temporary } from "./support/gateway.ts";
import { publish } from "./support/store.ts";

/*
a seller known by its EOA
├── is looked up on chain, and found once it has registered, without a restart
├── is remembered: the chain may go away afterwards, and the EOA may rotate
├── on another chain than the deployment's    is not found
└── unknown                                   tokens are answered 503, health says it
*/
const account = mnemonicToAccount("test test test test test test test test test test test junk", {
  addressIndex: 7,
});

describe("gateway: seller", function () {
  this.timeout(120_000);
  const dir = temporary();
  let rpcUrl: string;
  let deployment: Deployment;
  let register: () => Promise<void>;
  let closeChain: () => Promise<void>;

  before(async () => {
    const server = await network.createServer("node", "127.0.0.1", 0);
    const { port } = await server.listen();
    closeChain = () => server.close();
    rpcUrl = `http://127.0.0.1:${port}`;
    const reader = createPublicClient({ transport: http(rpcUrl), pollingInterval: 50 });
    const wallet = createWalletClient({ account, transport: http(rpcUrl) });
    const mined = (hash: Hash) => reader.waitForTransactionReceipt({ hash });
    const start = await reader.getBlock();
    const { bytecode } = await artifacts.readArtifact("AgentRegistry");
    const { contractAddress } = await mined(
      await wallet.deployContract({
        abi: agentRegistryAbi,
        bytecode: bytecode as Hex,
        args: [account.address, account.address],
        chain: null,
      }),
    );
    deployment = deploymentOf(contractAddress as Address, start.hash);
    register = async () => {
      const call = {
        address: contractAddress as Address,
        abi: agentRegistryAbi,
        functionName: "register",
        args: [],
      } as const;
      await mined(await wallet.writeContract({ ...call, chain: null }));
    };
  });
  after(async () => {
    await closeChain();
    dir.remove();
  });

  const reason = async (over: Partial<Deployment>) => {
    const seller = sellerByEoa({ eoa: account.address, rpcUrl, deployment: { ...deployment, ...over } });
    const error = await seller.id().then(
      () => expect.fail("it was found"),
      (failure) => failure,
    );
    expect(error.code).to.equal("SERVICE_UNAVAILABLE");
    return error.cause.message;
  };

  it("is not found on another chain than the deployment's", async () => {
    const other = "RPC_URL is another chain than the deployment's";
    expect(await reason({ startBlockHash: `0x${"11".repeat(32)}` })).to.equal(`${other}, 31337.`);
    expect(await reason({ chainId: 1 })).to.equal(`${other}, 1.`);
    expect(await reason({})).to.equal(`${account.address} is no agent yet.`);
  });

  it("is found once it has registered, without a restart, and remembered when the chain is gone", async () => {
    const exchange = await startExchange();
    const { hash } = publish(join(dir.path, "store"), { "a.txt": "hello" });
    const file = join(dir.path, "deployment.json");
    writeFileSync(file, JSON.stringify(deployment));
    const gateway = await startProcess({
      EXCHANGE_URL: `${exchange.url}/`,
      SELLER: account.address,
      RPC_URL: rpcUrl,
      DEPLOYMENT_FILE: file,
      STORE_DIR: join(dir.path, "store"),
      STATE_DIR: join(dir.path, "state"),
    });
    try {
      const token = await exchange.token({ manifest_hash: hash });
      const status = async () => (await raw(gateway, "/exp/ek_31337_1/items/a.txt", { token })).status;
      const health = async () => JSON.parse((await raw(gateway, "/health")).body.toString());
      expect(await status()).to.equal(503);
      const before = await health();
      expect([before.status, before.seller, before.checks.seller.ok]).to.deep.equal([
        "degraded",
        null,
        false,
      ]);

      await register();
      // One second must have passed since the last look-up that found nothing.
      for (let i = 0; i < 100 && (await status()) !== 200; i++)
        await new Promise((resolve) => setTimeout(resolve, 100));
      expect((await health()).seller).to.equal("agt_31337_1");
      await closeChain();
      closeChain = async () => undefined;
      expect(await status()).to.equal(200);
    } finally {
      await gateway.kill("SIGTERM");
      await exchange.goDown();
    }
  });
});

function deploymentOf(registry: Address, startBlockHash: Hash): Deployment {
  const unused: Address = `0x${"00".repeat(20)}`;
  return {
    chainId: 31337,
    startBlock: 0,
    startBlockHash,
    contracts: {
      Authority: unused,
      AgentRegistry: registry,
      ExperienceKey: unused,
      PointsLedger: unused,
      Catalog: unused,
      Exchange: unused,
      ReceiptProofs: unused,
      Tills: unused,
      LabelRegistry: unused,
      CardIssuer: unused,
      Disputes: unused,
      HouseArbitrator: unused,
      ValidatorBonds: unused,
      Consensus: unused,
      ReceiptAnchor: unused,
    },
    curves: Object.fromEntries(curveTypes.map((type) => [type, unused])) as Deployment["curves"],
    tokens: [{ address: unused, symbol: "USDC", name: "Test USDC", version: "2", decimals: 6 }],
  };
}
