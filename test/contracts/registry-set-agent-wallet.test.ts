/*
 * setAgentWallet(agentId, newWallet, deadline, signature)         ERC-8004's own way to rotate
 * ├── given no such agent                     reverts UnknownAgent(agentId)
 * ├── when not called by the agent's EOA      reverts NotAgentOwner(agentId, caller)
 * ├── when past the deadline                  reverts SignatureExpired(deadline, time)
 * ├── when more than five minutes ahead       reverts DeadlineTooFar(deadline, latest)
 * ├── given a digest that was used            reverts SignatureUsed(digest)
 * ├── without the new wallet's signature      reverts InvalidSignature(newWallet)
 * ├── given an agent's EOA, or another's former one  reverts AddressAlreadyBound, AddressRetired
 * └── with it                                 rotates; emits Transfer, AgentRotated, MetadataSet
 *     └── given a smart account (EIP-1271)    likewise
 *
 * unsetAgentWallet(agentId)                   reverts NotAgentOwner, or WalletRequired(agentId)
 */
import { expect } from "chai";
import { encodePacked, hashTypedData, keccak256, toHex } from "viem";
import { registryDomain } from "../../sdk/typed-data.ts";
import { loadFixture, nextBlockAt, now } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, create, type Moa, people } from "./support/deploy.ts";
import { BUYER, deployMarket, rotate, SELLER, ZERO } from "./support/market.ts";
import { type AgentWalletSet, domainOf, sign } from "./support/sign.ts";

const { afterNext, buyer, newcomer, next, relayer, seller } = people;

describe("AgentRegistry.setAgentWallet", () => {
  let moa: Moa;
  let message: AgentWalletSet;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    const deadline = (await now()) + 200n;
    message = { agentId: BUYER, newWallet: next.address, owner: buyer.address, deadline };
  });

  async function send({
    fields = {},
    signed = {},
    signer = next,
    sender = buyer,
  }: {
    fields?: Partial<AgentWalletSet>;
    signed?: Partial<AgentWalletSet>;
    signer?: typeof next;
    sender?: typeof next;
  } = {}) {
    const { agentId, newWallet, deadline } = { ...message, ...fields };
    const signature = await sign(signer, domainOf(moa), "AgentWalletSet", {
      ...message,
      ...fields,
      ...signed,
    });
    return moa.registry.write.setAgentWallet([agentId, newWallet, deadline, signature], by(sender));
  }

  it("rotates to the wallet that signed", async () => {
    const [from, to] = [buyer.address, next.address];
    const metadata = {
      agentId: BUYER,
      indexedMetadataKey: keccak256(toHex("agentWallet")),
      metadataKey: "agentWallet",
      metadataValue: encodePacked(["address"], [to]),
    };
    expect(await logsOf(moa, send())).to.deep.equal([
      ["AgentRegistry.Transfer", { from, to, tokenId: BUYER }],
      ["AgentRegistry.AgentRotated", { agentId: BUYER, from, to, epoch: 1, by: from }],
      ["AgentRegistry.MetadataSet", metadata],
    ]);
    expect(await moa.registry.read.getAgentWallet([BUYER])).to.equal(to);
    expect(await moa.registry.read.bindingOf([to])).to.deep.equal([BUYER, 1]);
  });

  it("rotates to a smart account (EIP-1271)", async () => {
    const wallet = await create("Wallet1271", [newcomer.address]);
    await send({ fields: { newWallet: wallet }, signer: newcomer });
    expect(await moa.registry.read.getAgentWallet([BUYER])).to.equal(wallet);
  });

  it("is the present EOA's act alone", async () => {
    const foreign = send({ sender: next });
    await reverts(foreign, moa.registry, "NotAgentOwner", [BUYER, next.address]);
    await reverts(send({ fields: { agentId: 9n } }), moa.registry, "UnknownAgent", [9n]);
  });

  it("takes a signature from now to five minutes ahead", async () => {
    const time = await nextBlockAt(message.deadline + 1n);
    await reverts(send(), moa.registry, "SignatureExpired", [message.deadline, time]);

    const later = await nextBlockAt(time + 10n);
    const latest = later + 300n;
    const far = send({ fields: { deadline: latest + 1n } });
    await reverts(far, moa.registry, "DeadlineTooFar", [latest + 1n, latest]);

    await nextBlockAt(later + 10n);
    await send({ fields: { deadline: later + 310n } });
    expect(await moa.registry.read.eoaOf([BUYER])).to.equal(next.address);
  });

  it("T23 needs the new wallet's own signature over exactly this", async () => {
    const wrong: [string, Parameters<typeof send>[0]][] = [
      ["signer", { signer: buyer }],
      ["stranger", { signer: relayer }],
      ["agent", { signed: { agentId: SELLER } }],
      ["wallet", { signed: { newWallet: newcomer.address } }],
      ["owner", { signed: { owner: seller.address } }],
      ["deadline", { signed: { deadline: message.deadline + 1n } }],
    ];
    for (const [what, options] of wrong) {
      await reverts(send(options), moa.registry, "InvalidSignature", [next.address]).catch(
        (error: unknown) => {
          throw new Error(`${what}: ${error}`);
        },
      );
    }
    const zero = send({ fields: { newWallet: ZERO } });
    await reverts(zero, moa.registry, "InvalidSignature", [ZERO]);
  });

  it("refuses an EOA that is an agent's, or was another's", async () => {
    const bound = send({ fields: { newWallet: seller.address }, signer: seller });
    await reverts(bound, moa.registry, "AddressAlreadyBound", [seller.address, SELLER]);
    await rotate(moa, SELLER, seller, afterNext);
    const retired = send({ fields: { newWallet: seller.address }, signer: seller });
    await reverts(retired, moa.registry, "AddressRetired", [seller.address, SELLER]);
  });

  it("T23 takes each signature once, though ERC-8004's type has no nonce", async () => {
    await send();
    await rotate(moa, BUYER, next, buyer);
    const digest = hashTypedData({
      domain: registryDomain(domainOf(moa)),
      types: {
        AgentWalletSet: [
          { name: "agentId", type: "uint256" },
          { name: "newWallet", type: "address" },
          { name: "owner", type: "address" },
          { name: "deadline", type: "uint256" },
        ],
      },
      primaryType: "AgentWalletSet",
      message,
    });
    await reverts(send(), moa.registry, "SignatureUsed", [digest]);
    await send({ fields: { deadline: message.deadline + 1n } });
    expect(await moa.registry.read.eoaOf([BUYER])).to.equal(next.address);
  });

  it("can't be unset", async () => {
    const own = moa.registry.read.unsetAgentWallet([BUYER], by(buyer));
    await reverts(own, moa.registry, "WalletRequired", [BUYER]);
    const foreign = moa.registry.read.unsetAgentWallet([BUYER], by(seller));
    await reverts(foreign, moa.registry, "NotAgentOwner", [BUYER, seller.address]);
    expect(await moa.registry.read.getAgentWallet([BUYER])).to.equal(buyer.address);
  });
});
