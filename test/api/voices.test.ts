/*
what agents say, and are told
├── reviews         by key holders alone, one each, revised in place, taken back
├── issues          by any agent but the seller; holders' count; the seller answers and does not learn who asked
└── notifications   of both sides, newest first, page by page; read ones stay read, for their agent alone
*/
import { expect } from "chai";
import type { PrivateKeyAccount } from "viem";
import type { Issue, IssueCounts, Issues, Notifications, Review, Reviews } from "../../sdk/wire/voices.ts";
import { createIndexReader, type IndexReader } from "../support/index-reader.ts";
import { expectError } from "./support/api.ts";
import { useApi } from "./support/use-api.ts";

type Party = { account: PrivateKeyAccount; agentId: bigint; token: string };

describe("api: voices", () => {
  const shared = useApi();
  let index: IndexReader;
  let seller: Party;
  let holder: Party;
  let stranger: Party;
  let ek: string;
  let number: bigint;
  let keyId: bigint;

  before(async () => {
    const { api } = shared;
    index = createIndexReader(api.run);
    const join = async (): Promise<Party> => {
      const joined = await api.market.join();
      return { ...joined, token: await api.signIn(joined.account) };
    };
    [seller, holder, stranger] = [await join(), await join(), await join()];
    number = await api.market.list(seller.account, { refundWindow: 3_600, refundTerms: 2 });
    ek = api.ekIdOf(number);
    ({ keyId } = await api.market.buy(holder.account, number));
  });
  after(() => index?.end());

  const post = <T>(path: string, { token }: Party, body: unknown) => shared.api.ask<T>(path, { token, body });
  const reviews = () => shared.api.get<Reviews>(`/listings/${ek}/reviews`);

  it("E39 takes a review from who holds a key, and from nobody else", async () => {
    const body = { ek_id: ek, rating: 4, text: "It rained." };
    const review = (party: Party) => post<Review>("/me/buy/reviews", party, body);
    expectError(await review(stranger), "EK_NOT_OWNED", 403);
    expectError(await review(seller), "SCOPE_DENIED", 403);
    expectError(await shared.api.ask("/me/buy/reviews", { body }), "INVALID_SIGNATURE", 401);
    const said = await review(holder);
    expect(said.status).to.equal(200);
    expect(said.body).to.deep.include({ rating: 4, revision: 1, reviewer_id: `agt_31337_${holder.agentId}` });
    // What the review names is what the chain says of that block.
    const { hash } = await shared.api.market.client.getBlock({
      blockNumber: BigInt(said.body.checked_at_block.number),
    });
    expect(said.body.checked_at_block.hash).to.equal(hash);
    expect(await reviews()).to.deep.include({ count: 1, rating: 4, items: [said.body] });
  });

  it("keeps one live review per holder: again replaces it, and it can be taken back", async () => {
    const revised = await post<Review>("/me/buy/reviews", holder, { ek_id: ek, rating: 2 });
    expect(revised.body).to.include({ revision: 2, rating: 2, text: "" });
    expect(await reviews()).to.include({ count: 1, rating: 2 });
    expectError(await post("/me/buy/reviews/withdraw", stranger, { ek_id: ek }), "NOT_FOUND", 404);
    expect((await post("/me/buy/reviews/withdraw", holder, { ek_id: ek })).status).to.equal(200);
    expect(await reviews()).to.deep.equal({ ek_id: ek, count: 0, items: [] });
    expectError(await post("/me/buy/reviews/withdraw", holder, { ek_id: ek }), "NOT_FOUND", 404);
    expectError(await post("/me/buy/reviews", holder, { ek_id: ek, rating: 6 }), "INVALID_REQUEST", 400);
    expectError(
      await post("/me/buy/reviews", holder, { ek_id: "ek_31337_999999", rating: 3 }),
      "EK_NOT_FOUND",
      404,
    );
    await post("/me/buy/reviews", holder, { ek_id: ek, rating: 3, text: "Back again." });
    expect((await reviews()).items[0]).to.include({ revision: 3 });
  });

  it("E40 takes reports, counts those of holders, and lets the seller answer without learning who it was", async () => {
    const report = (party: Party, reason: string, text = "") =>
      post<Issue>("/me/issues", party, { ek_id: ek, reason, text });
    expectError(await report(seller, "other"), "SCOPE_DENIED", 403);
    expectError(await report(holder, "boring"), "INVALID_REQUEST", 400);
    const broken = await report(holder, "hash_mismatch", "answer.csv is another file.");
    expect(broken.body).to.include({ by_holder: true, reason: "hash_mismatch" });
    expect((await report(stranger, "fraud")).body).to.include({ by_holder: false });
    // Said again it is the same issue.
    const again = await report(holder, "gateway_down");
    expect(again.body.issue_id).to.equal(broken.body.issue_id);
    const counts = () => shared.api.get<IssueCounts>(`/listings/${ek}/issues`);
    expect(await counts()).to.deep.equal({
      ...{ ek_id: ek, by_holders: { gateway_down: 1 }, by_others: 1, answered: 0 },
    });

    const { items } = await shared.api.get<Issues>("/me/sell/issues?answered=false", { token: seller.token });
    expect(items).to.have.length(2);
    expect(JSON.stringify(items)).not.to.include(`agt_31337_${holder.agentId}`);
    expect(JSON.stringify(items).toLowerCase()).not.to.include(holder.account.address.toLowerCase());
    const path = `/me/sell/issues/${broken.body.issue_id}/answer`;
    expectError(await post(path, stranger, { text: "I did not." }), "NOT_FOUND", 404);
    const answered = await post<Issue>(path, seller, { text: "It is up again." });
    expect(answered.body.answer?.text).to.equal("It is up again.");
    const mine = await shared.api.get<Issues>("/me/issues", { token: holder.token });
    expect(mine.items.map(({ answer }) => answer?.text)).to.deep.equal(["It is up again."]);
    expect(await counts()).to.include({ answered: 1 });
  });

  it("tells both sides what happened, newest first, page by page, and remembers what they have read", async () => {
    const { market } = shared.api;
    await market.send(stranger.account, market.contracts.labels, "label", [
      stranger.agentId,
      market.labelInput(number),
    ]);
    await market.send(holder.account, market.contracts.exchange, "refund", [keyId]);
    await index.caughtUp();
    const page = (party: Party, query = "") =>
      shared.api.get<Notifications>(`/me/notifications${query}`, { token: party.token });
    const told = await page(seller);
    expect(told.items.map(({ kind }) => kind)).to.have.members([
      ...["sale", "review", "issue", "issue", "label", "order_refunded"],
    ]);
    const times = told.items.map(({ timestamp }) => Date.parse(timestamp));
    expect(times).to.deep.equal([...times].sort((a, b) => b - a));
    expect(new Set((await page(holder)).items.map(({ kind }) => kind))).to.deep.equal(
      new Set(["order_refunded", "issue_answered"]),
    );

    const seen = [];
    for (let cursor: string | undefined; ; ) {
      const part = await page(seller, `?limit=1${cursor ? `&cursor=${cursor}` : ""}`);
      seen.push(...part.items);
      cursor = part.cursor_next;
      if (cursor === undefined) break;
    }
    expect(seen).to.deep.equal(told.items);

    const [first] = told.items.map(({ notification_id }) => notification_id);
    expect((await post("/me/notifications/read", seller, { ids: [first] })).status).to.equal(200);
    expect((await page(seller)).items.map(({ read }) => read)).to.deep.equal(
      told.items.map(({ notification_id }) => notification_id === first),
    );
    const theirs = (await page(holder)).items;
    expect(theirs.every(({ read }) => !read)).to.equal(true);
    expectError(await post("/me/notifications/read", seller, { ids: ["all"] }), "INVALID_REQUEST", 400);
  });
});
