/*
 * labelBySig, reviseBySig, withdrawBySig: what the validator's EOA signed, relayed by anyone
 * ├── given its signature           does what label, revise, withdraw do; the event names the EOA
 * ├── given a smart account's       likewise (EIP-1271)
 * ├── given another nonce           reverts InvalidNonce(validatorId, expected, given)
 * ├── after the deadline            reverts SignatureExpired(deadline, time)
 * └── T9, T10: any other signature  reverts InvalidSignature(signer)
 */
import { expect } from "chai";
import { type Address, getContract, type Hex } from "viem";
import { labelRegistryAbi } from "../../sdk/abis/index.ts";
import { labelRevisionTypedData, labelTypedData, labelWithdrawalTypedData } from "../../sdk/typed-data.ts";
import { loadFixture, nextBlockAt, now, publicClient } from "./support/chain.ts";
import { eventOf, reverts } from "./support/check.ts";
import { by, client, create, deployMoa, type Moa, type Person, people } from "./support/deploy.ts";
import { INPUT } from "./support/label.ts";
import { Actions, BUYER, deployMarket, FIXED, rotate, VALIDATOR } from "./support/market.ts";
import { mutate } from "./support/sign.ts";

const { buyer, next, operator, relayer, stranger, validator } = people;
const chainId = await publicClient.getChainId();

type Kind = "label" | "revise" | "withdraw";
type Fields = {
  validatorId: bigint;
  epoch: number;
  nonce: bigint;
  deadline: bigint;
  chainId: number;
  registry: Address;
};

