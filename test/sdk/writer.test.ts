/**
 * Writes that the exchange makes for an agent
 * ├── given a grant             are made as they are
 * ├── given none                the client writes and signs its own, for this action alone, hands it in, and writes once more
 * │   └── whatever the exchange asks to be signed, only its nonce is used
 * ├── given several at a time   each grant carries a nonce of its own
 * └── given any other refusal   is told as it is
 */
import { expect } from "chai";
import { type Hex, hashTypedData, recoverTypedDataAddress } from "viem";
import { createExchange } from "../../sdk/client.ts";
import { GRANT_SECONDS } from "../../sdk/grant.ts";
import { operatorGrantTypedData } from "../../sdk/typed-data.ts";
import type { CreateListingRequest } from "../../sdk/wire/listing.ts";
import { CHAIN_ID, contracts, countingWallet, health, relayer, signInRoutes } from "./support/exchange.ts";
import { failure } from "./support/failure.ts";
import { apiError, type Received, useServer } from "./support/server.ts";

const evil = `0x${"e".repeat(40)}`;
const listing = { title: "x" } as CreateListingRequest;
const scores = { authenticity: 1, utility: 1, reproducibility: 1, freshness: 1, safety: 1 };
const label = { summary: "ok", scores };
const listed = {
  ek_id: "ek_31337_1",
  listing_id: "lst_31337_1_v1",
  manifest_hash: `0x${"a".repeat(64)}`,
  tx: "0x1",
};
const labelled = { ok: true, label_id: "lbl_31337_1_3", tx: "0x2" };

type GrantBody = { actions: string[]; expiry: string; nonce: string; deadline: string; signature: Hex };

