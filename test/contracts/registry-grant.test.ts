/*
 * grant(operator, actions, expiry)
 * ├── when the caller is no agent             reverts NotAgentOwner(0, caller)
 * ├── given actions that there are not        reverts UnknownActions(actions)
 * ├── given the zero address or the EOA itself  reverts InvalidOperator(operator)
 * ├── given an expiry that is over            reverts GrantExpired(expiry, time)
 * └── else                                    the operator can act within it until then; emits OperatorGranted
 *     └── given no actions                    it ends the grant
 *
 * revoke(operator)                            ends the grant at once; emits OperatorGranted with zeros
 *
 * grantBySig(request, signature)
 * ├── when past the deadline                  reverts SignatureExpired(deadline, time)
 * ├── given another nonce                     reverts InvalidNonce(agent, expected, given)
 * ├── when anything else was signed           reverts InvalidSignature(agent)
 * └── with the EOA's signature, by anyone     grants and uses up the nonce
 *     └── given an EOA that is no agent yet   registers it first
 *         └── given an agent's former EOA     reverts AddressRetired(eoa, agentId)
 *
 * canAct(agentId, account, action)            the EOA always; an operator for all of the actions asked, within its grant; nobody else
 */
import { expect } from "chai";
import type { Address } from "viem";
import { loadFixture, nextBlockAt, now, time } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, create, type Moa, type Person, people } from "./support/deploy.ts";
import { Actions, BUYER, deployMarket, rotate, SELLER, ZERO } from "./support/market.ts";
import { domainOf, type Grant, sign } from "./support/sign.ts";

const { buyer, newcomer, next, operator, relayer, seller, stranger } = people;

