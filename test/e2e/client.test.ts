/**
 * The SDK's client on the real processes, where things go wrong
 * ├── buy    a free listing is claimed, by a grant that it gives itself
 * │          a wallet without money is told so, and owes nothing
 * │          an answer that was lost, or an API that died after it, costs nothing more (T18)
 * ├── buyInOneStep   pays once at one address, also when the answer is lost (T18); not more than allowed; a holder pays nothing
 * ├── fetch  what was not bought, or not on these terms, is not given
 * ├── watch  what the agent bought, sells and says comes back by the same client
 * └── join   a second time is refused in words
 */
import { expect } from "chai";
import { createPublicClient, erc20Abi, http } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { makeBundle, storeBundle } from "../../scripts/demo/bundle.ts";
import { eventually } from "../../scripts/demo/eventually.ts";
import { fund } from "../../scripts/demo/funds.ts";
import { gather, list } from "../../scripts/demo/steps.ts";
import { createExchange } from "../../sdk/client.ts";
import type { ExchangeError } from "../../sdk/errors.ts";
import type { Fetch } from "../../sdk/http.ts";
import type { PendingPayment } from "../../sdk/payment.ts";
import { failure } from "../sdk/support/failure.ts";
import { useSystem } from "../support/system.ts";

const PRICE = 250_000n;

