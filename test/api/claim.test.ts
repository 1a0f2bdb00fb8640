import { expect } from "chai";
import { curves } from "../../sdk/curves.ts";
import { purchaseResponseSchema } from "../../sdk/wire/purchase.ts";
import { expectError } from "./support/api.ts";
import { useApi } from "./support/use-api.ts";

/*
POST /me/buy/purchase
├── free, of a free listing       the key
├── free or crypto, of a paid one 402 that says how to pay
├── card, points                  409: not offered, not for points
└── unknown, sold out             404, 409
*/
describe("api: taking free keys", () => {
  const shared = useApi();
  type Agent = Awaited<ReturnType<typeof shared.api.agent>>;
  let buyer: Agent;
  let free: bigint;
  let paid: bigint;

  before(async () => {
    const seller = await shared.api.market.join();
    buyer = await shared.api.agent();
    free = await shared.api.market.list(seller.account, {
      curveParams: curves.fixed.encode({ price: 0n }),
      supplyCap: 1,
    });
    paid = await shared.api.market.list(seller.account);
  });

  const take = (number: bigint, type: string, token = buyer.token) =>
    shared.api.ask("/me/buy/purchase", {
      token,
      body: { ek_id: shared.api.ekIdOf(number), payment_method: { type } },
    });

  it("points to the quote for what costs money", async () => {
    for (const type of ["free", "crypto"]) {
      const { details } = expectError(await take(paid, type), "PAYMENT_REQUIRED", 402);
      expect(details).to.deep.include({
        price: "250000",
        quote: {
          method: "POST",
          url: `${shared.api.run.apiUrl}/listings/${shared.api.ekIdOf(paid)}/quote`,
          body: { buyer: buyer.account.address },
        },
      });
    }
  });

  it("says which rails are not offered", async () => {
    const card = expectError(await take(paid, "card"), "LISTING_CONFLICT", 409);
    expect(card.details).to.deep.include({
      ...{ reason: "rail_not_offered", offered: ["free", "points", "crypto"] },
    });
    const points = expectError(await take(paid, "points"), "LISTING_CONFLICT", 409);
    expect(points.details.reason).to.equal("not_for_points");
    expectError(await take(paid, "barter"), "INVALID_REQUEST", 400);
    expectError(await take(999_999n, "free"), "EK_NOT_FOUND", 404);
  });

  it("asks for the grant that it needs, and gives the key with it, until they are gone", async () => {
    const newcomer = await shared.api.market.newcomer();
    const token = await shared.api.signIn(newcomer);
    const { details } = expectError(await take(free, "free", token), "SCOPE_DENIED", 403);
    expect(details.actions).to.deep.equal(["claim"]);
    await shared.api.grant(newcomer, ["claim"], token);
    const { status, body } = await take(free, "free", token);
    expect(status, JSON.stringify(body)).to.equal(200);
    expect(purchaseResponseSchema.parse(body)).to.deep.include({
      status: "EKIssued",
      points_awarded: { seller: 2, buyer: 1 },
      price: { amount: "0", currency: "tUSDC", token: shared.api.market.token },
    });
    expectError(await take(free, "free"), "LISTING_CONFLICT", 409);
  });
});
