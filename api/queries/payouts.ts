/** What an agent sold and is owed: sums and open orders from the index, what can be withdrawn from the chain itself. */
import { and, asc, eq, inArray, sql } from "drizzle-orm";
import { type Address, encodeFunctionData, getAddress } from "viem";
import { z } from "zod";
import { exchangeAbi } from "../../sdk/abis/index.ts";
import { agentId as agentIds } from "../../sdk/ids.ts";
import type { pageQuerySchema } from "../../sdk/wire/common.ts";
import type { PayoutsResponse } from "../../sdk/wire/orders.ts";
import type { Session } from "../actions/session.ts";
import type { Deps } from "../deps.ts";
import { cursorOf, paged } from "./cursor.ts";
import { type IndexDatabase, views } from "./index-database.ts";
import { totalsOf } from "./my-analytics.ts";
import { isoTime } from "./time.ts";

/** Release time and order. */
const cursor = cursorOf(z.tuple([z.string().regex(/^[0-9]{1,20}$/), z.string().max(100)]));

type Payout = PayoutsResponse["tokens"][number];

export async function payoutsOf(
  deps: Deps,
  { agentId, eoa }: Session,
  query: z.output<typeof pageQuerySchema>,
): Promise<PayoutsResponse> {
  const me = agentIds.serialize({ chainId: deps.chain.id, agentId });
  const [sums, orders] = await deps.index.read((db) =>
    Promise.all([sumsOf(db, me), openOrders(db, me, query)]),
  );
  const page = paged(orders, query.limit, (row) => cursor.write([String(row.releaseTime), row.id]));
  const tokens = deps.chain.deployment.tokens.map(({ address }) => address.toLowerCase());
  const named = new Set([...tokens, ...sums.keys()]);
  return {
    agent_id: me,
    tokens: await Promise.all(
      [...named].map((token) => payoutIn(deps, { agentId, eoa }, token as Address, sums.get(token) ?? {})),
    ),
    held_orders: page.items.map((row) => ({
      ...{ order_id: row.id, key_id: row.keyId, ek_id: row.ekId, buyer_id: row.buyerId },
      ...{ token: getAddress(row.token), amount: String(row.amount) },
      status: row.status === "disputed" ? ("disputed" as const) : ("held" as const),
      release_at: isoTime(row.releaseTime),
    })),
    ...(page.cursor_next === undefined ? {} : { cursor_next: page.cursor_next }),
  };
}

type Sums = Partial<
  Record<"sold_at_once" | "held" | "disputed" | "released" | "refunded" | "bounties" | "withdrawn", string>
>;

/** Each token's sums, by its address in lower case. */
async function sumsOf(db: IndexDatabase, me: string): Promise<Map<string, Sums>> {
  const rows = await totalsOf(db, me);
  return new Map(
    rows.map(({ token, soldAtOnce, held, disputed, released, refunded, bounties, withdrawn }) => [
      token.toLowerCase(),
      {
        ...{ sold_at_once: String(soldAtOnce), held: String(held), disputed: String(disputed) },
        // What went back of an order that a dispute split counts as refunded, its rest as released.
        ...{ released: String(released), refunded: String(refunded) },
        ...{ bounties: String(bounties), withdrawn: String(withdrawn) },
      },
    ]),
  );
}

function openOrders(
  db: IndexDatabase,
  me: string,
  { cursor: from, limit }: z.output<typeof pageQuerySchema>,
) {
  const { order } = views;
  const after = cursor.read(from);
  return db
    .select()
    .from(order)
    .where(
      and(
        eq(order.sellerId, me),
        inArray(order.status, ["held", "disputed"]),
        after && sql`(${order.releaseTime}, ${order.id}) > (${after[0]}::numeric, ${after[1]})`,
      ),
    )
    .orderBy(asc(order.releaseTime), asc(order.id))
    .limit(limit + 1);
}

async function payoutIn(
  { chain }: Deps,
  { agentId, eoa }: Pick<Session, "agentId" | "eoa">,
  token: Address,
  sums: Sums,
): Promise<Payout> {
  const credit = await chain.exchange.read.creditOf([agentId, token]);
  const known = chain.deployment.tokens.find(({ address }) => address.toLowerCase() === token);
  const withdraw = {
    ...{ chain_id: chain.id, from: eoa, to: chain.exchange.address, value: "0" },
    data: encodeFunctionData({
      abi: exchangeAbi,
      functionName: "withdraw",
      args: [agentId, getAddress(token), eoa],
    }),
    function: "Exchange.withdraw(agentId, token, to)",
  };
  return {
    ...{ token: getAddress(token), currency: known?.symbol ?? getAddress(token), credit: String(credit) },
    ...{ sold_at_once: "0", held: "0", disputed: "0", released: "0", refunded: "0" },
    ...{ bounties: "0", withdrawn: "0" },
    ...sums,
    ...(credit === 0n ? {} : { withdraw }),
  };
}
