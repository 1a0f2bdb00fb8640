/** A seller with a listing at 0.25 tokens, and newcomers who are about to pay for it. */
import { expect } from "chai";
import { type Address, createWalletClient, type Hash, http, type PrivateKeyAccount } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import type { QuoteResponse } from "../../../sdk/wire/listing.ts";
import type { PurchaseResponse } from "../../../sdk/wire/purchase.ts";
import type { Api } from "./api.ts";
import { openTables } from "./tables.ts";
import { createPayer, type SignedTransfer } from "./x402.ts";

/** What the listing costs, in smallest units. */
export const PRICE = 250_000n;
/** What a newcomer has. */
const FUNDS = 1_000_000_000n;

export type Paying = Awaited<ReturnType<typeof createPaying>>;

export async function createPaying(api: Api) {
  const { market } = api;
  const { account: seller } = await market.join();
  const number = await market.list(seller);

  const payerOf = (account: PrivateKeyAccount) => createPayer(account, api.chainId);

  /** Sends the request to pay, with or without a payment. */
  const post = (payUrl: string, headers: Record<string, string> = {}) =>
    api.ask<PurchaseResponse>(new URL(payUrl, api.run.apiUrl).pathname, { method: "POST", headers });

  /** A newcomer with a quote for the listing, or another one; or somebody who has joined. */
  async function quoted(listing = number, { joined = false } = {}) {
    const buyer = joined ? (await market.join()).account : await market.newcomer();
    const quote = await api.quote(api.ekIdOf(listing), buyer.address);
    return { buyer, quote, payer: payerOf(buyer) };
  }

  const keysOf = (account: Address) =>
    market.client.readContract({ ...market.contracts.keys, functionName: "balanceOf", args: [account] });

  /** Keys that a newcomer has by now, and tokens that it has spent. */
  async function holdings(account: Address) {
    const { usdc } = market.contracts;
    const balance = await market.client.readContract({ ...usdc, functionName: "balanceOf", args: [account] });
    return { keys: await keysOf(account), paid: FUNDS - balance };
  }

  async function expectOneKey(buyer: Address) {
    expect(await holdings(buyer)).to.deep.equal({ keys: 1n, paid: PRICE });
  }

  /** How many transactions the API's relayer has sent for these askers, or for any: all but its housekeeping, which goes on meanwhile. */
  async function relayed(...askers: Address[]): Promise<number> {
    const sql = openTables(api.run);
    try {
      const rows = await sql<{ asker: string }[]>`
        select asker from relayed_transactions where asker like '0x%' and state <> 'dropped'`;
      const wanted = new Set(askers.map((asker) => asker.toLowerCase()));
      return rows.filter(({ asker }) => wanted.size === 0 || wanted.has(asker)).length;
    } finally {
      await sql.end();
    }
  }

  /** Somebody else submits the transfer that the buyer signed, past API and exchange. */
  async function submitTransfer(t: SignedTransfer) {
    const mallory = await market.newcomer();
    await market.send(mallory, market.contracts.usdc, "transferWithAuthorization", [
      ...([t.from, t.to, t.value, t.validAfter, t.validBefore, t.nonce, t.signature] as const),
    ]);
  }

  /** Many newcomers with their funds; they have no ether. */
  async function crowd(count: number): Promise<PrivateKeyAccount[]> {
    const buyers = Array.from({ length: count }, () => privateKeyToAccount(generatePrivateKey()));
    const giver = privateKeyToAccount(generatePrivateKey());
    await market.giveEther(giver.address);
    const wallet = createWalletClient({ account: giver, transport: http(api.run.rpcUrl) });
    const { address, abi } = market.contracts.usdc;
    const fees = { gas: 100_000n, maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 10n ** 9n };
    for (const [nonce, buyer] of buyers.entries()) {
      await wallet.writeContract({
        ...({ address, abi, functionName: "mint", args: [buyer.address, FUNDS] } as const),
        ...{ nonce, chain: null, ...fees },
      });
    }
    return buyers;
  }

  return {
    ...{ crowd },
    ...{ api, seller, number, ekId: api.ekIdOf(number), payerOf, post, quoted },
    ...{ keysOf, holdings, expectOneKey, relayed, submitTransfer },
  };
}

/** The quote as the contract takes it. */
export function structOf({ quote: q }: QuoteResponse) {
  return {
    ekId: BigInt(q.ekId),
    version: q.version,
    buyer: q.buyer as Address,
    token: q.token as Address,
    maxPrice: BigInt(q.maxPrice),
    deadline: BigInt(q.deadline),
    salt: q.salt as Hash,
  };
}

/** What the 402 of the quote offers. */
export function offerOf(quote: QuoteResponse) {
  return {
    x402Version: 2,
    resource: { url: quote.pay_url, description: "", mimeType: "application/json" },
    accepts: [
      {
        scheme: "exact",
        network: "eip155:31337" as const,
        amount: quote.price.amount,
        asset: quote.price.token,
        payTo: quote.till,
        maxTimeoutSeconds: 30,
        extra: { name: "Test USD Coin", version: "1", paymentFlow: "upfront" },
      },
    ],
  };
}
