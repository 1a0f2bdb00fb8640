/**
 * The first sale, played by three agents on the real processes with the stock x402 client. What every step claims is asked from the chain.
 *
 * first sale
 * ├── with everything up            six lines; key, money, label and points are on chain as the steps say
 * └── with the indexer killed       paying, getting a token and fetching work; once it is back, the feed has it all
 */
import { expect } from "chai";
import {
  type Address,
  createPublicClient,
  encodeAbiParameters,
  erc20Abi,
  type Hash,
  http,
  keccak256,
  parseEventLogs,
} from "viem";
import { eventually } from "../../scripts/demo/eventually.ts";
import { type FirstSale, playFirstSale } from "../../scripts/demo/first-sale.ts";
import { type Cast, find, gather, label, list, pay, use, watch } from "../../scripts/demo/steps.ts";
import type { RunInfo } from "../../scripts/system/run-info.ts";
import {
  agentRegistryAbi,
  catalogAbi,
  exchangeAbi,
  experienceKeyAbi,
  labelRegistryAbi,
  pointsLedgerAbi,
} from "../../sdk/abis/index.ts";
import * as ids from "../../sdk/ids.ts";
import { fromPoints } from "../../sdk/points.ts";
import { fromBits, labels } from "../../sdk/records.ts";
import { useSystem } from "../support/system.ts";

const PLAY_TIMEOUT = 120_000;

/** Reads of one deployment. */
function chainOf({ rpcUrl, deployment }: RunInfo) {
  const client = createPublicClient({ transport: http(rpcUrl) });
  const { AgentRegistry, Catalog, Exchange, ExperienceKey, LabelRegistry, PointsLedger } =
    deployment.contracts;
  const token = deployment.tokens[0]?.address as Address;
  return {
    token,
    agentOf: (eoa: Address) =>
      client.readContract({
        address: AgentRegistry,
        abi: agentRegistryAbi,
        functionName: "agentOf",
        args: [eoa],
      }),
    receipt: (hash: string) => client.getTransactionReceipt({ hash: hash as Hash }),
    listing: (ekId: bigint) =>
      client.readContract({ address: Catalog, abi: catalogAbi, functionName: "listingOf", args: [ekId] }),
    credit: (agentId: bigint) =>
      client.readContract({
        address: Exchange,
        abi: exchangeAbi,
        functionName: "creditOf",
        args: [agentId, token],
      }),
    ownerOf: (keyId: bigint) =>
      client.readContract({
        address: ExperienceKey,
        abi: experienceKeyAbi,
        functionName: "ownerOf",
        args: [keyId],
      }),
    keyInfo: (keyId: bigint) =>
      client.readContract({
        address: ExperienceKey,
        abi: experienceKeyAbi,
        functionName: "keyInfo",
        args: [keyId],
      }),
    label: (ekId: bigint, validatorId: bigint) =>
      client.readContract({
        address: LabelRegistry,
        abi: labelRegistryAbi,
        functionName: "labelOf",
        args: [ekId, validatorId],
      }),
    aggregate: (ekId: bigint) =>
      client.readContract({
        address: LabelRegistry,
        abi: labelRegistryAbi,
        functionName: "aggregateOf",
        args: [ekId],
      }),
    points: (agentId: bigint) =>
      client.readContract({
        address: PointsLedger,
        abi: pointsLedgerAbi,
        functionName: "balanceOf",
        args: [agentId],
      }),
    tokens: (owner: Address) =>
      client.readContract({ address: token, abi: erc20Abi, functionName: "balanceOf", args: [owner] }),
  };
}

type Chain = ReturnType<typeof chainOf>;
const numberOf = (agentId: string) => ids.agentId.parse(agentId).agentId;

/** The key is the buyer's, and came in the very transaction that moved the price into the exchange for the seller. */
async function expectSold(
  chain: Chain,
  run: RunInfo,
  { cast, listed, purchase }: Omit<FirstSale, "labelled">,
) {
  const { ekId } = ids.ekId.parse(listed.ekId);
  const keyId = ids.joinTokenId(ids.keyId.parse(purchase.key_id));
  expect(await chain.ownerOf(keyId)).to.equal(cast.buyer.account.address);
  const key = await chain.keyInfo(keyId);
  expect(key).to.deep.include({ agentId: numberOf(cast.buyer.agentId), version: 1, expiry: 0 });
  expect(await chain.listing(ekId)).to.deep.include({
    sellerId: numberOf(cast.seller.agentId),
    version: 1,
    sold: 1,
  });

  const { logs, status } = await chain.receipt(purchase.tx);
  expect(status).to.equal("success");
  const [sold] = parseEventLogs({ abi: exchangeAbi, logs, eventName: "KeySold" });
  const price = BigInt(purchase.price.amount);
  expect(sold?.args).to.deep.include({ ekId, buyerId: numberOf(cast.buyer.agentId), keyId });
  expect(sold?.args.sale).to.deep.include({
    price,
    feeBps: 0,
    token: chain.token,
    payer: cast.buyer.account.address,
  });
  const paid = parseEventLogs({ abi: erc20Abi, logs, eventName: "Transfer" }).filter(
    ({ address, args }) => address.toLowerCase() === chain.token.toLowerCase() && args.value === price,
  );
  expect(paid[0]?.args.from).to.equal(cast.buyer.account.address);
  expect(paid.at(-1)?.args.to).to.equal(run.deployment.contracts.Exchange);
  expect(await chain.tokens(cast.buyer.account.address)).to.equal(0n); // it had exactly the price
}

