/**
 * The contracts' storage in the shape of `rows-model.ts` (invariant 26). Agents and listings are enumerated from storage. What
 * storage cannot list is asked for by the rows' names: grants, keys, orders, charges, labels, tokens, curves; a key that has no row shows in the listing's
 * count of sold keys and in its holder's count of keys, a label in the listing's count of labels.
 */
import { type Address, BaseError, ContractFunctionRevertedError } from "viem";
import * as ids from "../../sdk/ids.ts";
import { refundTerms, scoreNames } from "../../sdk/records.ts";
import { arbitrationOf } from "./arbitration-model.ts";
import type { Market } from "./market.ts";
import { isLossy, judgedPairs, type Model, type Rows, shape } from "./rows-model.ts";
import { bondsOf, seatsOf } from "./storage-bonds.ts";
import { agentIdsOf, all, ekIdsOf, idsOf } from "./storage-reading.ts";

/** Reads everything at the chain's head; nobody may write meanwhile. */
export async function modelOfStorage(market: Market, rows: Rows): Promise<Model> {
  return {
    ...(await identitiesOf(market, rows)),
    ...(await salesOf(market, rows)),
    ...(await labelsOf(market, rows)),
    ...(await bondsOf(market, rows)),
    ...(await seatsOf(market, rows)),
    ...(await settingsOf(market, rows)),
    ...(await arbitrationOf(market, rows)),
  };
}

const statuses = ["none", "active", "paused", "archived"];
const orderStatuses = ["none", "held", "disputed", "released", "refunded"];
const lower = (address: Address) => address.toLowerCase() as Address;
async function identitiesOf(market: Market, rows: Rows) {
  const { client, contracts } = market;
  const { registry } = contracts;
  const { agt } = idsOf(market);
  const agents = await all(await agentIdsOf(market), (agentId) => agentOf(market, agentId));
  const epochs = agents.flatMap(({ agentId, epoch }) =>
    Array.from({ length: epoch + 1 }, (_, e) => ({ agentId, epoch: e })),
  );
  const eoas = await all(epochs, async ({ agentId, epoch }) => {
    const eoa = await client.readContract({ ...registry, functionName: "eoaAt", args: [agentId, epoch] });
    return { agentId, epoch, eoa: lower(eoa) };
  });
  const bindings = await all([...new Set(eoas.map(({ eoa }) => eoa))], async (eoa) => ({
    eoa,
    agentId: await client.readContract({ ...registry, functionName: "lastAgentOf", args: [eoa] }),
  }));
  const grants = await all(rows.grants, async ({ agentId, operator }) => {
    const args = [ids.agentId.parse(agentId).agentId, operator] as const;
    const [actions, expiry] = await client.readContract({ ...registry, functionName: "grantOf", args });
    return { name: `${agentId} to ${operator}`, actions, expiry };
  });
  return {
    agents: shape(agents, ({ agentId, ...agent }) => [agt(agentId), agent]),
    eoas: shape(eoas, ({ agentId, epoch, eoa }) => [`${agt(agentId)} epoch ${epoch}`, { eoa }]),
    bindings: shape(bindings, ({ eoa, agentId }) => [eoa, { agentId: agt(agentId) }]),
    grants: shape(grants, ({ name, ...grant }) => [name, grant]),
  };
}

async function agentOf({ client, contracts: { registry, points, keys } }: Market, agentId: bigint) {
  const args = [agentId] as const;
  const eoa = await client.readContract({ ...registry, functionName: "eoaOf", args });
  const agentUri = await client.readContract({ ...registry, functionName: "tokenURI", args });
  return {
    agentId,
    eoa: lower(eoa),
    epoch: await client.readContract({ ...registry, functionName: "epochOf", args }),
    agentUri: agentUri.replaceAll("\0", "\ufffd"),
    pointsBalance: await client.readContract({ ...points, functionName: "balanceOf", args }),
    pointsLifetime: await client.readContract({ ...points, functionName: "lifetimeOf", args }),
    keys: await client.readContract({ ...keys, functionName: "balanceOf", args: [eoa] }),
  };
}

