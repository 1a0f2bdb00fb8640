/** Wallets: local accounts and wallet clients sign alike. */
import { expect } from "chai";
import { createWalletClient, custom } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { hardhat } from "viem/chains";
import { ExchangeError } from "../../sdk/errors.ts";
import { toSigner } from "../../sdk/signer.ts";
import { registrationTypedData } from "../../sdk/typed-data.ts";

const account = privateKeyToAccount(generatePrivateKey());
const data = registrationTypedData(
  { chainId: 31337, registry: `0x${"1".repeat(40)}` },
  { agent: account.address, agentURI: "data:,", nonce: 0n, deadline: 1n },
);

describe("signer", () => {
  it("signs the same from an account, a wallet client with it, and a browser's wallet", async () => {
    // A browser's wallet: the key is behind an EIP-1193 provider.
    const provider = {
      request: async ({ method, params }: { method: string; params: [string, string] }) => {
        if (method === "personal_sign")
          return account.signMessage({ message: { raw: params[0] as `0x${string}` } });
        if (method === "eth_signTypedData_v4") return account.signTypedData(JSON.parse(params[1]));
        throw new Error(`${method} is not for signers.`);
      },
    };
    const wallets = [
      account,
      createWalletClient({ account, chain: hardhat, transport: custom(provider as never) }),
      createWalletClient({ account: account.address, transport: custom(provider as never) }),
    ];
    for (const wallet of wallets) {
      const signer = toSigner(wallet);
      expect(signer.address).to.equal(account.address);
      expect(await signer.signMessage({ message: "hello" })).to.equal(
        await account.signMessage({ message: "hello" }),
      );
      expect(await signer.signTypedData(data)).to.equal(await account.signTypedData(data));
    }
  });

  it("refuses a wallet client without an account", () => {
    const wallet = createWalletClient({ transport: custom({ request: async () => null }) });
    expect(() => toSigner(wallet))
      .to.throw(ExchangeError, "no account")
      .with.property("code", "INVALID_EOA");
  });
});
