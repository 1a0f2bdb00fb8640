/** A chain with a token, a seller to be paid, a facilitator, and buyers with the stock x402 client. All real, on loopback. */
import { x402Facilitator } from "@x402/core/facilitator";
import type { FacilitatorClient } from "@x402/core/server";
import { toFacilitatorEvmSigner } from "@x402/evm";
import { ExactEvmScheme } from "@x402/evm/exact/facilitator";
import { wrapFetchWithPayment } from "@x402/fetch";
import { artifacts, network } from "hardhat";
import { type Address, createWalletClient, type Hex, http, publicActions } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { hardhat } from "viem/chains";
import type { TollSettings } from "../../../gateway/toll-settings.ts";
import { localKey } from "../../../scripts/system/chain.ts";
import { createPayer, stockClient } from "../../api/support/x402.ts";

/** Also reads. */
const walletOf = (rpcUrl: string, key: Hex) =>
  createWalletClient({
    account: privateKeyToAccount(key),
    chain: hardhat,
    transport: http(rpcUrl),
    pollingInterval: 20,
  }).extend(publicActions);
type FullWallet = ReturnType<typeof walletOf>;

export type Till = Awaited<ReturnType<typeof startTill>>;

export async function startTill() {
  const server = await network.createServer("node", "127.0.0.1", 0);
  const { port } = await server.listen();
  const rpcUrl = `http://127.0.0.1:${port}`;
  const house = walletOf(rpcUrl, localKey(0));
  const { abi, bytecode } = await artifacts.readArtifact("TestUSDC");
  const created = await house.deployContract({ abi, bytecode: bytecode as Hex });
  const token = (await house.waitForTransactionReceipt({ hash: created })).contractAddress as Address;
  const send = async (functionName: string, args: unknown[], by = house) => {
    const hash = await by.writeContract({ address: token, abi, functionName, args });
    await house.waitForTransactionReceipt({ hash });
    return hash;
  };
  const seller = privateKeyToAccount(generatePrivateKey());
  const settings: TollSettings = {
    pay_to: seller.address,
    chain_id: hardhat.id,
    rpc_url: rpcUrl,
    facilitator_url: "http://127.0.0.1:9",
    token: { address: token, name: "Test USD Coin", version: "1" },
  };
  return {
    settings,
    facilitator: facilitatorBy(walletOf(rpcUrl, localKey(1))),
    balanceOf: (who: Address) =>
      house.readContract({ address: token, abi, functionName: "balanceOf", args: [who] }) as Promise<bigint>,
    seller: seller.address,
    /** A buyer with money, and gas to move it. */
    async buyer(funds = 1_000_000n) {
      const wallet = walletOf(rpcUrl, generatePrivateKey());
      await send("mint", [wallet.account.address, funds]);
      const gas = await house.sendTransaction({ to: wallet.account.address, value: 10n ** 18n });
      await house.waitForTransactionReceipt({ hash: gas });
      return {
        ...createPayer(wallet.account, hardhat.id),
        /** Makes a fetch that pays what is asked for, with the stock client. */
        pay: (fetch: typeof globalThis.fetch) =>
          wrapFetchWithPayment(fetch, stockClient(wallet.account, hardhat.id)),
        address: wallet.account.address,
        drain: () => send("transfer", [house.account.address, funds], wallet),
      };
    },
    stop: () => server.close(),
  };
}

/** The stock facilitator, in this process. */
function facilitatorBy(wallet: FullWallet): FacilitatorClient {
  const facilitator = new x402Facilitator().register(
    `eip155:${hardhat.id}`,
    new ExactEvmScheme(
      toFacilitatorEvmSigner({
        address: wallet.account.address,
        readContract: (call) => wallet.readContract({ ...call, args: call.args ?? [] } as never),
        verifyTypedData: (call) => wallet.verifyTypedData(call as never),
        writeContract: (call) => wallet.writeContract(call as never),
        sendTransaction: (call) => wallet.sendTransaction(call as never),
        waitForTransactionReceipt: (call) => wallet.waitForTransactionReceipt(call),
        getCode: (call) => wallet.getCode(call),
      }),
    ),
  );
  return {
    verify: (payload, requirements) => facilitator.verify(payload, requirements),
    settle: (payload, requirements) => facilitator.settle(payload, requirements),
    getSupported: async () =>
      facilitator.getSupported() as Awaited<ReturnType<FacilitatorClient["getSupported"]>>,
  };
}
