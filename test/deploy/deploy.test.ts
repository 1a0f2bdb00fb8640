/**
 * deploy
 * ├── given a chain without the CREATE2 deployer
 * │   ├── deploys, and everything verifies
 * │   ├── when run again                          sends nothing
 * │   └── when cut off after any transaction      the next run completes it, at the same addresses
 * ├── given the CREATE2 deployer
 * │   └── the addresses are equal on every chain, and not another deployer's
 * ├── the addresses are those that the factory foretells
 * ├── given a chain that is not local
 * │   ├── the holders have their roles with delays, and the deployer has none
 * │   └── without a payment token                 refuses before it spends anything
 * ├── given other code at a contract's address    refuses
 * └── verifyDeployment
 *     └── tells of tampered code, parameters, members, delays and functions
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { network } from "hardhat";
import {
  type AbiFunction,
  type Account,
  type Address,
  createPublicClient,
  custom,
  getAbiItem,
  type Hex,
  numberToHex,
  parseEther,
  toFunctionSelector,
} from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import type { Holders } from "../../scripts/deploy/access.ts";
import { artifactOf } from "../../scripts/deploy/artifact.ts";
import { CREATE2_DEPLOYER } from "../../scripts/deploy/factory.ts";
import { contracts, saltOf } from "../../scripts/deploy/plan.ts";
import { createSender } from "../../scripts/deploy/sender.ts";
import { verifyDeployment } from "../../scripts/deploy/verify.ts";
import { type DeployOptions, deploy, parseHolders } from "../../scripts/deploy.ts";
import { rejectionOf } from "../support/expect-rejection.ts";

/** What stands at {@link CREATE2_DEPLOYER} on the chains that have it. */
const CREATE2_DEPLOYER_CODE: Hex =
  "0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3";
const ELSEWHERE = 424242;
const DAY = 86_400;

type Chain = Awaited<ReturnType<typeof createChain>>;

async function createChain(chainId: number, { create2 }: { create2: boolean }) {
  const { provider } = await network.create({ override: { chainId } });
  let sent = 0;
  let limit = Number.POSITIVE_INFINITY;
  const transport = custom({
    request: async ({ method, params }: { method: string; params?: unknown[] }) => {
      if (method === "eth_sendRawTransaction" && ++sent > limit) throw new Error("cut off");
      return provider.request({ method, params: params ?? [] });
    },
  });
  const client = createPublicClient({ transport, pollingInterval: 5, cacheTime: 0 });
  const request = (method: string, ...params: unknown[]) => provider.request({ method, params });
  const setCode = (address: Address, code: Hex) => request("hardhat_setCode", address, code);
  if (create2) await setCode(CREATE2_DEPLOYER, CREATE2_DEPLOYER_CODE);
  return {
    transport,
    client,
    setCode,
    request,
    get sent() {
      return sent;
    },
    cutOffAfter(count: number) {
      limit = sent + count;
    },
    fund: (address: Address) => request("hardhat_setBalance", address, numberToHex(parseEther("100"))),
  };
}