/** What was listed is what its seller made: manifest hash and summary stand in the log, and their hash in the listing. */
async function expectListed(chain: Chain, { listed }: Pick<FirstSale, "listed">) {
  const { logs } = await chain.receipt(listed.tx);
  const [version] = parseEventLogs({ abi: catalogAbi, logs, eventName: "ListingVersion" });
  expect(version?.args.content.manifestHash).to.equal(listed.manifestHash);
  const { contentHash } = await chain.listing(ids.ekId.parse(listed.ekId).ekId);
  expect(contentHash).to.equal(
    keccak256(
      encodeAbiParameters(
        [{ type: "bytes32" }, { type: "bytes32" }],
        [listed.manifestHash as Hash, version?.args.content.summaryHash as Hash],
      ),
    ),
  );
}

async function expectLabelled(chain: Chain, { cast, listed, labelled }: FirstSale) {
  const { ekId } = ids.ekId.parse(listed.ekId);
  const scores = { authenticity: 96, utility: 78, reproducibility: 100, freshness: 55, safety: 99 };
  const onChain = await chain.label(ekId, numberOf(cast.validator.agentId));
  expect(onChain).to.deep.include({ version: 1, scores });
  expect(fromBits(labels, onChain.types)).to.deep.equal(["verified-real", "reproducible"]);
  expect(await chain.aggregate(ekId)).to.deep.equal({ count: 1, ...scores });
  const { logs } = await chain.receipt(labelled.tx);
  const [event] = parseEventLogs({ abi: labelRegistryAbi, logs, eventName: "Labelled" });
  expect(Buffer.from(event?.args.input.evidence.slice(2) ?? "", "hex").toString()).to.include(
    "byte for byte",
  );
}

async function expectEarned(
  chain: Chain,
  { seller, buyer }: Cast,
  { creditBefore, price }: { creditBefore: bigint; price: bigint },
) {
  expect(await chain.points(numberOf(seller.agentId))).to.equal(fromPoints(seller.pointsBefore + 2));
  expect(await chain.points(numberOf(buyer.agentId))).to.equal(fromPoints(buyer.pointsBefore + 1));
  expect(await chain.credit(numberOf(seller.agentId))).to.equal(creditBefore + price);
}

describe("first sale", () => {
  const shared = useSystem();

  /** What the seller can withdraw now; it may have sold in other tests. */
  const creditNow = async () => {
    const chain = chainOf(shared.system.run);
    return chain.credit(await chain.agentOf(shared.seller.address));
  };

  it("is played in six lines, each true on chain", async function () {
    this.timeout(PLAY_TIMEOUT);
    const { run } = shared.system;
    const chain = chainOf(run);
    const creditBefore = await creditNow();
    const lines: string[] = [];
    const sale = await playFirstSale({
      run,
      seller: { account: shared.seller },
      say: (line) => lines.push(line),
    });

    expect(lines.map((line) => line.split(/ +/).slice(0, 2).join(" "))).to.deep.equal([
      "1 join",
      "2 list",
      "3 buy",
      "4 use",
      "5 label",
      "6 feed",
    ]);
    for (const line of lines) expect(line).to.match(/ tx 0x[0-9a-f]{64}( 0x[0-9a-f]{64})* {2}\d+ ms$/);
    await expectListed(chain, sale);
    await expectSold(chain, run, sale);
    await expectLabelled(chain, sale);
    await expectEarned(chain, sale.cast, { creditBefore, price: BigInt(sale.purchase.price.amount) });
  });

  it("loses nothing when the indexer is killed while the buyer pays, and the buyer still fetches", async function () {
    this.timeout(PLAY_TIMEOUT);
    const { run } = shared.system;
    const chain = chainOf(run);
    const cast = await gather(run, shared.seller);
    const creditBefore = await creditNow();
    const listed = await list(run, cast);
    await find(cast, listed);

    await shared.system.kill("indexer", "SIGKILL");
    const purchase = await pay(run, cast, listed);
    const experience = await use(cast, listed);
    expect(experience.items).to.have.length(6);
    await expectSold(chain, run, { cast, listed, purchase });
    const labelled = await label(cast, listed);
    await expectLabelled(chain, { cast, listed, purchase, labelled });

    await shared.system.restart("indexer");
    await watch(run, cast, { listed, purchase, labelled });
    await expectEarned(chain, cast, { creditBefore, price: BigInt(purchase.price.amount) });
    await eventually("the search knows of sale and label", async () => {
      const { metrics, validation_snapshot } = await cast.buyer.exchange.listing(listed.ekId);
      return (metrics.sold_count === 1 && validation_snapshot.validators.length === 1) || undefined;
    });
  });
});
