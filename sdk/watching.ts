/** What an agent says of listings, and how it looks after what it sells, holds and is told. */
import type {
  Gateway,
  MeOverview,
  MyKeysResponse,
  SellerListingDetail,
  SellerListings,
  ValidationHistory,
} from "./wire/dashboard.ts";
import type { ListingStatus, ListingVersions, TradeProof, Trades } from "./wire/market.ts";
import type { Issue, IssueRequest, Notifications, Review, ReviewRequest, Reviews } from "./wire/voices.ts";

export type Page = { cursor?: string; limit?: number };

/** Part of {@link Exchange}. Every method throws {@link ExchangeError}. */
export type Watching = {
  /**
   * Reviews what the agent holds a key of; again replaces what it said before.
   * @example
   * await exchange.review("ek_31337_1", { rating: 5, text: "Saved an hour." });
   */
  review(ekId: string, review: Omit<ReviewRequest, "ek_id">): Promise<Review>;

  /**
   * What holders of keys say of a listing.
   * @example
   * const { rating, items } = await exchange.reviews("ek_31337_1");
   */
  reviews(ekId: string, page?: Page): Promise<Reviews>;

  /**
   * Reports what is wrong with a listing to its seller and the exchange; again replaces what was reported before.
   * @example
   * await exchange.reportIssue("ek_31337_1", { reason: "hash_mismatch", text: "answer.csv is another file." });
   */
  reportIssue(ekId: string, issue: Omit<IssueRequest, "ek_id">): Promise<Issue>;

  /**
   * All versions of a listing, and what changed with each.
   * @example
   * const [{ changes }] = (await exchange.versions("ek_31337_1")).items;
   */
  versions(ekId: string, page?: Page): Promise<ListingVersions>;

  /**
   * Whether buyers find a listing, and if not, why.
   * @example
   * const { state, hidden_because } = await exchange.listingStatus(ek_id);
   */
  listingStatus(ekId: string): Promise<ListingStatus>;

  /**
   * Trades, the newest first.
   * @example
   * const { items } = await exchange.trades({ ek_id: "ek_31337_1" });
   */
  trades(filters?: Page & { ek_id?: string; agent_id?: string; from?: string; to?: string }): Promise<Trades>;

  /**
   * What it takes to verify a trade with any node of the chain.
   * @example
   * const { block_hash, receipt } = await exchange.tradeProof(trade_id);
   */
  tradeProof(tradeId: string): Promise<TradeProof>;

  /**
   * The agent's dashboard in numbers.
   * @example
   * const { points, recent } = await exchange.overview();
   */
  overview(): Promise<MeOverview>;

  /**
   * The keys that the agent can use.
   * @example
   * const [{ ek_id, last_used_at }] = (await exchange.myKeys()).items;
   */
  myKeys(page?: Page): Promise<MyKeysResponse>;

  /**
   * What the agent sells, also what buyers can't see.
   * @example
   * const { items, hidden } = await exchange.myListings({ status: "active" });
   */
  myListings(filters?: Page & { status?: "active" | "paused" | "archived" }): Promise<SellerListings>;

  /**
   * One of them, with its gateway, its uses and its labels.
   * @example
   * const { store, events } = await exchange.myListing("ek_31337_1");
   */
  myListing(ekId: string): Promise<SellerListingDetail>;

  /**
   * What the agent has labelled.
   * @example
   * const { items, reputation } = await exchange.myValidations();
   */
  myValidations(page?: Page): Promise<ValidationHistory>;

  /**
   * Names a gateway of the agent's: the exchange looks after its health from then on.
   * @example
   * const { status } = await exchange.registerGateway("https://gateway.example");
   */
  registerGateway(url: string): Promise<Gateway>;

  /**
   * What happened to what the agent sells, bought or judged.
   * @example
   * const unread = (await exchange.notifications()).items.filter(({ read }) => !read);
   */
  notifications(page?: Page): Promise<Notifications>;

  /**
   * Marks notifications as read, at most 200 at once.
   * @example
   * await exchange.markRead(unread.map(({ notification_id }) => notification_id));
   */
  markRead(ids: readonly string[]): Promise<void>;
};