describe("client: writes", () => {
  const server = useServer();
  let wallet: ReturnType<typeof countingWallet>;
  /** What has been granted, as the chain would know it; each grant replaces the last and uses up a nonce. */
  let granted: string[];
  let nonce: bigint;

  const needs = (action: string, answer: object) => () =>
    granted.includes(action)
      ? { body: answer }
      : apiError(403, "SCOPE_DENIED", {
          details: {
            reason: "operator_grant_needed",
            // A message that would give everything to somebody else, for ever. Only the nonce is true.
            typed_data: {
              domain: { name: "ERC20", version: "1", chainId: 1, verifyingContract: evil },
              primaryType: "OperatorGrant",
              message: {
                agent: evil,
                operator: evil,
                actions: "15",
                expiry: "9999999999",
                nonce: String(nonce),
                deadline: "9999999999",
              },
            },
            actions: ["list", "label", "claim", "spend-points"],
            submit_to: "/me/grants",
          },
        });
  const takeGrant = ({ body }: Received) => {
    const grant = body as GrantBody;
    if (BigInt(grant.nonce) !== nonce)
      return apiError(400, "INVALID_REQUEST", { message: `Nonce ${grant.nonce}.` });
    nonce++;
    granted = grant.actions;
    return { body: { agent_id: "agt_31337_3", tx: "0x3" } };
  };

  beforeEach(() => {
    wallet = countingWallet();
    granted = [];
    nonce = 7n;
    server.routes = {
      ...signInRoutes(server),
      "POST /me/grants": takeGrant,
      "POST /me/sell/listings": needs("list", listed),
      "POST /me/validate/submit": needs("label", labelled),
    };
  });

  const exchange = () => createExchange({ url: server.url, wallet });
  const grantsIn = (received: Received[]) =>
    received.filter(({ path }) => path === "/me/grants").map(({ body }) => body as GrantBody);

  it("grants this action, to the relayer, on this chain, for some days: by its own message", async () => {
    const before = Math.floor(Date.now() / 1000);
    expect(await exchange().list(listing)).to.deep.equal(listed);
    const [grant] = grantsIn(server.received);
    expect(grant?.actions).to.deep.equal(["list"]);
    const { expiry, deadline, signature } = grant as GrantBody;
    expect(Number(expiry)).to.be.within(before + 60, before + GRANT_SECONDS + 10);
    expect(GRANT_SECONDS).to.be.at.most(30 * 24 * 3600);
    expect(Number(deadline)).to.be.within(before + 60, before + 3_600);
    const message = operatorGrantTypedData(
      { chainId: CHAIN_ID, registry: contracts.AgentRegistry },
      {
        agent: wallet.address,
        operator: relayer,
        actions: 1n,
        expiry: BigInt(expiry),
        nonce: 7n,
        deadline: BigInt(deadline),
      },
    );
    expect(await recoverTypedDataAddress({ ...message, signature })).to.equal(wallet.address);
    expect(hashTypedData(wallet.signed[1] as typeof message)).to.equal(hashTypedData(message));
    expect(wallet.signed).to.have.length(2); // sign-in and grant
  });

  it("asks for no second grant while the first one does", async () => {
    const agent = exchange();
    await agent.list(listing);
    await agent.list(listing);
    expect(grantsIn(server.received)).to.have.length(1);
  });

  it("keeps what its earlier writes needed in the next grant, which replaces the last one", async () => {
    const agent = exchange();
    await agent.list(listing);
    await agent.label("ek_31337_1", label);
    expect(grantsIn(server.received).map(({ actions }) => actions)).to.deep.equal([
      ["list"],
      ["list", "label"],
    ]);
  });

  it("gives each of several writes at a time a nonce of its own", async () => {
    const agent = exchange();
    await Promise.all([agent.list(listing), agent.label("ek_31337_1", label), agent.list(listing)]);
    expect(grantsIn(server.received).map((grant) => grant.nonce)).to.deep.equal(["7", "8"]);
  });

  it("tries once: a grant that does not help is the end of it", async () => {
    server.routes["POST /me/grants"] = () => ({ body: { agent_id: "agt_31337_3", tx: "0x3" } });
    const error = await failure(exchange().list(listing));
    expect(error.details.reason).to.equal("operator_grant_needed");
    expect(grantsIn(server.received)).to.have.length(1);
  });

  it("signs nothing for any other refusal, nor for one whose details are not what they should be", async () => {
    const refusals = [
      apiError(409, "LISTING_CONFLICT"),
      apiError(403, "SCOPE_DENIED"),
      apiError(403, "SCOPE_DENIED", { details: { reason: "operator_grant_needed" } }),
      apiError(403, "SCOPE_DENIED", {
        details: {
          reason: "operator_grant_needed",
          actions: [],
          submit_to: "/me/grants",
          typed_data: { message: { nonce: "-1" } },
        },
      }),
    ];
    for (const refusal of refusals) {
      server.routes["POST /me/sell/listings"] = () => refusal;
      const error = await failure(exchange().list(listing));
      expect(error.code).to.equal((refusal.body as { code: string }).code);
    }
    expect(
      wallet.signed.filter((data) => typeof data === "object" && data && "primaryType" in data),
    ).to.deep.equal([]);
  });

  it("grants nothing when the exchange names no relayer", async () => {
    server.routes["GET /health"] = () => ({ body: health({ relayer: undefined }) });
    expect((await failure(exchange().list(listing))).message).to.include("no relayer");
    expect(grantsIn(server.received)).to.deep.equal([]);
  });

  it("joins by its own message, with the profile as an ERC-8004 registration file", async () => {
    server.routes["POST /me/register"] = () => ({ body: { agent_id: "agt_31337_3", tx: "0x4" } });
    const joined = await exchange().join({ name: "비 분석가", type: "openclaw", description: "Rain." });
    expect(joined.agent_id).to.equal("agt_31337_3");
    const body = server.received.at(-1)?.body as { agent_uri: string; deadline: string; signature: Hex };
    const [, base64] = /^data:application\/json;base64,(.*)$/.exec(body.agent_uri) ?? [];
    expect(JSON.parse(Buffer.from(base64 ?? "", "base64").toString())).to.deep.equal({
      type: "https://eips.ethereum.org/EIPS/eip-8004#registration-v1",
      name: "비 분석가",
      description: "Rain.",
      agentType: "openclaw",
      services: [],
      x402Support: true,
      active: true,
    });
    const signed = wallet.signed[0] as { domain: unknown; message: unknown };
    expect(signed.domain).to.deep.equal({
      name: "ERC8004IdentityRegistry",
      version: "1",
      chainId: CHAIN_ID,
      verifyingContract: contracts.AgentRegistry,
    });
    expect(signed.message).to.deep.equal({
      agent: wallet.address,
      agentURI: body.agent_uri,
      nonce: 0n,
      deadline: BigInt(body.deadline),
    });
  });
});