describe("AgentRegistry.grant", () => {
  let moa: Moa;
  let expiry: bigint;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    expiry = (await now()) + 1000n;
  });

  const grant = (who: Person, actions: bigint, to: Address = operator.address, until = expiry) =>
    moa.registry.write.grant([to, actions, until], by(who));
  const canAct = (account: Address, action: bigint, agentId = SELLER) =>
    moa.registry.read.canAct([agentId, account, action]);
  const grantOf = (agentId: bigint) => moa.registry.read.grantOf([agentId, operator.address]);

  function granted(agentId: bigint, actions: bigint, until: bigint, sender: Person, epoch = 0) {
    const args = { agentId, operator: operator.address, actions, expiry: until, epoch, by: sender.address };
    return ["AgentRegistry.OperatorGranted", args];
  }

  it("lets an operator act, for that agent and those actions alone", async () => {
    const hash = grant(seller, Actions.LIST | Actions.CLAIM);
    const log = granted(SELLER, Actions.LIST | Actions.CLAIM, expiry, seller);
    expect(await logsOf(moa, hash)).to.deep.equal([log]);
    expect(await grantOf(SELLER)).to.deep.equal([5n, expiry]);
    expect(await canAct(operator.address, Actions.LIST)).to.equal(true);
    expect(await canAct(operator.address, Actions.LIST | Actions.CLAIM)).to.equal(true);
    expect(await canAct(operator.address, Actions.LIST | Actions.LABEL)).to.equal(false);
    expect(await canAct(operator.address, Actions.LABEL)).to.equal(false);
    expect(await canAct(operator.address, 0n)).to.equal(false);
    expect(await canAct(operator.address, Actions.LIST, BUYER)).to.equal(false);
    expect(await canAct(stranger.address, Actions.LIST)).to.equal(false);
  });

  it("lets the EOA do everything, and nobody act for nobody", async () => {
    expect(await canAct(seller.address, Actions.ALL)).to.equal(true);
    expect(await canAct(seller.address, 0n)).to.equal(true);
    expect(await canAct(ZERO, Actions.LIST)).to.equal(false);
    expect(await canAct(ZERO, 0n, 9n)).to.equal(false);
    expect(await canAct(ZERO, 0n, 0n)).to.equal(false);
    expect(await canAct(seller.address, Actions.LIST, 9n)).to.equal(false);
  });

  it("replaces an earlier grant to the same operator", async () => {
    await grant(seller, Actions.ALL);
    await grant(seller, Actions.LABEL, operator.address, expiry + 5n);
    expect(await grantOf(SELLER)).to.deep.equal([Actions.LABEL, expiry + 5n]);
    expect(await canAct(operator.address, Actions.LIST)).to.equal(false);
  });

  it("ends at its expiry", async () => {
    await grant(seller, Actions.LIST);
    await time.increaseTo(expiry - 1n);
    expect(await canAct(operator.address, Actions.LIST)).to.equal(true);
    await time.increaseTo(expiry);
    expect(await canAct(operator.address, Actions.LIST)).to.equal(false);
    expect(await grantOf(SELLER)).to.deep.equal([0n, 0n]);
  });

  it("ends when it is revoked, or granted anew without actions", async () => {
    await grant(seller, Actions.LIST);
    const hash = moa.registry.write.revoke([operator.address], by(seller));
    expect(await logsOf(moa, hash)).to.deep.equal([granted(SELLER, 0n, 0n, seller)]);
    expect(await canAct(operator.address, Actions.LIST)).to.equal(false);
    expect(await grantOf(SELLER)).to.deep.equal([0n, 0n]);

    await grant(seller, Actions.LIST);
    expect(await logsOf(moa, grant(seller, 0n, operator.address, 0n))).to.deep.equal([
      granted(SELLER, 0n, 0n, seller),
    ]);
    expect(await canAct(operator.address, Actions.LIST)).to.equal(false);
  });

  it("without actions is none, whatever end it was given", async () => {
    await grant(seller, Actions.LIST);
    await grant(seller, 0n, operator.address, expiry);
    expect(await grantOf(SELLER)).to.deep.equal([0n, 0n]);
    expect(await canAct(operator.address, Actions.LIST)).to.equal(false);
  });

  it("T24 dies with the EOA that gave it, also when the agent comes back to it", async () => {
    await grant(seller, Actions.ALL);
    await rotate(moa, SELLER, seller, next);
    expect(await canAct(operator.address, Actions.LIST)).to.equal(false);
    expect(await canAct(seller.address, Actions.LIST)).to.equal(false);
    expect(await canAct(next.address, Actions.LIST)).to.equal(true);
    await rotate(moa, SELLER, next, seller);
    expect(await canAct(operator.address, Actions.LIST)).to.equal(false);
    expect(await grantOf(SELLER)).to.deep.equal([0n, 0n]);
    const hash = grant(seller, Actions.LIST);
    expect(await logsOf(moa, hash)).to.deep.equal([granted(SELLER, Actions.LIST, expiry, seller, 2)]);
    expect(await canAct(operator.address, Actions.LIST)).to.equal(true);
  });

  it("refuses what makes no sense", async () => {
    await reverts(grant(seller, 32n), moa.registry, "UnknownActions", [32n]);
    await reverts(grant(seller, 2n ** 200n), moa.registry, "UnknownActions", [2n ** 200n]);
    await reverts(grant(seller, Actions.LIST, ZERO), moa.registry, "InvalidOperator", [ZERO]);
    const self = grant(seller, Actions.LIST, seller.address);
    await reverts(self, moa.registry, "InvalidOperator", [seller.address]);
    const at = await nextBlockAt(expiry);
    await reverts(grant(seller, Actions.LIST), moa.registry, "GrantExpired", [expiry, at]);
  });

  it("is an agent's alone to give and to take", async () => {
    const none = [0n, newcomer.address];
    await reverts(grant(newcomer, Actions.LIST), moa.registry, "NotAgentOwner", none);
    const revoke = moa.registry.write.revoke([operator.address], by(newcomer));
    await reverts(revoke, moa.registry, "NotAgentOwner", none);
    await grant(seller, Actions.LIST);
    await moa.registry.write.revoke([operator.address], by(buyer));
    expect(await canAct(operator.address, Actions.LIST)).to.equal(true);
  });

  it("gives the operator no way to grant, rotate or rename", async () => {
    await grant(seller, Actions.ALL);
    const { write } = moa.registry;
    const none = [0n, operator.address];
    await reverts(grant(operator, Actions.ALL, stranger.address), moa.registry, "NotAgentOwner", none);
    const uri = write.setAgentURI([SELLER, "x"], by(operator));
    await reverts(uri, moa.registry, "NotAgentOwner", [SELLER, operator.address]);
    const metadata = write.setMetadata([SELLER, "x", "0x"], by(operator));
    await reverts(metadata, moa.registry, "NotAgentOwner", [SELLER, operator.address]);
    const rotation = write.rotate([SELLER, operator.address, expiry, "0x", "0x"], by(operator));
    await reverts(rotation, moa.registry, "InvalidSignature", [seller.address]);
    const wallet = write.setAgentWallet([SELLER, operator.address, expiry, "0x"], by(operator));
    await reverts(wallet, moa.registry, "NotAgentOwner", [SELLER, operator.address]);
  });

  describe("grantBySig", () => {
    let request: Grant;
    beforeEach(() => {
      const agent = seller.address;
      const deadline = expiry - 500n;
      request = { agent, operator: operator.address, actions: Actions.ALL, expiry, nonce: 0n, deadline };
    });

    async function relay(signer: Person, fields: Partial<Grant> = {}, signed: Partial<Grant> = {}) {
      const message = { ...request, ...fields, ...signed };
      const signature = await sign(signer, domainOf(moa), "OperatorGrant", message);
      return moa.registry.write.grantBySig([{ ...request, ...fields }, signature], by(relayer));
    }

    it("grants by signature, whoever relays it, up to the deadline itself", async () => {
      await nextBlockAt(request.deadline);
      const log = granted(SELLER, Actions.ALL, expiry, relayer);
      expect(await logsOf(moa, relay(seller))).to.deep.equal([log]);
      expect(await grantOf(SELLER)).to.deep.equal([Actions.ALL, expiry]);
      expect(await moa.registry.read.nonces([seller.address])).to.equal(1n);
      expect(await moa.registry.read.canAct([SELLER, relayer.address, Actions.LIST])).to.equal(false);
    });

    it("revokes by signature", async () => {
      await grant(seller, Actions.ALL);
      await relay(seller, { actions: 0n, expiry: 0n });
      expect(await canAct(operator.address, Actions.LIST)).to.equal(false);
    });

    it("makes an agent of an EOA that is none yet", async () => {
      const logs = await logsOf(moa, relay(newcomer, { agent: newcomer.address }));
      expect(logs.map(([name]) => name)).to.deep.equal([
        "AgentRegistry.Transfer",
        "AgentRegistry.Registered",
        "AgentRegistry.MetadataSet",
        "AgentRegistry.OperatorGranted",
      ]);
      expect(logs[3]).to.deep.equal(granted(5n, Actions.ALL, expiry, relayer));
      expect(await moa.registry.read.agentOf([newcomer.address])).to.equal(5n);
      expect(await canAct(operator.address, Actions.CLAIM, 5n)).to.equal(true);
    });

    it("makes an agent of a smart account (EIP-1271)", async () => {
      const agent = await create("Wallet1271", [newcomer.address]);
      await relay(newcomer, { agent });
      expect(await moa.registry.read.agentOf([agent])).to.equal(5n);
    });

    it("refuses whatever was not signed so", async () => {
      const wrong: Partial<Grant>[] = [
        { agent: buyer.address },
        { operator: stranger.address },
        { actions: Actions.LIST },
        { expiry: expiry + 1n },
        { nonce: 1n },
        { deadline: request.deadline + 1n },
      ];
      for (const signed of wrong) {
        const call = relay(seller, {}, signed);
        await reverts(call, moa.registry, "InvalidSignature", [seller.address]).catch((error: unknown) => {
          throw new Error(`${Object.keys(signed)}: ${error}`);
        });
      }
      await reverts(relay(stranger), moa.registry, "InvalidSignature", [seller.address]);
      await reverts(relay(stranger, { agent: ZERO }), moa.registry, "InvalidSignature", [ZERO]);
      expect(await moa.registry.read.nonces([seller.address])).to.equal(0n);
    });

    it("refuses a used nonce, one of the future, and a late signature", async () => {
      await reverts(relay(seller, { nonce: 1n }), moa.registry, "InvalidNonce", [seller.address, 0n, 1n]);
      await relay(seller);
      await reverts(relay(seller), moa.registry, "InvalidNonce", [seller.address, 1n, 0n]);
      const at = await nextBlockAt(request.deadline + 1n);
      const late = relay(seller, { nonce: 1n });
      await reverts(late, moa.registry, "SignatureExpired", [request.deadline, at]);
    });

    it("refuses what grant refuses", async () => {
      await reverts(relay(seller, { actions: 32n }), moa.registry, "UnknownActions", [32n]);
      await reverts(relay(seller, { operator: ZERO }), moa.registry, "InvalidOperator", [ZERO]);
      const self = relay(newcomer, { agent: newcomer.address, operator: newcomer.address });
      await reverts(self, moa.registry, "InvalidOperator", [newcomer.address]);
      const at = await nextBlockAt(expiry - 600n);
      await reverts(relay(seller, { expiry: at }), moa.registry, "GrantExpired", [at, at]);
    });

    it("T23 refuses an EOA that its agent has left", async () => {
      await rotate(moa, SELLER, seller, next);
      await reverts(relay(seller), moa.registry, "InvalidNonce", [seller.address, 1n, 0n]);
      const after = relay(seller, { nonce: 1n });
      await reverts(after, moa.registry, "AddressRetired", [seller.address, SELLER]);
    });
  });
});