describe("labels by signature", () => {
  let moa: Moa;
  let deadline: bigint;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    deadline = (await now()) + 600n;
  });

  function sign(signer: Person, kind: Kind, fields: Partial<Fields> = {}): Promise<Hex> {
    const at = { chainId: fields.chainId ?? chainId, labels: fields.registry ?? moa.labels.address };
    const common = { validatorId: VALIDATOR, epoch: 0, nonce: 0n, deadline, ...fields };
    const { validatorId, epoch, nonce } = common;
    const message = { validatorId, epoch, nonce, deadline: common.deadline };
    const data = {
      label: labelTypedData(at, { ...message, input: INPUT }),
      revise: labelRevisionTypedData(at, { ...message, input: INPUT }),
      withdraw: labelWithdrawalTypedData(at, { ...message, ekId: FIXED }),
    }[kind];
    return signer.wallet.signTypedData({ account: signer.address, ...data } as never);
  }

  function submit(kind: Kind, signature: Hex, fields: Partial<Fields> = {}, labels = moa.labels) {
    const { validatorId = VALIDATOR, nonce = 0n } = fields;
    const rest = [nonce, fields.deadline ?? deadline, signature] as const;
    if (kind === "withdraw") {
      return labels.write.withdrawBySig([validatorId, FIXED, ...rest], by(relayer));
    }
    const name = kind === "label" ? "labelBySig" : "reviseBySig";
    return labels.write[name]([validatorId, INPUT, ...rest], by(relayer));
  }

  const count = async () => (await moa.labels.read.aggregateOf([FIXED])).count;
  const invalid = (call: Promise<unknown>, signer: Address = validator.address) =>
    reverts(call, moa.labels, "InvalidSignature", [signer]);

  it("publishes, revises and withdraws, one nonce each; the event names who signed", async () => {
    const published = submit("label", await sign(validator, "label"));
    expect(await eventOf(moa, published, "LabelRegistry.Labelled")).to.include({
      ...{ validatorId: VALIDATOR, revision: 1, by: validator.address },
    });
    const revised = submit("revise", await sign(validator, "revise", { nonce: 1n }), { nonce: 1n });
    expect(await eventOf(moa, revised, "LabelRegistry.Labelled")).to.include({
      ...{ revision: 2, by: validator.address },
    });
    const gone = submit("withdraw", await sign(validator, "withdraw", { nonce: 2n }), { nonce: 2n });
    expect(await eventOf(moa, gone, "LabelRegistry.LabelWithdrawn")).to.include({
      ...{ revision: 2, by: validator.address },
    });
    expect(await moa.labels.read.nonces([VALIDATOR])).to.equal(3n);
    expect(await count()).to.equal(0);
  });

  it("takes a smart account's signature (EIP-1271)", async () => {
    const wallet = await create("Wallet1271", [stranger.address]);
    const register = "0x1aa3a008" as const; // register()
    const walletAbi = [
      {
        type: "function",
        name: "execute",
        stateMutability: "nonpayable",
        inputs: [{ type: "address" }, { type: "bytes" }],
        outputs: [{ type: "bytes" }],
      },
    ] as const;
    const account = getContract({ address: wallet, abi: walletAbi, client });
    await account.write.execute([moa.registry.address, register], by(stranger));
    const validatorId = await moa.registry.read.agentOf([wallet]);
    const signature = await sign(stranger, "label", { validatorId });
    expect(
      await eventOf(moa, submit("label", signature, { validatorId }), "LabelRegistry.Labelled"),
    ).to.include({ validatorId, by: wallet });
    await invalid(
      submit("label", await sign(buyer, "label", { validatorId, nonce: 1n }), { validatorId, nonce: 1n }),
      wallet,
    );
  });

  for (const kind of ["label", "revise", "withdraw"] as const) {
    describe(kind, () => {
      beforeEach(async () => {
        if (kind !== "label") await moa.labels.write.label([VALIDATOR, INPUT], by(validator));
      });
      const others = (["label", "revise", "withdraw"] as const).filter((other) => other !== kind);

      it("T9 works once: not on another chain, at a clone, for another function, twice, late, with another nonce", async () => {
        const bonds = moa.bonds.address;
        const address = await create("LabelRegistry", [moa.registry.address, moa.catalog.address, bonds]);
        const clone = getContract({ address, abi: labelRegistryAbi, client }) as Moa["labels"];
        const signature = await sign(validator, kind);
        await reverts(submit(kind, signature, {}, clone), clone, "InvalidSignature", [validator.address]);
        await invalid(submit(kind, await sign(validator, kind, { chainId: 1 })));
        for (const other of others) await invalid(submit(other, signature));
        await invalid(submit(kind, signature, { deadline: deadline + 1n }));
        await reverts(submit(kind, signature, { nonce: 1n }), moa.labels, "InvalidNonce", [
          VALIDATOR,
          0n,
          1n,
        ]);
        await submit(kind, signature);
        await reverts(submit(kind, signature), moa.labels, "InvalidNonce", [VALIDATOR, 1n, 0n]);
      });

      it("T9 is void after its deadline, and good in its last second", async () => {
        const signature = await sign(validator, kind);
        const time = await nextBlockAt(deadline + 1n);
        await reverts(submit(kind, signature), moa.labels, "SignatureExpired", [deadline, time]);
        const later = { deadline: time + 10n };
        const again = await sign(validator, kind, later);
        await nextBlockAt(time + 10n);
        await submit(kind, again, later);
      });

      it("T10 in every other form it has no effect", async () => {
        const signature = await sign(validator, kind);
        for (const mutated of Object.values(mutate(signature))) await invalid(submit(kind, mutated));
        expect(await moa.labels.read.nonces([VALIDATOR])).to.equal(0n);
        await submit(kind, signature);
      });

      it("is the EOA's own: no operator's, no other agent's", async () => {
        await moa.registry.write.grant([operator.address, Actions.LABEL, 2n ** 40n], by(validator));
        await invalid(submit(kind, await sign(operator, kind)));
        await invalid(submit(kind, await sign(buyer, kind)));
        const signature = await sign(validator, kind);
        await invalid(submit(kind, signature, { validatorId: BUYER }), buyer.address);
        await reverts(submit(kind, signature, { validatorId: 99n }), moa.registry, "UnknownAgent", [99n]);
      });

      it("T23 dies with a rotation, also when the agent returns to the old EOA", async () => {
        const signature = await sign(validator, kind);
        await rotate(moa, VALIDATOR, validator, next);
        await invalid(submit(kind, signature), next.address);
        await rotate(moa, VALIDATOR, next, validator);
        await invalid(submit(kind, signature));
        await submit(kind, await sign(validator, kind, { epoch: 2 }));
      });

      it("is void once the nonce is burnt", async () => {
        const signature = await sign(validator, kind);
        const burnt = moa.labels.write.invalidateNonce([VALIDATOR], by(validator));
        expect(await eventOf(moa, burnt, "LabelRegistry.LabelNonceInvalidated")).to.deep.equal({
          ...{ validatorId: VALIDATOR, nonce: 0n },
        });
        await reverts(submit(kind, signature), moa.labels, "InvalidNonce", [VALIDATOR, 1n, 0n]);
        await reverts(
          moa.labels.write.invalidateNonce([VALIDATOR], by(stranger)),
          moa.labels,
          "NotAuthorized",
          [VALIDATOR, stranger.address, Actions.LABEL],
        );
      });
    });
  }

  it("T9 a label signed for one listing or text is good for no other", async () => {
    const signature = await sign(validator, "label");
    const changed = [
      { ekId: 2n },
      { version: 2 },
      { types: 7 },
      { tags: ["csv"] },
      { tags: ["csvre", "computed"] },
      { summary: "It fits." },
      { evidenceKind: 3 },
      { evidence: "0x" as Hex },
      { scores: { ...INPUT.scores, utility: 81 } },
      { evidenceHash: `0x${"01".repeat(32)}` as Hex },
    ];
    for (const fields of changed) {
      const args = [VALIDATOR, { ...INPUT, ...fields }, 0n, deadline, signature] as const;
      await invalid(moa.labels.write.labelBySig(args, by(relayer)));
    }
    await submit("label", signature);
  });
});

describe("labels' EIP-712 domain", () => {
  it("is its own", async () => {
    const { labels } = await loadFixture(deployMoa);
    const [, name, version, id, verifyingContract] = await labels.read.eip712Domain();
    expect([name, version, id, verifyingContract]).to.deep.equal([
      ...["MOA LabelRegistry", "1", BigInt(chainId), labels.address],
    ]);
  });
});
