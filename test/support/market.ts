/** Acts on the contracts themselves, past API and SDK: what anybody with a wallet can do. For local chains. */
import {
  type Abi,
  type Account,
  type Address,
  type ContractFunctionArgs,
  type ContractFunctionName,
  type ContractFunctionReturnType,
  createPublicClient,
  createWalletClient,
  http,
  keccak256,
  numberToHex,
  parseEther,
  stringToBytes,
  type TransactionReceipt,
  type Transport,
  zeroHash,
} from "viem";
import {
  generatePrivateKey,
  mnemonicToAccount,
  type PrivateKeyAccount,
  privateKeyToAccount,
} from "viem/accounts";
import type { RunInfo } from "../../scripts/system/run-info.ts";
import {
  agentRegistryAbi,
  cardIssuerAbi,
  catalogAbi,
  consensusAbi,
  disputesAbi,
  exchangeAbi,
  experienceKeyAbi,
  houseArbitratorAbi,
  labelRegistryAbi,
  pointsLedgerAbi,
  receiptAnchorAbi,
  testUSDCAbi,
  tillsAbi,
  validatorBondsAbi,
} from "../../sdk/abis/index.ts";
import { canonicalJson } from "../../sdk/canonical.ts";
import { curves } from "../../sdk/curves.ts";
import type { Quote } from "../../sdk/till.ts";
import { rotationTypedData } from "../../sdk/typed-data.ts";
import type { ListingSummary } from "../../sdk/wire/listing.ts";

const LOCAL_MNEMONIC = "test test test test test test test test test test test junk";

type Write = "nonpayable" | "payable";
type Terms = ContractFunctionArgs<typeof catalogAbi, Write, "list">[1];
type Purchase = ContractFunctionArgs<typeof exchangeAbi, Write, "buy">[0];
type LabelInput = ContractFunctionArgs<typeof labelRegistryAbi, Write, "label">[1];

/** Far enough in the future for any test, in Unix seconds. */
export const FAR = 4_000_000_000n;

export type Market = ReturnType<typeof createMarket>;

