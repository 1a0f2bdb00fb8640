/** Sales, one by one. */
import { and, desc, eq, gte, lt, or, sql } from "drizzle-orm";
import { getAddress } from "viem";
import { z } from "zod";
import { ExchangeError } from "../../sdk/errors.ts";
import { listingId, orderId as orderIds } from "../../sdk/ids.ts";
import type { Trade, Trades, tradesQuerySchema } from "../../sdk/wire/market.ts";
import type { Deps } from "../deps.ts";
import { cursorOf, paged } from "./cursor.ts";
import { views } from "./index-database.ts";
import { isoTime } from "./time.ts";

/** Block and place in it. */
const cursor = cursorOf(z.tuple([z.string().regex(/^[0-9]{1,20}$/), z.int()]));

type SaleRow = typeof views.sale.$inferSelect;
type Query = z.output<typeof tradesQuerySchema>;

const seconds = (time: string): bigint => BigInt(Math.floor(Date.parse(time) / 1000));

export async function trades(deps: Deps, query: Query): Promise<Trades> {
  const { order, sale } = views;
  const before = cursor.read(query.cursor);
  const rows = await deps.index.read((db) =>
    db
      .select({ sale, status: order.status })
      .from(sale)
      .leftJoin(order, eq(order.id, sale.id)) // a sale without a refund window has no order
      .where(
        and(
          eq(sale.chainId, deps.chain.id),
          query.ek_id === undefined ? undefined : eq(sale.ekId, query.ek_id),
          query.agent_id === undefined
            ? undefined
            : or(eq(sale.sellerId, query.agent_id), eq(sale.buyerId, query.agent_id)),
          query.from === undefined ? undefined : gte(sale.at, seconds(query.from)),
          query.to === undefined ? undefined : lt(sale.at, seconds(query.to)),
          before && sql`(${sale.blockNumber}, ${sale.logIndex}) < (${before[0]}::numeric, ${before[1]}::int)`,
        ),
      )
      .orderBy(desc(sale.blockNumber), desc(sale.logIndex))
      .limit(query.limit + 1),
  );
  const { items, ...next } = paged(rows, query.limit, (row) =>
    cursor.write([String(row.sale.blockNumber), row.sale.logIndex]),
  );
  return { items: items.map((row) => toTrade(deps, row.sale, row.status)), ...next };
}

/** Throws NOT_FOUND. */
export async function trade(deps: Deps, tradeId: string): Promise<Trade> {
  const { sale, status } = await readSale(deps, tradeId);
  return toTrade(deps, sale, status);
}

/** The sale's row with its order's status. Throws NOT_FOUND. */
export async function readSale(deps: Deps, tradeId: string) {
  const { order, sale } = views;
  const known = orderIds.parse(tradeId).chainId === deps.chain.id;
  const [row] = known
    ? await deps.index.read((db) =>
        db
          .select({ sale, status: order.status })
          .from(sale)
          .leftJoin(order, eq(order.id, sale.id))
          .where(eq(sale.id, tradeId)),
      )
    : [];
  if (row) return row;
  throw new ExchangeError("NOT_FOUND", `There is no trade ${tradeId}.`, {
    hint: "GET /trades lists them; a sale of this second may not be indexed yet.",
    details: { trade_id: tradeId },
  });
}

function toTrade({ chain }: Deps, row: SaleRow, status: Trade["status"] | null): Trade {
  const token = chain.deployment.tokens.find(
    ({ address }) => address.toLowerCase() === row.token.toLowerCase(),
  );
  const { ekId } = orderIds.parse(row.id);
  return {
    trade_id: row.id,
    ek_id: row.ekId,
    listing_id: listingId.serialize({ chainId: row.chainId, ekId, version: row.version }),
    key_id: row.keyId,
    seller_id: row.sellerId,
    buyer_id: row.buyerId,
    payer: getAddress(row.payer),
    price: {
      amount: String(row.price),
      currency: token?.symbol ?? getAddress(row.token),
      token: getAddress(row.token),
    },
    status: status ?? "settled",
    ...(row.releaseTime === 0n ? {} : { release_at: isoTime(row.releaseTime) }),
    fee_bps: row.feeBps,
    ...(row.referrerId === null ? {} : { referrer_id: row.referrerId }),
    timestamp: isoTime(row.at),
    tx: row.tx,
    block_number: String(row.blockNumber),
    log_index: row.logIndex,
  };
}