async function salesOf(market: Market, rows: Rows) {
  const { client, contracts } = market;
  const { agt, ek } = idsOf(market);
  const listings = await all(await ekIdsOf(market), async (ekId) => ({
    id: ek(ekId),
    listing: await listingOf(market, ekId),
  }));
  const keys = await all(rows.keys, async ({ id }) => ({ id, key: await keyOf(market, id) }));
  const accounts = (await agentIdsOf(market)).flatMap((agentId) =>
    rows.tokens.map(({ token }) => ({ agentId, token })),
  );
  const credits = await all(accounts, async ({ agentId, token }) => {
    const args = [agentId, token] as const;
    const amount = await client.readContract({ ...contracts.exchange, functionName: "creditOf", args });
    return { name: `${agt(agentId)} in ${token}`, amount };
  });
  const orders = await all(rows.orders, async ({ id }) => ({ id, order: await orderOf(market, id) }));
  const pots = (await ekIdsOf(market)).flatMap((ekId) => rows.tokens.map(({ token }) => ({ ekId, token })));
  const bounties = await all(pots, async ({ ekId, token }) => {
    const args = [ekId, token] as const;
    const amount = await client.readContract({ ...contracts.exchange, functionName: "bountyOf", args });
    return { name: `${ek(ekId)} in ${token}`, amount };
  });
  const charges = await all(rows.charges, async ({ chargeId }) => {
    const args = [chargeId] as const;
    const [keyId, reversed] = await client.readContract({
      ...contracts.cards,
      ...{ functionName: "chargeOf", args },
    });
    return { chargeId, keyId: idsOf(market).key(keyId), reversed };
  });
  return {
    orders: shape(orders, ({ id, order }) => [id, order]),
    bounties: shape(
      bounties.filter(({ amount }) => amount !== 0n),
      ({ name, amount }) => [name, { amount }],
    ),
    charges: shape(charges, ({ chargeId, ...charge }) => [chargeId, charge]),
    listings: shape(listings, ({ id, listing }) => [id, listing]),
    keys: shape(keys, ({ id, key }) => [id, key]),
    credits: shape(
      credits.filter(({ amount }) => amount !== 0n),
      ({ name, amount }) => [name, { amount }],
    ),
  };
}

async function listingOf(market: Market, ekId: bigint) {
  const { client, contracts } = market;
  const args = [ekId] as const;
  const listing = await client.readContract({ ...contracts.catalog, functionName: "listingOf", args });
  const aggregate = await client.readContract({ ...contracts.labels, functionName: "aggregateOf", args });
  const { terms } = listing;
  return {
    ...{ sellerId: idsOf(market).agt(listing.sellerId), version: listing.version, sold: listing.sold },
    ...{ status: statuses[listing.status], contentHash: listing.contentHash },
    ...{ token: lower(terms.token), curve: lower(terms.curve), curveParams: terms.curveParams },
    ...{ supplyCap: BigInt(terms.supplyCap), keyTtl: BigInt(terms.keyTtl) },
    ...{ startTime: BigInt(terms.startTime), endTime: BigInt(terms.endTime) },
    ...{ scopes: terms.scopes, flags: terms.flags },
    ...{ refundWindow: terms.refundWindow, refundTerms: refundTerms[terms.refundTerms] },
    ...{ bountyBps: terms.bountyBps, referralBps: terms.referralBps, resaleBps: terms.resaleBps },
    ...{ pointsPrice: BigInt(terms.pointsPrice), requestsPerDay: BigInt(terms.requestsPerDay) },
    requestsPerMinute: BigInt(terms.requestsPerMinute),
    royalties: terms.royalties.map(({ ekId: source, bps }) => ({ ekId: idsOf(market).ek(source), bps })),
    labels: aggregate.count,
    scores: scoreNames.map((name) => aggregate[name]),
  };
}

async function orderOf(market: Market, id: string) {
  const args = [ids.joinTokenId(ids.orderId.parse(id))] as const;
  const order = await market.client.readContract({
    ...market.contracts.exchange,
    ...{ functionName: "orderOf", args },
  });
  const { agt } = idsOf(market);
  return {
    ...{ sellerId: agt(order.sellerId), payerId: agt(order.buyerId), version: order.version },
    ...{ token: lower(order.token), amount: order.amount, releaseTime: BigInt(order.releaseTime) },
    ...{ status: orderStatuses[order.status], accessed: order.accessed },
  };
}

