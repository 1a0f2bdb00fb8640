import { readFileSync } from "node:fs";
import { expect } from "chai";
import { createLocalJWKSet, generateKeyPair, type JSONWebKeySet, jwtVerify, SignJWT } from "jose";
import {
  type Abi,
  createWalletClient,
  encodeFunctionData,
  type Hex,
  http,
  serializeErc6492Signature,
} from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { createSiweMessage, parseSiweMessage } from "viem/siwe";
import type { AgentProfile } from "../../sdk/wire/agent.ts";
import { expectError } from "./support/api.ts";
import { openTables } from "./support/tables.ts";
import { useApi } from "./support/use-api.ts";

const fresh = () => privateKeyToAccount(generatePrivateKey());

/*
sign-in
├── nonce            names domain, chain and random part; refuses what is no address
├── message signed   session
├── nonce signed     session
├── smart account    session: EIP-1271 deployed, ERC-6492 not deployed
├── somebody else's signature, another chain's or domain's message, another EOA   INVALID_SIGNATURE, the nonce lives on
├── used, unknown or expired nonce                                                NONCE_EXPIRED
├── 50 at once       one session
└── after rotation   the old EOA's session is over
*/
describe("api: sign-in", () => {
  const shared = useApi();

  it("gives a nonce that names domain and chain, and an EIP-4361 message with its random part", async () => {
    const { address } = fresh();
    const { nonce, message, expires_at } = await shared.api.nonceFor(address);
    const { host, origin } = new URL(shared.api.run.apiUrl);
    expect(nonce).to.contain(host).and.to.contain("eip155:31337");
    expect(nonce).to.match(/[a-z0-9]{16,}$/);
    const fields = parseSiweMessage(message);
    expect(fields).to.include({ domain: host, uri: origin, chainId: 31337, address, version: "1" });
    expect(nonce.endsWith(` ${fields.nonce}`)).to.equal(true);
    expect(fields.expirationTime?.toISOString()).to.equal(expires_at);
    expect(Number(fields.expirationTime) - Number(fields.issuedAt)).to.equal(300_000);
  });

  it("refuses what is no address", async () => {
    for (const eoa of ["", "0x12", "vitalik.eth", `0x${"g".repeat(40)}`]) {
      expectError(await shared.api.ask(`/auth/nonce?eoa=${eoa}`), "INVALID_EOA", 400);
    }
  });

  it("takes a signature over the message, and one over the bare nonce", async () => {
    for (const part of ["message", "nonce"] as const) {
      const account = fresh();
      const given = await shared.api.nonceFor(account.address);
      const signature = await account.signMessage({ message: given[part] });
      const { status, body } = await shared.api.verify(account.address, given.nonce, signature);
      expect(status, part).to.equal(200);
      expect(body.agent).to.include({ eoa: account.address, agent_type: "external" });
      expect(body.agent).not.to.have.property("agent_id");
      const me = await shared.api.get<AgentProfile>("/me", { token: body.token });
      expect(me.eoa).to.equal(account.address);
    }
  });

  it("takes a lower-case address for the same account", async () => {
    const account = fresh();
    const eoa = account.address.toLowerCase();
    const { nonce, message } = await shared.api.nonceFor(eoa);
    const { status } = await shared.api.verify(eoa, nonce, await account.signMessage({ message }));
    expect(status).to.equal(200);
  });

  it("takes a smart account's signature, deployed (EIP-1271) and not yet (ERC-6492)", async () => {
    const owner = await shared.api.market.newcomer();
    const factory = artifact("Wallet1271Factory");
    const { client } = shared.api.market;
    const deployed = await shared.api.market.send(owner, await deploy(factory), "create", [owner.address]);
    const wallet = deployed.result as Hex;
    const given = await shared.api.nonceFor(wallet);
    const inner = await owner.signMessage({ message: given.message });
    expect((await shared.api.verify(wallet, given.nonce, inner)).status).to.equal(200);

    const other = fresh();
    const place = await deploy(factory);
    const planned = (await client.readContract({
      ...place,
      functionName: "predict",
      args: [other.address],
    })) as Hex;
    const next = await shared.api.nonceFor(planned);
    const signature = serializeErc6492Signature({
      address: place.address,
      data: encodeFunctionData({ abi: factory.abi, functionName: "create", args: [other.address] }),
      signature: await other.signMessage({ message: next.message }),
    });
    expect((await shared.api.verify(planned, next.nonce, signature)).status).to.equal(200);

    const forged = await shared.api.nonceFor(wallet);
    const foreign = await other.signMessage({ message: forged.message });
    expectError(await shared.api.verify(wallet, forged.nonce, foreign), "INVALID_SIGNATURE", 401);

    async function deploy({ abi, bytecode }: { abi: Abi; bytecode: Hex }) {
      const hash = await createWalletClient({
        account: owner,
        transport: http(shared.api.run.rpcUrl),
      }).deployContract({
        abi,
        bytecode,
        chain: null,
      });
      const { contractAddress } = await client.waitForTransactionReceipt({ hash });
      return { address: contractAddress as Hex, abi };
    }
  });

  it("T43 refuses another signer, chain, domain or EOA, and the nonce lives on", async () => {
    const account = fresh();
    const { nonce, message } = await shared.api.nonceFor(account.address);
    const fields = parseSiweMessage(message) as Parameters<typeof createSiweMessage>[0];
    const foreign = [
      await fresh().signMessage({ message }),
      await account.signMessage({ message: createSiweMessage({ ...fields, chainId: 1 }) }),
      await account.signMessage({ message: createSiweMessage({ ...fields, domain: "evil.example" }) }),
      await account.signMessage({ message: nonce.replace("eip155:31337", "eip155:1") }),
      await account.signMessage({ message: fields.nonce }),
      `0x${"11".repeat(65)}`,
      `0x${"11".repeat(200)}`,
      "0x",
    ];
    for (const signature of foreign) {
      expectError(await shared.api.verify(account.address, nonce, signature), "INVALID_SIGNATURE", 401);
    }
    const other = fresh();
    const own = await other.signMessage({ message });
    expectError(await shared.api.verify(other.address, nonce, own), "INVALID_SIGNATURE", 401);
    const { status } = await shared.api.verify(
      account.address,
      nonce,
      await account.signMessage({ message }),
    );
    expect(status).to.equal(200);
  });

  it("T43 takes a nonce once", async () => {
    const account = fresh();
    const { nonce, message } = await shared.api.nonceFor(account.address);
    const signature = await account.signMessage({ message });
    expect((await shared.api.verify(account.address, nonce, signature)).status).to.equal(200);
    expectError(await shared.api.verify(account.address, nonce, signature), "NONCE_EXPIRED", 401);
    expectError(await shared.api.verify(account.address, "made up", signature), "NONCE_EXPIRED", 401);
  });

  it("T43 takes no nonce after its time", async () => {
    const account = fresh();
    const { nonce, message } = await shared.api.nonceFor(account.address);
    const tables = openTables(shared.api.run);
    await tables`update nonces set expires_at = now() where nonce = ${nonce}`;
    await tables.end();
    const signature = await account.signMessage({ message });
    expectError(await shared.api.verify(account.address, nonce, signature), "NONCE_EXPIRED", 401);
  });

  it("T43 makes one session of 50 parallel requests with one nonce", async () => {
    const account = fresh();
    const { nonce, message } = await shared.api.nonceFor(account.address);
    const signature = await account.signMessage({ message });
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => shared.api.verify(account.address, nonce, signature)),
    );
    expect(answers.filter(({ status }) => status === 200)).to.have.length(1);
    for (const answer of answers.filter(({ status }) => status !== 200))
      expectError(answer, "NONCE_EXPIRED", 401);
  });

  it("T23 ends the old EOA's session with the rotation, and lets it not sign in again", async () => {
    const { account, agentId, token } = await shared.api.agent();
    expect((await shared.api.get<AgentProfile>("/me", { token })).agent_id).to.equal(`agt_31337_${agentId}`);
    const { account: next } = await shared.api.market.rotate(account, agentId);
    const { details } = expectError(await shared.api.ask("/me", { token }), "SESSION_EXPIRED", 401);
    expect(details.reason).to.equal("eoa_rotated");
    const { nonce, message } = await shared.api.nonceFor(account.address);
    const signature = await account.signMessage({ message });
    expectError(await shared.api.verify(account.address, nonce, signature), "SESSION_EXPIRED", 401);
    const me = await shared.api.get<AgentProfile>("/me", { token: await shared.api.signIn(next) });
    expect(me).to.include({ agent_id: `agt_31337_${agentId}`, eoa: next.address });
    // The agent comes back to its first EOA: the session from before is over all the same.
    await shared.api.market.rotate(next, agentId, account);
    expectError(await shared.api.ask("/me", { token }), "SESSION_EXPIRED", 401);
  });

  it("T44 lets nobody in without a session of this exchange", async () => {
    expectError(await shared.api.ask("/me"), "INVALID_SIGNATURE", 401);
    const session = await shared.api.signIn(fresh());
    const keys = await shared.api.get<JSONWebKeySet>("/.well-known/jwks.json");
    const { payload, protectedHeader } = await jwtVerify(session, createLocalJWKSet(keys));
    const { privateKey } = await generateKeyPair("EdDSA");
    const forged = await new SignJWT(payload)
      .setProtectedHeader({ ...protectedHeader, alg: "EdDSA" })
      .sign(privateKey);
    const [head, claims] = session.split(".");
    const unsigned = `${Buffer.from('{"alg":"none","typ":"session+jwt"}').toString("base64url")}.${claims}.`;
    for (const token of ["x", forged, unsigned, `${head}.${claims}.`]) {
      expectError(await shared.api.ask("/me", { token }), "INVALID_SIGNATURE", 401);
    }
  });

  it("T44 takes no session for a capability and no capability for a session", async () => {
    const { keys } = await shared.api.get<{ keys: { kid: string; x: string; d?: string }[] }>(
      "/.well-known/jwks.json",
    );
    for (const key of keys) expect(key).not.to.have.property("d");
    const session = await shared.api.signIn(fresh());
    const header = JSON.parse(Buffer.from(String(session.split(".")[0]), "base64url").toString()) as {
      typ: string;
      kid: string;
    };
    expect(header.typ).to.equal("session+jwt");
    expect(keys.map(({ kid }) => kid)).to.contain(header.kid);
  });
});

function artifact(name: string): { abi: Abi; bytecode: Hex } {
  const file = new URL(`../../artifacts/contracts/mocks/Wallet1271.sol/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8"));
}