/** Over HTTP, unless another way to the chain is given. */
export function createMarket(
  run: Pick<RunInfo, "rpcUrl" | "deployment">,
  transport: Transport = http(run.rpcUrl),
) {
  const { deployment } = run;
  const client = createPublicClient({ transport, pollingInterval: 20, cacheTime: 0 });
  const token = deployment.tokens[0]?.address as Address;
  const contracts = {
    registry: { address: deployment.contracts.AgentRegistry, abi: agentRegistryAbi },
    keys: { address: deployment.contracts.ExperienceKey, abi: experienceKeyAbi },
    points: { address: deployment.contracts.PointsLedger, abi: pointsLedgerAbi },
    catalog: { address: deployment.contracts.Catalog, abi: catalogAbi },
    exchange: { address: deployment.contracts.Exchange, abi: exchangeAbi },
    tills: { address: deployment.contracts.Tills, abi: tillsAbi },
    cards: { address: deployment.contracts.CardIssuer, abi: cardIssuerAbi },
    labels: { address: deployment.contracts.LabelRegistry, abi: labelRegistryAbi },
    disputes: { address: deployment.contracts.Disputes, abi: disputesAbi },
    house: { address: deployment.contracts.HouseArbitrator, abi: houseArbitratorAbi },
    bonds: { address: deployment.contracts.ValidatorBonds, abi: validatorBondsAbi },
    consensus: { address: deployment.contracts.Consensus, abi: consensusAbi },
    anchor: { address: deployment.contracts.ReceiptAnchor, abi: receiptAnchorAbi },
    usdc: { address: token, abi: testUSDCAbi },
  } as const;

  /** Sends a transaction and waits for it; `result` is what the call returns. Throws the contract's error when it reverts. */
  async function send<const abi extends Abi, name extends ContractFunctionName<abi, Write>>(
    account: Account | Address,
    contract: { address: Address; abi: abi },
    functionName: name,
    args: ContractFunctionArgs<abi, Write, name>,
    value = 0n,
  ): Promise<{ result: ContractFunctionReturnType<abi, Write, name>; receipt: TransactionReceipt }> {
    const call = { account, ...contract, functionName, args, value } as unknown as Parameters<
      typeof client.simulateContract
    >[0];
    const { request, result } = await client.simulateContract(call);
    const hash = await createWalletClient({ transport }).writeContract({ ...request, chain: null } as never);
    const receipt = await client.waitForTransactionReceipt({ hash });
    if (receipt.status !== "success") throw new Error(`${String(functionName)} reverted in ${hash}.`);
    return { result: result as ContractFunctionReturnType<abi, Write, name>, receipt };
  }

  /** A fresh account with ether for gas and 1,000 tokens that it lets the exchange take. */
  async function newcomer(): Promise<PrivateKeyAccount> {
    const account = privateKeyToAccount(generatePrivateKey());
    await giveEther(account.address);
    await send(account, contracts.usdc, "mint", [account.address, 1_000_000_000n]);
    await send(account, contracts.usdc, "approve", [contracts.exchange.address, 2n ** 255n]);
    return account;
  }

  const giveEther = (address: Address) =>
    client.request({
      method: "hardhat_setBalance",
      params: [address, numberToHex(parseEther("10"))],
    } as never);

  /** Registers a newcomer and returns it with its agent id. */
  async function join(agentURI = "") {
    const account = await newcomer();
    const { result: agentId } = await send(account, contracts.registry, "register", [agentURI]);
    return { account, agentId };
  }

  /** Terms of a listing at a fixed price of 0.25 tokens, with `changes`. */
  const terms = (changes: Partial<Terms> = {}): Terms => ({
    token,
    curve: deployment.curves.fixed,
    curveParams: curves.fixed.encode({ price: 250_000n }),
    supplyCap: 0,
    startTime: 0,
    endTime: 0,
    keyTtl: 0,
    scopes: 1,
    flags: 0,
    refundWindow: 0,
    refundTerms: 0,
    bountyBps: 0,
    referralBps: 0,
    resaleBps: 0,
    pointsPrice: 0,
    requestsPerMinute: 0,
    requestsPerDay: 0,
    royalties: [],
    ...changes,
  });

  async function list(account: Account, changes: Partial<Terms> = {}, summary = summaryText()) {
    return (await send(account, contracts.catalog, "list", [0n, terms(changes), contentOf(summary)])).result;
  }

  async function update(account: Account, ekId: bigint, changes: Partial<Terms>, summary = summaryText()) {
    return (await send(account, contracts.catalog, "update", [ekId, terms(changes), contentOf(summary)]))
      .result;
  }

  const versionOf = async (ekId: bigint) =>
    (await client.readContract({ ...contracts.catalog, functionName: "listingOf", args: [ekId] })).version;

  async function buy(account: PrivateKeyAccount, ekId: bigint, changes: Partial<Purchase> = {}) {
    const version = await versionOf(ekId);
    const purchase = {
      ...{ ekId, version, recipient: account.address, maxPrice: 2n ** 128n, deadline: FAR, referrerId: 0n },
      ...changes,
    };
    const { result: keyId, receipt } = await send(account, contracts.exchange, "buy", [purchase]);
    return { keyId, receipt };
  }

  /** A quote of `price` for the listing's present version, and its till, with `funds` of the account's tokens in it. */
  async function fundTill(account: PrivateKeyAccount, ekId: bigint, price: bigint, funds = price) {
    const quote: Quote = {
      ekId,
      version: await versionOf(ekId),
      buyer: account.address,
      token,
      maxPrice: price,
      deadline: FAR,
      salt: keccak256(generatePrivateKey()),
    };
    const { tills } = contracts;
    const till = await client.readContract({ ...tills, functionName: "tillOf", args: [quote] });
    const quoteHash = await client.readContract({ ...tills, functionName: "quoteHashOf", args: [quote] });
    await send(account, contracts.usdc, "transfer", [till, funds]);
    return { quote, quoteHash };
  }

  /** Moves the agent to a fresh account, with the signatures of both. */
  async function rotate(from: PrivateKeyAccount, agentId: bigint, to?: PrivateKeyAccount) {
    const next = to ?? (await newcomer());
    const { registry } = contracts;
    const nonce = await client.readContract({ ...registry, functionName: "nonces", args: [from.address] });
    const message = { agentId, from: from.address, to: next.address, nonce, deadline: FAR };
    const toSignature = await next.signTypedData(
      rotationTypedData({ chainId: deployment.chainId, registry: registry.address }, message),
    );
    const { receipt } = await send(from, registry, "rotate", [agentId, next.address, FAR, "0x", toSignature]);
    return { account: next, receipt };
  }

  const labelInput = (ekId: bigint, changes: Partial<LabelInput> = {}): LabelInput => ({
    ekId,
    version: 1,
    types: 0b11,
    scores: { authenticity: 90, utility: 80, reproducibility: 70, freshness: 60, safety: 50 },
    tags: ["rain"],
    summary: "The numbers are those of the source.",
    evidenceKind: 2,
    evidence: "0x6f6b",
    evidenceHash: zeroHash,
    ...changes,
  });

  /** Administers the exchange. */
  const admin = mnemonicToAccount(LOCAL_MNEMONIC, { addressIndex: 0 });
  /** The judges of the house arbitrator's two courts. */
  const arbiter = mnemonicToAccount(LOCAL_MNEMONIC, { addressIndex: 4 });
  const appealJudge = mnemonicToAccount(LOCAL_MNEMONIC, { addressIndex: 5 });

  /** Records first uses; the API's relayer too. */
  const recorder = mnemonicToAccount(LOCAL_MNEMONIC, { addressIndex: 1 });

  return {
    ...{
      client,
      contracts,
      deployment,
      token,
      admin,
      recorder,
      arbiter,
      appealJudge,
      send,
      newcomer,
      giveEther,
      join,
      terms,
      list,
      update,
    },
    ...{ versionOf, buy, fundTill, rotate, labelInput },
  };
}

/** A summary as the API writes it, with `changes`. */
export function summaryText(changes: Partial<ListingSummary> & Record<string, unknown> = {}): string {
  return canonicalJson({
    title: "Rain in Seattle",
    summary: "Daily weather, cleaned, with the query that answers how often it rains.",
    domain: "weather",
    task_type: "analysis",
    modality: ["table", "text"],
    output_artifacts: ["answer.csv"],
    license: "CC-BY-4.0",
    exp_id: "exp_rain",
    packaging: "bundle",
    content_preview: { preview_item_id: "preview.svg" },
    freshness: { created_at: "2026-11-01T00:00:00Z", recommended_ttl_days: 365 },
    access_policy: { gateway: "http://127.0.0.1:8788", token_scheme: "jwt" },
    ...changes,
  });
}

/** `ICatalog.Content` of a summary. */
export function contentOf(summary: string, uri = "") {
  const manifestHash = keccak256(stringToBytes("the manifest"));
  return { manifestHash, summary, uri, summaryHash: keccak256(stringToBytes(summary)) };
}
