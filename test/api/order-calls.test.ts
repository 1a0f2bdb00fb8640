import { expect } from "chai";
import { parseEther } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { createExchange } from "../../sdk/client.ts";
import { joinTokenId, orderId as orderIds } from "../../sdk/ids.ts";
import type { PayoutsResponse, TransactionRequest } from "../../sdk/wire/orders.ts";
import { createIndexReader, type IndexReader } from "../support/index-reader.ts";
import { expectError } from "./support/api.ts";
import { openTables } from "./support/tables.ts";
import { useApi } from "./support/use-api.ts";

const PRICE = 250_000n;
const HOUR = 3_600;

/*
orders after the sale
├── refund, accept, dispute   the contract takes them from the agent's EOA alone: the transaction to sign, or why not
│   └── by the SDK            checked, sent by the wallet; the payment's row follows the chain
├── payouts                   sums of the index, credit of the chain, a withdrawal to send
└── first use                 recorded on chain before the first token is handed out: then no refund "until access"
*/
describe("api: what may be done with an order", function () {
  this.timeout(90_000);
  const shared = useApi();
  type Agent = Awaited<ReturnType<typeof shared.api.agent>>;
  let index: IndexReader;
  let seller: Agent;

  before(async () => {
    index = createIndexReader(shared.api.run);
    seller = await shared.api.agent();
  });
  after(() => index?.end());

  const list = (refundTerms: number) =>
    shared.api.market.list(seller.account, { refundWindow: HOUR, refundTerms });
  const clientOf = (wallet: Agent["account"]) => {
    const { apiUrl: url, rpcUrl, deployment } = shared.api.run;
    return createExchange({ url, wallet, rpcUrl, deployment, maxPrice: PRICE });
  };
  const orderOnChain = (id: string) =>
    shared.api.market.client.readContract({
      ...{ ...shared.api.market.contracts.exchange, functionName: "orderOf" },
      args: [joinTokenId(orderIds.parse(id))],
    } as const);
  async function bought(refundTerms: number) {
    const account = await shared.api.market.newcomer();
    const exchange = clientOf(account);
    const ekId = shared.api.ekIdOf(await list(refundTerms));
    const purchase = await exchange.buy(ekId);
    return { account, exchange, ekId, purchase, token: await shared.api.signIn(account) };
  }
  const stateIn = async (keyId: string) => {
    const sql = openTables(shared.api.run);
    try {
      const [row] = await sql<{ state: string }[]>`select state from payments where key_id = ${keyId}`;
      return row?.state;
    } finally {
      await sql.end();
    }
  };
  async function paymentBecomes(keyId: string, state: string) {
    for (const deadline = Date.now() + 20_000; (await stateIn(keyId)) !== state; ) {
      if (Date.now() > deadline) throw new Error(`The payment stays ${await stateIn(keyId)}.`);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }

  it("E18 answers the transaction that the contract would take, and refuses what it would refuse", async () => {
    const { purchase, token, account } = await bought(2);
    const path = `/me/orders/${purchase.order_id}`;
    const tx = await shared.api.get<TransactionRequest>(`${path}/refund`, { token, method: "POST" });
    expect(tx).to.deep.include({
      ...{ chain_id: 31337, from: account.address, value: "0", function: "Exchange.refund(keyId)" },
      to: shared.api.market.contracts.exchange.address,
    });
    const stranger = await shared.api.signIn(privateKeyToAccount(generatePrivateKey()));
    for (const verb of ["refund", "accept"]) {
      expectError(
        await shared.api.ask(`${path}/${verb}`, { token: stranger, method: "POST" }),
        "SCOPE_DENIED",
        403,
      );
    }
    const unknown = "/me/orders/ord_31337_999999_1_0/refund";
    expectError(await shared.api.ask(unknown, { token, method: "POST" }), "NOT_FOUND", 404);
    expectError(
      await shared.api.ask(`${path}/dispute`, { token, body: { category: "boredom" } }),
      "INVALID_REQUEST",
      400,
    );
    expectError(await shared.api.ask(`${path}/refund`, { method: "POST" }), "INVALID_SIGNATURE", 401);
  });

  it("E18 refunds by the SDK: key gone, money back, and the payment says so", async () => {
    const { exchange, purchase } = await bought(2);
    await exchange.refund(purchase.order_id);
    expect((await orderOnChain(purchase.order_id)).status).to.equal(4);
    await paymentBecomes(purchase.key_id, "Refunded");
    const [paid] = await exchange.withdraw();
    expect(paid?.amount).to.equal(String(PRICE));
    const again = await exchange.refund(purchase.order_id).catch((error: unknown) => error);
    expect(again).to.include({ code: "LISTING_CONFLICT" });
  });

  it("E18 disputes by the SDK, for no more than it may cost; the seller concedes; the payment follows", async () => {
    const { market } = shared.api;
    const { exchange, purchase } = await bought(0);
    const complaint = { category: "data_integrity", evidence: "ipfs://complaint" } as const;
    const dear = await exchange
      .dispute(purchase.order_id, { ...complaint, maxFee: 1n })
      .catch((error: unknown) => error);
    expect(dear).to.include({ code: "INVALID_REQUEST" });
    await exchange.dispute(purchase.order_id, { ...complaint, maxFee: parseEther("1") });
    await paymentBecomes(purchase.key_id, "Disputed");
    const keyId = joinTokenId(orderIds.parse(purchase.order_id));
    await market.send(seller.account, market.contracts.disputes, "concede", [keyId]);
    await paymentBecomes(purchase.key_id, "Refunded");
  });

  it("E18 pays out: the index's sums, the chain's credit, and a withdrawal that the wallet sends", async () => {
    const { exchange, purchase } = await bought(2);
    await index.caughtUp();
    const { token } = shared.api.market;
    const of = ({ tokens }: PayoutsResponse) => tokens.find((payout) => payout.token === token);
    const before = await shared.api.get<PayoutsResponse>("/me/sell/payouts", { token: seller.token });
    expect(before.agent_id).to.equal(seller.id);
    expect(BigInt(of(before)?.held ?? 0) >= PRICE).to.equal(true);
    const open = before.held_orders.find(({ order_id }) => order_id === purchase.order_id);
    expect(open).to.include({ status: "held", amount: String(PRICE), release_at: purchase.release_at });
    await exchange.accept(purchase.order_id);
    await index.caughtUp();
    const after = await shared.api.get<PayoutsResponse>("/me/sell/payouts", { token: seller.token });
    const gained = (name: "released" | "credit") =>
      BigInt(of(after)?.[name] ?? 0) - BigInt(of(before)?.[name] ?? 0);
    expect([gained("released"), gained("credit")]).to.deep.equal([PRICE, PRICE]);
    const [paid] = await clientOf(seller.account).withdraw(token);
    expect(paid?.amount).to.equal(of(after)?.credit);
    await index.caughtUp();
    const done = await shared.api.get<PayoutsResponse>("/me/sell/payouts", { token: seller.token });
    expect(of(done)).to.include({ credit: "0" }).and.not.to.have.property("withdraw");
  });

  it("E18 records the first use before the first token is handed out: then no refund until access", async () => {
    const { exchange, purchase, ekId } = await bought(1);
    expect((await orderOnChain(purchase.order_id)).accessed).to.equal(false);
    await exchange.token(ekId);
    expect((await orderOnChain(purchase.order_id)).accessed, "in a block, by then").to.equal(true);
    const refused = await exchange.refund(purchase.order_id).catch((error: unknown) => error);
    expect(refused).to.include({ code: "SCOPE_DENIED" });
    await paymentBecomes(purchase.key_id, "AccessGranted");
    const unused = await bought(1);
    await unused.exchange.refund(unused.purchase.order_id);
    expect((await orderOnChain(unused.purchase.order_id)).status).to.equal(4);
  });
});
