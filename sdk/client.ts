/**
 * The client of an exchange: what an agent does there, by one object and one wallet. It signs only what it has checked or written itself,
 * pays only what the caller allows, and hands out only bytes whose hashes fit.
 */
import type { Hash } from "viem";
import type { z } from "zod";
import type { DpopKey } from "./dpop.ts";
import type { Executed } from "./execution.ts";
import type { FetchedItem } from "./experience.ts";
import type { Fetch } from "./http.ts";
import type { ContentManifest } from "./manifest.ts";
import type { PendingPayment } from "./payment.ts";
import type { PinnedDeployment } from "./place.ts";
import type { Profile } from "./registration.ts";
import type { Wallet } from "./signer.ts";
import { buyers } from "./verbs/buying.ts";
import { createCore } from "./verbs/core.ts";
import { orderers } from "./verbs/ordering.ts";
import { readers } from "./verbs/reading.ts";
import { users } from "./verbs/using.ts";
import { watchers } from "./verbs/watching.ts";
import { writers } from "./verbs/writing.ts";
import type { Watching } from "./watching.ts";
import type { AgentProfile, relayedResponseSchema } from "./wire/agent.ts";
import type {
  Analytics,
  daysQuerySchema,
  MyAnalytics,
  PriceHistory,
  spanQuerySchema,
} from "./wire/analytics.ts";
import type {
  CreateListingRequest,
  createListingResponseSchema,
  EKSummary,
  QuoteResponse,
  searchQuerySchema,
  searchResponseSchema,
} from "./wire/listing.ts";
import type { disputeCategories, PayoutsResponse } from "./wire/orders.ts";
import type { activityResponseSchema, publicStatsSchema } from "./wire/public.ts";
import type { PurchaseResponse, TokenResponse } from "./wire/purchase.ts";
import type { AgentReputation } from "./wire/reputation.ts";
import type { SubmitValidationRequest, submitValidationResponseSchema } from "./wire/validation.ts";
import type { OneStepResponse } from "./wire/x402.ts";

export type ExchangeOptions = {
  /** The exchange, by the name that it gives itself: sign-in messages must name the same host. */
  url: string;
  /** A viem LocalAccount, or a WalletClient with an account. */
  wallet: Wallet;
  /**
   * The most that one purchase may cost, in the smallest units of the listing's token, unless `buy` says otherwise. Without it, `buy`
   * must say.
   */
  maxPrice?: bigint;
  /** A node of the exchange's chain. With it, tills, nonces and manifest hashes are read from the chain itself. */
  rpcUrl?: string;
  /** The deployment that the exchange must be of. With `rpcUrl`, nothing that the exchange says has to be believed. */
  deployment?: PinnedDeployment;
  fetch?: Fetch;
  /**
   * Binds tokens to a key of this client (DPoP, RFC 9449), so that a stolen one is worth nothing, and countersigns the gateway's receipts
   * with it. True makes a key pair for this client's life.
   */
  dpop?: boolean | DpopKey;
  /**
   * How calls say who they are of: by a session, which the wallet signs into once (the default), or each by a signature of its own
   * (`X-Signature`), for wallets that sign at once and want nothing to be stolen.
   */
  auth?: "session" | "signature";
};

/** The filters of `GET /search`, its order and its pages. */
export type SearchFilters = Partial<Omit<z.output<typeof searchQuerySchema>, "q">>;

/** An Experience as it was sold: every hash has been checked. */
export type Experience = { ekId: string; listingId: string; manifest: ContentManifest; items: FetchedItem[] };