async function keyOf(market: Market, id: string) {
  const args = [ids.joinTokenId(ids.keyId.parse(id))] as const;
  try {
    const { client, contracts } = market;
    const key = await client.readContract({ ...contracts.keys, functionName: "keyInfo", args });
    const user = await client.readContract({ ...contracts.keys, functionName: "userOf", args });
    const userExpires = await client.readContract({ ...contracts.keys, functionName: "userExpires", args });
    const userId = await client.readContract({
      ...contracts.registry,
      ...{ functionName: "agentOf", args: [user] },
    });
    return {
      ...{ userId: userId === 0n ? null : idsOf(market).agt(userId), userExpires },
      ...{ holderId: idsOf(market).agt(key.agentId), version: key.version, startedAt: BigInt(key.startTime) },
      ...{ expiry: BigInt(key.expiry), scopes: key.scopes, flags: key.flags },
    };
  } catch (error) {
    const revert =
      error instanceof BaseError && error.walk((e) => e instanceof ContractFunctionRevertedError);
    const name = revert instanceof ContractFunctionRevertedError ? revert.data?.errorName : undefined;
    if (name === "UnknownKey") return { burnt: true };
    throw error;
  }
}

async function labelsOf(market: Market, rows: Rows) {
  const { client, contracts } = market;
  const { agt, ek, lbl } = idsOf(market);
  const pairs = judgedPairs(rows).map(
    ({ l, agentId }) => [ids.ekId.parse(l.id).ekId, ids.agentId.parse(agentId).agentId] as const,
  );
  const lossy = new Set(rows.labels.filter(isLossy).map(({ id }) => id));
  const labels = await all(pairs, async (args) => ({
    id: lbl(...args),
    args,
    label: await client.readContract({ ...contracts.labels, functionName: "labelOf", args }),
  }));
  const revisions = labels.flatMap(({ id, args, label }) =>
    Array.from({ length: label.revision }, (_, i) => ({ id, args: [...args, i + 1] as const })),
  );
  const ends = await all(revisions, async ({ id, args }) => ({
    name: `${id} revision ${args[2]}`,
    endedAt: await client.readContract({ ...contracts.labels, functionName: "endOf", args }),
  }));
  const endorsers = await all(await ekIdsOf(market), async (ekId) => ({
    ekId,
    validatorId: await client.readContract({
      ...contracts.labels,
      ...{ functionName: "endorserOf", args: [ekId] },
    }),
  }));
  const rights = await all(pairs, async (args) => ({
    name: `${agt(args[1])} labels ${ek(args[0])}`,
    allowed: await client.readContract({ ...contracts.labels, functionName: "mayLabel", args }),
  }));
  return {
    labels: shape(
      labels.filter(({ label }) => label.revision !== 0),
      ({ id, label: { revision, disputed, ...label } }) => [
        id,
        label.createdAt === 0
          ? { gone: true, revision }
          : {
              ...{ version: label.version, types: label.types, createdAt: BigInt(label.createdAt) },
              ...{ revision, disputed },
              scores: scoreNames.map((name) => label.scores[name]),
              inputHash: lossy.has(id) ? null : label.inputHash,
            },
      ],
    ),
    formerLabels: shape(
      ends.filter(({ endedAt }) => endedAt !== 0n),
      ({ name, endedAt }) => [name, { endedAt }],
    ),
    endorsements: shape(
      endorsers.filter(({ validatorId }) => validatorId !== 0n),
      ({ ekId, validatorId }) => [ek(ekId), { validatorId: agt(validatorId) }],
    ),
    mayLabel: shape(rights, ({ name, allowed }) => [name, { allowed }]),
  };
}

async function settingsOf(market: Market, rows: Rows) {
  const { client } = market;
  const { catalog, exchange, points } = market.contracts;
  const policy = await client.readContract({ ...points, functionName: "policy" });
  const until = await client.readContract({ ...exchange, functionName: "pausedUntil" });
  const feeBps = await client.readContract({ ...exchange, functionName: "feeBps" });
  const feeAgentId = await client.readContract({ ...exchange, functionName: "feeAgentId" });
  const tokens = await all(rows.tokens, async ({ token }) => ({
    token,
    allowed: await client.readContract({ ...catalog, functionName: "isTokenAllowed", args: [token] }),
  }));
  const curves = await all(rows.curves, async ({ curve }) => ({
    curve,
    allowed: await client.readContract({ ...catalog, functionName: "isCurveAllowed", args: [curve] }),
  }));
  return {
    pauses: { pause: { until } },
    fees: { fee: { feeBps, feeAgentId: idsOf(market).agt(feeAgentId) } },
    tokens: shape(tokens, ({ token, allowed }) => [token, { allowed }]),
    curves: shape(curves, ({ curve, allowed }) => [curve, { allowed }]),
    policies: { points: { ...policy } },
  };
}