describe("deploy", function () {
  this.timeout(120_000);
  let dir: string;
  let files = 0;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), "moa-test-deploy-"));
  });
  after(() => rmSync(dir, { recursive: true }));

  /** Each time into a file of its own: what is on the chain is all that a run can know. */
  function deployTo(chain: Chain, options: Partial<DeployOptions> = {}) {
    files += 1;
    const file = join(dir, `${files}.json`);
    return deploy({ rpcUrl: "in process", transport: chain.transport, file, ...options });
  }

  async function deployerOn(chain: Chain, key: Hex = generatePrivateKey()): Promise<Account> {
    const account = privateKeyToAccount(key);
    await chain.fund(account.address);
    return account;
  }

  async function createToken(chain: Chain, account: Account): Promise<Address> {
    const { bytecode } = artifactOf("TestUSDC");
    const { contractAddress } = await createSender(chain.client, chain.transport, account).send("token", {
      data: bytecode,
    });
    return contractAddress as Address;
  }

  const faults = async (chain: Chain, deployment: Parameters<typeof verifyDeployment>[1]) =>
    (await verifyDeployment(chain.client, deployment)).flatMap(({ what, fault }) =>
      fault ? [`${what}: ${fault}`] : [],
    );

  describe("on a chain without the CREATE2 deployer", () => {
    it("makes everything that the tables say, and nothing the second time", async () => {
      const chain = await createChain(31337, { create2: false });
      const { deployment, file, fresh } = await deployTo(chain);
      expect(fresh).to.equal(true);
      expect(await faults(chain, deployment)).to.deep.equal([]);
      const { sent } = chain;
      expect(await deployTo(chain, { file })).to.deep.equal({ deployment, file, fresh: false });
      expect((await deployTo(chain)).deployment).to.deep.equal(deployment);
      expect(chain.sent).to.equal(sent);
    });

    it("completes what was cut off, after whichever transaction", async () => {
      const whole = await createChain(31337, { create2: false });
      const { deployment } = await deployTo(whole);
      const chain = await createChain(31337, { create2: false });
      for (let cuts = 0; cuts < whole.sent; cuts++) {
        chain.cutOffAfter(1);
        if (cuts < whole.sent - 1)
          expect((await rejectionOf(deployTo(chain), Error)).message).to.contain("cut off");
      }
      chain.cutOffAfter(Number.POSITIVE_INFINITY);
      const { deployment: completed } = await deployTo(chain);
      expect(completed.contracts).to.deep.equal(deployment.contracts);
      expect(completed.startBlock).to.equal(deployment.startBlock);
      expect(await faults(chain, completed)).to.deep.equal([]);
    });
  });

  it("has the same addresses on every chain with the CREATE2 deployer, and others for another deployer", async () => {
    const key = generatePrivateKey();
    const placesOn = async (chainId: number, deployerKey: Hex, spend: number) => {
      const chain = await createChain(chainId, { create2: true });
      const deployer = await deployerOn(chain, deployerKey);
      const paymentToken = await createToken(chain, deployer);
      for (let i = 0; i < spend; i++) await createToken(chain, deployer); // whatever else the account did
      const { deployment } = await deployTo(chain, { deployer, paymentToken });
      return { ...deployment.contracts, ...deployment.curves, factory: deployment.factory };
    };
    const here = await placesOn(ELSEWHERE, key, 0);
    expect(await placesOn(ELSEWHERE + 1, key, 3)).to.deep.equal(here);
    const another = await placesOn(ELSEWHERE, generatePrivateKey(), 0);
    expect(another.factory).to.equal(here.factory);
    expect(another.Exchange).not.to.equal(here.Exchange);
  });

  it("foretells the addresses as the factory does", async () => {
    const chain = await createChain(31337, { create2: false });
    const { deployment } = await deployTo(chain);
    const foretold = await chain.client.readContract({
      address: deployment.factory as Address,
      abi: artifactOf("Create3Factory").abi,
      functionName: "addressOf",
      args: [deployment.deployer, saltOf(contracts.Exchange)],
    });
    expect(foretold).to.equal(deployment.contracts.Exchange);
  });

  describe("on a chain that is not local", () => {
    it("gives the roles to their holders, with delays, and leaves none to the deployer", async () => {
      const chain = await createChain(ELSEWHERE, { create2: true });
      const deployer = await deployerOn(chain);
      const paymentToken = await createToken(chain, deployer);
      const admin = privateKeyToAccount(generatePrivateKey()).address;
      const fees = privateKeyToAccount(generatePrivateKey()).address;
      const { deployment } = await deployTo(chain, {
        ...{ deployer, paymentToken, holders: { ADMIN: admin, FEES: fees } },
      });
      expect(deployment.holders).to.include({ ADMIN: admin, FEES: fees, LISTER: deployer.address });
      const read = <T>(functionName: string, args: unknown[]) =>
        chain.client.readContract({
          ...{
            address: deployment.contracts.Authority,
            abi: artifactOf("Authority").abi,
            functionName,
            args,
          },
        }) as Promise<T>;
      expect(await read("hasRole", [0n, admin])).to.deep.equal([true, 2 * DAY]);
      expect(await read("hasRole", [1n, fees])).to.deep.equal([true, 2 * DAY]);
      expect(await read("hasRole", [0n, deployer.address])).to.deep.equal([false, 0]);
      expect(await faults(chain, deployment)).to.deep.equal([]);
      // The grant delays are there once the authority's own five days are over.
      await chain.request("evm_increaseTime", 5 * DAY);
      await chain.request("evm_mine");
      expect(await read("getRoleGrantDelay", [1n])).to.equal(2 * DAY);
      expect(await faults(chain, deployment)).to.deep.equal([]);
    });

    it("refuses to begin without a payment token", async () => {
      const chain = await createChain(ELSEWHERE, { create2: true });
      const deployer = await deployerOn(chain);
      expect((await rejectionOf(deployTo(chain, { deployer }), Error)).message).to.contain("PAYMENT_TOKEN");
      expect(chain.sent).to.equal(0);
    });
  });

  it("refuses other code where a contract belongs", async () => {
    const chain = await createChain(31337, { create2: false });
    const { deployment } = await deployTo(chain);
    await chain.setCode(deployment.contracts.PointsLedger, "0x6001");
    const { message } = await rejectionOf(deployTo(chain), Error);
    expect(message).to.contain(
      `PointsLedger at ${deployment.contracts.PointsLedger} was built from other sources`,
    );
  });

  it("ROLE_HOLDERS names roles and addresses, and nothing else", () => {
    const holder = privateKeyToAccount(generatePrivateKey()).address;
    expect(parseHolders(undefined)).to.deep.equal({});
    expect(parseHolders(`{"FEES":"${holder.toLowerCase()}"}`)).to.deep.equal({ FEES: holder } as Holders);
    expect(() => parseHolders(`{"KING":"${holder}"}`)).to.throw("there is no role KING");
    expect(() => parseHolders(`{"FEES":"0x12"}`)).to.throw("FEES needs an address, not 0x12");
  });

  describe("verifyDeployment tells of", () => {
    /** Deploys, tampers as the administrator of a local chain, and returns the faults found. */
    async function faultsAfter(
      tamper: (
        chain: Chain,
        at: Record<string, Address>,
        call: (contract: string, functionName: string, args: unknown[]) => Promise<unknown>,
      ) => Promise<unknown>,
    ): Promise<string[]> {
      const chain = await createChain(31337, { create2: false });
      const { deployment } = await deployTo(chain);
      const at: Record<string, Address> = { ...deployment.contracts };
      const [from] = (await chain.request("eth_accounts")) as [Address];
      const call = (contract: string, functionName: string, args: unknown[]) =>
        createSenderOf(chain, from).call(
          { address: at[contract] as Address, abi: artifactOf(contract).abi },
          functionName,
          args,
        );
      await tamper(chain, at, call);
      return faults(chain, deployment);
    }
    // The node signs for its own accounts.
    const createSenderOf = (chain: Chain, address: Address) =>
      createSender(chain.client, chain.transport, { address, type: "json-rpc" });
    const selectorOf = (name: string) =>
      toFunctionSelector(getAbiItem({ abi: artifactOf("Exchange").abi, name }) as AbiFunction);
    const stranger = privateKeyToAccount(generatePrivateKey()).address;

    it("a byte of code that is not ours", async () => {
      const found = await faultsAfter(async (chain, at) => {
        const address = at.Exchange as Address;
        const code = (await chain.client.getCode({ address })) as Hex;
        await chain.setCode(
          address,
          `${code.slice(0, 400)}${code[400] === "0" ? "1" : "0"}${code.slice(401)}` as Hex,
        );
      });
      expect(found).to.have.length(1);
      expect(found[0]).to.match(/^Exchange at 0x.* code: is not what this repository builds$/);
    });

    it("an immutable that names another contract", async () => {
      const found = await faultsAfter(async (chain, at) => {
        const address = at.PointsLedger as Address;
        const code = (await chain.client.getCode({ address })) as Hex;
        const wired = (at.Exchange as Address).slice(2).toLowerCase();
        await chain.setCode(address, code.replaceAll(wired, stranger.slice(2).toLowerCase()) as Hex);
      });
      expect(found.join()).to.contain(`PointsLedger.exchange: is ${stranger}`);
    });

    it("a fee", async () => {
      const found = await faultsAfter((_chain, _at, call) => call("Exchange", "setFee", [100, 1n]));
      expect(found).to.deep.equal(["Exchange.feeBps: is 100, not 0"]);
    });

    it("a curve that is not allowed any more", async () => {
      const chain = await createChain(31337, { create2: false });
      const { deployment } = await deployTo(chain);
      const found = await faultsAfter((_chain, _at, call) =>
        call("Catalog", "allowCurve", [deployment.curves.linear, false]),
      );
      expect(found.join()).to.contain("the linear curve is allowed");
    });

    it("somebody who was given a role, now or later", async () => {
      const found = await faultsAfter((_chain, _at, call) =>
        call("Authority", "grantRole", [2n, stranger, 0]),
      );
      expect(found).to.deep.equal([`role LISTER: nobody else holds it: so does ${stranger}`]);
    });

    it("a holder without its role", async () => {
      const found = await faultsAfter(async (chain, _at, call) => {
        const [holder] = (await chain.request("eth_accounts")) as [Address];
        await call("Authority", "revokeRole", [1n, holder]);
      });
      expect(found[0]).to.match(/^role FEES: 0x.* holds it: is false, not true$/);
    });

    it("a delay of execution or of grants", async () => {
      const found = await faultsAfter(async (chain, _at, call) => {
        const [holder] = (await chain.request("eth_accounts")) as [Address];
        await call("Authority", "setGrantDelay", [1n, 7]);
        await call("Authority", "grantRole", [1n, holder, 9]);
      });
      expect(found).to.deep.equal([
        "role FEES: execution delay: is 9, not 0",
        "role FEES: grant delay: is 7, not 0",
      ]);
    });

    it("a function under another role, and a closed contract", async () => {
      const found = await faultsAfter(async (_chain, at, call) => {
        await call("Authority", "setTargetClosed", [at.LabelRegistry, true]);
        await call("Authority", "setTargetFunctionRole", [at.Exchange, [selectorOf("setFee")], 2n]);
      });
      expect(found).to.deep.equal([
        "Exchange.setFee: role: is 2, not 1",
        "LabelRegistry: open: the authority has closed it",
      ]);
    });
  });
});
