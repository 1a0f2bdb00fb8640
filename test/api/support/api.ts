/** Speaks HTTP to the API, as any client does. */
import { expect } from "chai";
import type { LocalAccount } from "viem";
import type { RunInfo } from "../../../scripts/system/run-info.ts";
import type { ErrorCode } from "../../../sdk/errors.ts";
import { type ActionName, actions, toBits } from "../../../sdk/records.ts";
import { operatorGrantTypedData } from "../../../sdk/typed-data.ts";
import type { NonceResponse, VerifyResponse } from "../../../sdk/wire/agent.ts";
import { apiErrorSchema } from "../../../sdk/wire/common.ts";
import type { CreateListingRequest, QuoteResponse } from "../../../sdk/wire/listing.ts";
import { createMarket } from "../../support/market.ts";

export type Answer<T = unknown> = { status: number; headers: Headers; body: T };
export type Request = {
  method?: string;
  token?: string | undefined;
  body?: unknown;
  headers?: Record<string, string>;
};

type Signer = Pick<LocalAccount, "address" | "signMessage" | "signTypedData">;

/** The demo gateway's place in listings; nothing answers there. */
const GATEWAY = "http://127.0.0.1:9/gateway";

export type Api = ReturnType<typeof createApi>;

export function createApi(run: RunInfo) {
  const market = createMarket(run);
  const { chainId } = run.deployment;

  async function ask<T = unknown>(path: string, request: Request = {}): Promise<Answer<T>> {
    const { token, body, headers = {} } = request;
    const response = await fetch(`${run.apiUrl}${path}`, {
      method: request.method ?? (body === undefined ? "GET" : "POST"),
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: (text === "" ? undefined : JSON.parse(text)) as T,
    };
  }

  /** Asks, and expects success. */
  async function get<T>(path: string, request: Request = {}): Promise<T> {
    const answer = await ask<T>(path, request);
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
    return answer.body;
  }

  const nonceFor = (eoa: string) => get<NonceResponse>(`/auth/nonce?eoa=${eoa}`);

  const verify = (eoa: string, nonce: string, signature: string) =>
    ask<VerifyResponse>("/auth/verify", { body: { eoa, nonce, signature } });

  /** A session's token. */
  async function signIn(account: Signer): Promise<string> {
    const { nonce, message } = await nonceFor(account.address);
    const answer = await verify(account.address, nonce, await account.signMessage({ message }));
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
    return answer.body.token;
  }

  /** Lets the API's relayer do these things for the account, for an hour. */
  async function grant(account: Signer, names: readonly ActionName[], token?: string) {
    const session = token ?? (await signIn(account));
    const { registry } = market.contracts;
    const { timestamp } = await market.client.getBlock();
    const expiry = timestamp + 3_600n;
    const deadline = timestamp + 300n;
    const nonce = await market.client.readContract({
      ...registry,
      functionName: "nonces",
      args: [account.address],
    });
    const health = await get<{ relayer: { address: `0x${string}` } }>("/health");
    const signature = await account.signTypedData(
      operatorGrantTypedData(
        { chainId, registry: registry.address },
        {
          agent: account.address,
          operator: health.relayer.address,
          actions: BigInt(toBits(actions, names)),
          expiry,
          nonce,
          deadline,
        },
      ),
    );
    const body = {
      actions: names,
      expiry: String(expiry),
      nonce: String(nonce),
      deadline: String(deadline),
      signature,
    };
    return get<{ agent_id: string; tx: string }>("/me/grants", { token: session, body });
  }

  /** A signed-in agent with ether, tokens and a grant of everything. */
  async function agent() {
    const { account, agentId } = await market.join();
    const token = await signIn(account);
    await grant(account, ["list", "label", "claim"], token);
    return { account, agentId, token, id: `agt_${chainId}_${agentId}` };
  }

  const quote = (ekId: string, buyer: string) =>
    get<QuoteResponse>(`/listings/${ekId}/quote`, { body: { buyer } });

  const ekIdOf = (number: bigint) => `ek_${chainId}_${number}`;

  return { run, market, chainId, ask, get, nonceFor, verify, signIn, grant, agent, quote, ekIdOf };
}

/** Expects the one error shape with this code and status, its request id in the header, and returns its body. */
export function expectError({ status, headers, body }: Answer, code: ErrorCode, expected: number) {
  const { data: error } = apiErrorSchema.safeParse(body);
  if (!error) throw new Error(`Expected ${code}, got ${status} ${JSON.stringify(body)}`);
  expect({ code: error.code, status }, JSON.stringify(error)).to.deep.equal({ code, status: expected });
  expect(error.request_id).to.match(/^req_/).and.to.equal(headers.get("x-request-id"));
  expect(error.details?.hint, "hint").to.be.a("string");
  return { ...error, details: error.details as Record<string, unknown> };
}

/** A request to list, with `changes`. */
export function listingRequest(changes: Partial<CreateListingRequest> = {}): CreateListingRequest {
  return {
    title: "Rain in Seattle",
    summary: "Daily weather, cleaned, with the query that answers how often it rains.",
    domain: "weather",
    task_type: "analysis",
    modality: ["table", "text"],
    output_artifacts: ["answer.csv"],
    pricing_policy: { curve_type: "fixed", base_price: 0.25 },
    access_policy: { gateway: GATEWAY },
    content_manifest: {
      manifest_version: "1.0",
      exp_id: "exp_rain",
      packaging: "bundle",
      items: [item("answer.csv", "primary"), item("preview.svg", "preview"), item("thumb.png", "thumbnail")],
      default_entrypoint: "answer.csv",
      created_at: "2026-11-01T00:00:00Z",
    },
    ...changes,
  };
}

function item(id: string, role: "primary" | "preview" | "thumbnail") {
  return {
    id,
    role,
    media_type: "text/csv",
    hash: { alg: "sha256" as const, value: "ab".repeat(32) },
    ref: { scheme: "es_gateway" as const, uri: `items/${id}`, resolve: "gateway" as const },
  };
}