describe("client on the real exchange", () => {
  const shared = useSystem();
  let ekId: string;
  before(async function () {
    this.timeout(60_000);
    const { run } = shared.system;
    ({ ekId } = await list(run, await gather(run, shared.seller)));
  });

  /** An agent with a fresh wallet that holds `money`, and a client for it. */
  const newcomer = async (money: bigint, wrap: (fetch: Fetch) => Fetch = (fetch) => fetch) => {
    const { run } = shared.system;
    const wallet = privateKeyToAccount(generatePrivateKey());
    if (money > 0n) await fund(run, wallet.address, money);
    const { apiUrl: url, rpcUrl, deployment } = run;
    return createExchange({
      url,
      wallet,
      rpcUrl,
      deployment,
      maxPrice: 10n * PRICE,
      fetch: wrap(globalThis.fetch),
    });
  };

  const moneyOf = (owner: `0x${string}`) => {
    const { rpcUrl, deployment } = shared.system.run;
    const address = deployment.tokens[0]?.address as `0x${string}`;
    return createPublicClient({ transport: http(rpcUrl) }).readContract({
      address,
      abi: erc20Abi,
      functionName: "balanceOf",
      args: [owner],
    });
  };

  it("claims a free listing, which makes a stranger an agent", async function () {
    this.timeout(30_000);
    const { run } = shared.system;
    const seller = createExchange({ url: run.apiUrl, wallet: shared.seller });
    const bundle = makeBundle();
    storeBundle(bundle, run.storeDir);
    const free = await seller.list({
      title: "Free months",
      summary: "The same, for nothing.",
      domain: "climate",
      task_type: "sql_query",
      modality: ["dataset"],
      pricing_policy: { curve_type: "fixed", base_price: 0 },
      access_policy: { gateway: run.gatewayUrl },
      content_manifest: bundle.manifest,
    });
    const buyer = await newcomer(0n);
    const purchase = await buyer.buy(free.ek_id);
    expect(purchase).to.deep.include({ ek_id: free.ek_id, status: "EKIssued" });
    expect(purchase.price.amount).to.equal("0");
    expect((await buyer.fetch(free.ek_id)).items).to.have.length(6);
  });

  it("tells a wallet without money so, and nothing is owed", async () => {
    const buyer = await newcomer(1n);
    const error = await failure(buyer.buy(ekId));
    expect(error.code).to.equal("PAYMENT_FAILED");
    expect(error.message).to.include("ERC20InsufficientBalance");
    expect(error.requestId).to.match(/^req_/);
    expect(await moneyOf(buyer.address)).to.equal(1n);
    expect((await failure(buyer.fetch(ekId))).code).to.equal("EK_NOT_OWNED");
  });

  const isPaid = (input: Parameters<Fetch>[0]) =>
    input instanceof Request && input.headers.has("PAYMENT-SIGNATURE");

  it("T18 pays once when the answer is lost on its way back", async function () {
    this.timeout(30_000);
    const payments: (string | null)[] = [];
    const losing =
      (fetch: Fetch): Fetch =>
      async (input, init) => {
        const response = await fetch(input, init);
        if (!isPaid(input)) return response;
        payments.push((input as Request).headers.get("PAYMENT-SIGNATURE"));
        if (payments.length > 2) return response;
        await response.arrayBuffer(); // settled, and nobody hears of it
        throw new TypeError("socket hang up");
      };
    const buyer = await newcomer(10n * PRICE, losing);
    const { price, key_id } = await buyer.buy(ekId);
    expect(payments).to.have.length(3);
    expect(new Set(payments).size).to.equal(1);
    expect(key_id).to.match(/_0$/);
    expect(await moneyOf(buyer.address)).to.equal(10n * PRICE - BigInt(price.amount));
  });

  it("T18 pays once when the API dies after settling, and is back a little later", async function () {
    this.timeout(60_000);
    let restarted: Promise<void> | undefined;
    const dying =
      (fetch: Fetch): Fetch =>
      async (input, init) => {
        const response = await fetch(input, init);
        if (!isPaid(input) || restarted) return response;
        await response.arrayBuffer();
        await shared.system.kill("api", "SIGKILL");
        restarted = shared.system.restart("api");
        throw new TypeError("socket hang up");
      };
    const buyer = await newcomer(10n * PRICE, dying);
    const { price, key_id } = await buyer.buy(ekId).catch(async (error: ExchangeError) => {
      if (error.code !== "PAYMENT_PENDING") throw error;
      await restarted; // it took longer than the client waits: then the caller asks again
      return buyer.resume(error.details.pending as PendingPayment);
    });
    await restarted;
    expect(restarted).to.be.a("promise");
    expect(key_id).to.match(/_0$/);
    expect(await moneyOf(buyer.address)).to.equal(10n * PRICE - BigInt(price.amount));
    expect((await buyer.fetch(ekId)).items).to.have.length(6);
  });

  it("shows an agent what it holds, sells and says", async function () {
    this.timeout(30_000);
    const buyer = await newcomer(10n * PRICE);
    const { key_id, order_id } = await buyer.buy(ekId);
    await buyer.review(ekId, { rating: 5, text: "It is as wet as that." });
    await buyer.reportIssue(ekId, { reason: "outdated" });
    const { items } = await buyer.reviews(ekId);
    expect(items[0]).to.include({ rating: 5, key_id });
    const proof = await eventually("the index has the trade", () => buyer.tradeProof(order_id));
    expect(proof.receipt?.nodes).to.have.length.at.least(1);
    expect((await buyer.myKeys()).items.map((key) => key.key_id)).to.deep.equal([key_id]);
    expect((await buyer.overview()).activity_summary.bought).to.equal(1);
    expect((await buyer.trades({ ek_id: ekId, limit: 1 })).items).to.have.length(1);
    expect((await buyer.versions(ekId)).items).to.have.length(1);
    expect(await buyer.listingStatus(ekId)).to.include({ state: "visible" });
    const seller = createExchange({ url: shared.system.run.apiUrl, wallet: shared.seller });
    expect((await seller.myListing(ekId)).store).to.include({ status: "healthy", storage_type: "disk" });
    expect((await seller.registerGateway(shared.system.run.gatewayUrl)).status).to.equal("healthy");
    const told = (await seller.notifications()).items.filter(({ ek_id }) => ek_id === ekId);
    expect(told.map(({ kind }) => kind)).to.include.members(["review", "issue", "sale"]);
    await seller.markRead(told.map(({ notification_id }) => notification_id));
    const again = (await seller.notifications()).items.filter(({ ek_id }) => ek_id === ekId);
    expect(again.every(({ read }) => read)).to.equal(true);
  });

  it("buys in one step, and T18 pays once when the answer is lost", async function () {
    this.timeout(30_000);
    let paid = 0;
    const buyer = await newcomer(20n * PRICE, (fetch) => async (input, init) => {
      const request = new Request(input, init);
      const isPayment = request.headers.has("payment-signature");
      const response = await fetch(request);
      if (!isPayment || ++paid > 1) return response;
      await response.arrayBuffer();
      throw new Error("the answer was lost");
    });
    const price = BigInt((await buyer.quote(ekId)).price.amount); // each key costs more than the one before
    const cheap = await failure(buyer.buyInOneStep(ekId, { maxPrice: price - 1n }));
    expect([cheap.code, cheap.details.price]).to.deep.equal(["PAYMENT_REQUIRED", String(price)]);
    const usd = shared.system.run.deployment.tokens[0]?.address as `0x${string}`;
    const other = await failure(buyer.buyInOneStep(ekId, { maxPrice: price, token: buyer.address }));
    expect(other.code, "another token is another price").to.equal("PAYMENT_FAILED");
    expect(await moneyOf(buyer.address)).to.equal(20n * PRICE);
    const { key_id, purchase } = await buyer.buyInOneStep(ekId, { maxPrice: price, token: usd });
    expect(paid, "asked twice, with the same payment").to.equal(2);
    expect(purchase).to.include({ ek_id: ekId, key_id });
    expect(await moneyOf(buyer.address)).to.equal(20n * PRICE - price);
    expect((await buyer.fetch(ekId)).items).to.have.length(6);
    const again = await buyer.buyInOneStep(ekId);
    expect([again.key_id, again.purchase]).to.deep.equal([key_id, undefined]);
    expect(await moneyOf(buyer.address), "a holder pays nothing").to.equal(20n * PRICE - price);
  });

  it("tells who has joined already that it has", async () => {
    const buyer = await newcomer(0n);
    const { agent_id } = await buyer.join({ name: "Once", type: "external" });
    expect((await buyer.me()).agent_id).to.equal(agent_id);
    const error = await failure(buyer.join({ name: "Twice", type: "external" }));
    expect(error.status).to.be.within(400, 499);
    expect(error.hint).to.be.a("string");
  });
});