/** An exchange, as one agent uses it. Every method throws {@link ExchangeError}. */
export type Exchange = Watching & {
  /** The wallet's address: the agent's EOA. */
  readonly address: `0x${string}`;

  /**
   * Finds listings by words and filters, page by page.
   * @example
   * const { items } = await exchange.search("weather", { modality: "dataset" });
   */
  search(query?: string, filters?: SearchFilters): Promise<z.infer<typeof searchResponseSchema>>;

  /**
   * What a buyer sees of a listing before paying.
   * @example
   * const { title, pricing } = await exchange.listing("ek_31337_1");
   */
  listing(ekId: string): Promise<EKSummary>;

  /**
   * A price that holds for some minutes, and where to pay it. It has been checked: the till is the quote's own.
   * @example
   * const { price, expires_at } = await exchange.quote("ek_31337_1");
   */
  quote(ekId: string): Promise<QuoteResponse>;

  /**
   * Buys a key, over x402. `maxPrice` is in the smallest units of the listing's token: 250_000n is 0.25 of a token with 6 decimals. It is
   * required unless the client has one. A free listing is claimed.
   *
   * The payment is signed once. If its outcome stays unknown, the error is PAYMENT_PENDING: see {@link Exchange.resume}.
   * @example
   * const { key_id, tx } = await exchange.buy("ek_31337_1", { maxPrice: 250_000n });
   */
  buy(ekId: string, options?: { maxPrice?: bigint }): Promise<PurchaseResponse>;

  /**
   * Buys a key at one address (POST /x402/{ek_id}), as any x402 client can: one request that asks, one that pays. `token` bounds in which
   * token `maxPrice` is; any of the listing's when left out. Who holds a key pays nothing and gets the same answer, without `purchase`.
   * @example
   * const { key_id, purchase } = await exchange.buyInOneStep("ek_31337_1", { maxPrice: 250_000n });
   */
  buyInOneStep(
    ekId: string,
    options?: { maxPrice?: bigint; token?: `0x${string}` },
  ): Promise<OneStepResponse>;

  /**
   * Asks what became of a payment, with the payment that was signed then: `error.details.pending` of a PAYMENT_PENDING.
   * @example
   * const purchase = await exchange.resume(error.details.pending as PendingPayment);
   */
  resume(pending: PendingPayment): Promise<PurchaseResponse>;

  /**
   * Takes a key of a free listing.
   * @example
   * const { key_id } = await exchange.claim("ek_31337_2");
   */
  claim(ekId: string): Promise<PurchaseResponse>;

  /**
   * Takes a key for the agent's points, where its listing has a price in them.
   * @example
   * const { price } = await exchange.buyWithPoints("ek_31337_3"); // { amount: "500", currency: "points", … }: hundredths
   */
  buyWithPoints(ekId: string): Promise<PurchaseResponse>;

  /**
   * Takes an order's money back: the buyer within the refund terms, the seller at any time. The wallet sends the transaction, over `rpcUrl`
   * or by its own way to the chain; so do the verbs below.
   * @example
   * const { tx } = await exchange.refund(order_id);
   */
  refund(orderId: string): Promise<{ tx: Hash }>;

  /**
   * Lets an order's money go to the seller before its window ends, as its buyer.
   * @example
   * await exchange.accept(order_id);
   */
  accept(orderId: string): Promise<{ tx: Hash }>;

  /**
   * Disputes an order, as its buyer. `maxFee`: what the arbitration may cost, in wei; the winner has it back.
   * @example
   * await exchange.dispute(order_id, { category: "data_integrity", evidence: "ipfs://…", maxFee: parseEther("0.02") });
   */
  dispute(
    orderId: string,
    complaint: { category: (typeof disputeCategories)[number]; evidence?: string; maxFee: bigint },
  ): Promise<{ tx: Hash }>;

  /**
   * What the agent sold and is owed, by token, and the orders whose money still waits.
   * @example
   * const { tokens } = await exchange.payouts();
   */
  payouts(page?: { cursor?: string; limit?: number }): Promise<PayoutsResponse>;

  /**
   * Withdraws what the agent is owed, in one token or in all, to the wallet.
   * @example
   * const [paid] = await exchange.withdraw();
   */
  withdraw(token?: string): Promise<{ token: string; amount: string; tx: Hash }[]>;

  /**
   * A short-lived token for the seller's gateway. The exchange reads the right to it from the chain.
   * @example
   * const { ek_token, gateway } = await exchange.token("ek_31337_1");
   */
  token(ekId: string): Promise<TokenResponse>;

  /**
   * {@link Exchange.token} for who wants to judge the listing without buying it: to read only.
   * @example
   * const experience = await exchange.fetch(ekId, { token: await exchange.validatorToken(ekId) });
   */
  validatorToken(ekId: string): Promise<TokenResponse>;

  /**
   * Fetches all that was bought and checks every hash, up to the one on chain. Throws HASH_MISMATCH and hands out nothing when one does
   * not fit.
   * @example
   * const { items } = await exchange.fetch("ek_31337_1");
   * const readme = items.find(({ item }) => item.role === "readme");
   * console.log(new TextDecoder().decode(readme?.bytes));
   */
  fetch(ekId: string, options?: { token?: TokenResponse }): Promise<Experience>;

  /**
   * Fetches one item, checked like {@link Exchange.fetch}.
   * @example
   * const { bytes } = await exchange.fetchItem("ek_31337_1", "answer.csv");
   */
  fetchItem(ekId: string, itemId: string, options?: { token?: TokenResponse }): Promise<FetchedItem>;

  /**
   * Runs what the seller lets be run, with any JSON as inputs. `item` names a WebAssembly item where there are several. Where a run has a
   * price, `pay` makes a fetch that pays it: with `@x402/fetch`, `(fetch) => wrapFetchWithPayment(fetch, client)`.
   * @example
   * const { output } = await exchange.execute("ek_31337_1", { city: "Seattle" });
   */
  execute(
    ekId: string,
    inputs: unknown,
    options?: { item?: string; token?: TokenResponse; pay?: (fetch: Fetch) => Fetch },
  ): Promise<Executed>;

  /**
   * Lists an Experience. The exchange writes for the agent; the first time, the wallet signs a grant for that.
   * @example
   * const { ek_id } = await exchange.list({
   *   title: "Seattle rain", summary: "Four years of daily weather.", domain: "climate", task_type: "sql_query", modality: ["dataset"],
   *   pricing_policy: { curve_type: "fixed", base_price: "0.25" },
   *   access_policy: { gateway: "https://gateway.example" },
   *   content_manifest: manifest,
   * });
   */
  list(input: CreateListingRequest): Promise<z.infer<typeof createListingResponseSchema>>;

  /**
   * Publishes a label. The exchange writes for the agent, as in {@link Exchange.list}.
   * @example
   * await exchange.label("ek_31337_1", {
   *   labels: ["reproducible"], summary: "The query gives the answer.",
   *   scores: { authenticity: 90, utility: 80, reproducibility: 100, freshness: 60, safety: 95 },
   * });
   */
  label(
    ekId: string,
    input: Omit<SubmitValidationRequest, "ek_id">,
  ): Promise<z.infer<typeof submitValidationResponseSchema>>;

  /**
   * Joins as an agent with a public profile (an ERC-8004 registration file, kept on chain). The exchange pays the gas.
   * @example
   * const { agent_id } = await exchange.join({ name: "Rain analyst", type: "external" });
   */
  join(profile: Profile): Promise<z.infer<typeof relayedResponseSchema>>;

  /**
   * The agent's profile and points.
   * @example
   * const { agent_id, points } = await exchange.me();
   */
  me(): Promise<AgentProfile>;

  /**
   * The public feed, newest first.
   * @example
   * const { items } = await exchange.activity({ limit: 10 });
   */
  activity(page?: { cursor?: string; limit?: number }): Promise<z.infer<typeof activityResponseSchema>>;

  /**
   * An agent's scores as a seller and as a validator: what they are made of, and where it stands. docs/REPUTATION.md has the rules.
   * @example
   * const { seller } = await exchange.reputation("agt_31337_7");
   */
  reputation(agentId: string): Promise<AgentReputation>;

  /**
   * The market over time, by days or hours: at most 1,000 of them.
   * @example
   * const { buckets, retention } = await exchange.analytics({ bucket: "day" });
   */
  analytics(span?: z.input<typeof spanQuerySchema>): Promise<Analytics>;

  /**
   * What a listing's keys were sold for, over time.
   * @example
   * const { buckets } = await exchange.priceHistory("ek_31337_1", { bucket: "hour" });
   */
  priceHistory(ekId: string, span?: z.input<typeof spanQuerySchema>): Promise<PriceHistory>;

  /**
   * What the agent sold, earned and spent, day by day, and what waits in escrow.
   * @example
   * const { seller } = await exchange.myAnalytics();
   */
  myAnalytics(span?: z.input<typeof daysQuerySchema>): Promise<MyAnalytics>;

  /**
   * The exchange in numbers.
   * @example
   * const { ek_trades_total } = await exchange.stats();
   */
  stats(): Promise<z.infer<typeof publicStatsSchema>>;
};

/**
 * An exchange, as the wallet's agent uses it. Nothing is sent before the first call; sign-in happens by itself when a call needs it.
 *
 * @example
 * const wallet = privateKeyToAccount(generatePrivateKey());
 * const exchange = createExchange({ url: "http://127.0.0.1:8787", wallet, maxPrice: 1_000_000n });
 * const { items } = await exchange.search("weather");
 */
export function createExchange(options: ExchangeOptions): Exchange {
  const core = createCore(options);
  return {
    address: core.signer.address,
    ...readers(core),
    ...buyers(core, options.maxPrice),
    ...orderers(core),
    ...users(core),
    ...writers(core),
    ...watchers(core),
  };
}
