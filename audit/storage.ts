/** Holds the chain's own storage at the last block against what its events add up to. */
import { type Abi, type Address, BaseError, ContractFunctionRevertedError } from "viem";
import * as abis from "../sdk/abis/index.ts";
import type { ContractName } from "../sdk/deployment.ts";
import { creditName } from "./books.ts";
import type { Context } from "./context.ts";
import { namesOf } from "./context.ts";
import { each, type Node } from "./node.ts";
import { aggregateOf } from "./replay/labels.ts";
import { checkSolvency } from "./solvency.ts";
import { verdictOf } from "./verdict.ts";

/** One question to a contract. `expected` is compared field by field; a bare value with the whole answer; "reverts" with a refusal. */
type Question = {
  subject: string;
  contract: ContractName;
  abi: Abi;
  call: string;
  args?: readonly unknown[];
  expected: unknown;
};

const AT_ONCE = 200;
const statuses = ["unverified", "pending", "verified", "disputed"];

/** Some of many, spread evenly, the newest among them. */
function sampled<T>(members: readonly T[], most: number): T[] {
  if (members.length <= most) return [...members];
  const step = members.length / most;
  return Array.from({ length: most }, (_, i) => members[Math.floor((i + 1) * step) - 1] as T);
}

/** `sample`: how many of each kind are asked for at most. */
export async function compareStorage(
  node: Node,
  c: Context,
  { block, sample }: { block: bigint; sample: number },
): Promise<void> {
  const groups = [identities(c), listings(c), sales(c), credits(c), bonds(c), disputes(c)].flat();
  for (const questions of groups) {
    const chosen = sampled(questions, sample);
    if (chosen.length < questions.length) c.findings.note("kinds of storage that were sampled");
    await each(chosen, AT_ONCE, (question) => ask(node, c, question, block));
  }
  await checkSolvency(node, c, block);
}

async function ask(
  node: Node,
  { findings, constants }: Context,
  { subject, contract, abi, call, args = [], expected }: Question,
  block: bigint,
): Promise<void> {
  const said = await answer(node, {
    address: constants.contracts[contract],
    abi,
    functionName: call,
    args,
    blockNumber: block,
  });
  const about = (field: string, value: unknown, other: unknown) =>
    findings.equal("STORED", {
      subject,
      field: `${contract}.${call}${field}`,
      expected: value,
      said: plain(other),
    });
  const isFields = typeof expected === "object" && expected !== null && !Array.isArray(expected);
  if (!isFields || typeof said !== "object" || said === null) {
    about("", expected, said);
    return;
  }
  for (const [field, value] of Object.entries(expected))
    about(`.${field}`, value, (said as Record<string, unknown>)[field]);
}

const plain = (value: unknown) =>
  typeof value === "string" && value.startsWith("0x") ? value.toLowerCase() : value;

async function answer(node: Node, call: object): Promise<unknown> {
  try {
    return await node.client.readContract(call as never);
  } catch (error) {
    if (error instanceof BaseError && error.walk((e) => e instanceof ContractFunctionRevertedError))
      return "reverts";
    throw error;
  }
}

function identities({ books, constants }: Context): Question[][] {
  const { agt } = namesOf(constants.chainId);
  const registry = { contract: "AgentRegistry", abi: abis.agentRegistryAbi } as const;
  const ledger = { contract: "PointsLedger", abi: abis.pointsLedgerAbi } as const;
  const agents = [...books.agents].flatMap(([agentId, { eoa, epoch }]) => {
    const about = { subject: agt(agentId), args: [agentId] };
    const points = books.points.get(agentId);
    return [
      { ...about, ...registry, call: "eoaOf", expected: eoa },
      { ...about, ...registry, call: "epochOf", expected: epoch },
      { ...about, ...ledger, call: "balanceOf", expected: points?.balance ?? 0n },
      { ...about, ...ledger, call: "lifetimeOf", expected: points?.lifetime ?? 0n },
      {
        ...about,
        contract: "ExperienceKey" as const,
        abi: abis.experienceKeyAbi,
        call: "balanceOf",
        args: [eoa],
        expected: BigInt(books.keysOf.get(agentId) ?? 0),
      },
    ];
  });
  const counts: Question[] = [
    { subject: "agents", ...registry, call: "agentCount", expected: BigInt(books.agents.size) },
    { subject: "policy", ...ledger, call: "policy", expected: books.pointsPolicy },
  ];
  return [agents, counts];
}

function listings(c: Context): Question[][] {
  const { books, constants } = c;
  const name = namesOf(constants.chainId);
  const catalog = { contract: "Catalog", abi: abis.catalogAbi } as const;
  const registry = { contract: "LabelRegistry", abi: abis.labelRegistryAbi } as const;
  const consensus = { contract: "Consensus", abi: abis.consensusAbi } as const;
  const all = [...books.listings.values()];
  const heads = all.flatMap((listing) => {
    const about = { subject: name.ek(listing.ekId), args: [listing.ekId] };
    const { sellerId, sold, status } = listing;
    return [
      {
        ...about,
        ...catalog,
        call: "listingOf",
        expected: { sellerId, sold, status, version: listing.versions.length },
      },
      { ...about, ...registry, call: "aggregateOf", expected: aggregateOf(listing) },
      { ...about, ...registry, call: "endorserOf", expected: listing.endorserId },
      {
        ...about,
        ...consensus,
        call: "statusOf",
        expected: statuses.indexOf(verdictOf(c, listing.ekId).status),
      },
    ];
  });
  const labels = all.flatMap(({ ekId, labels }) =>
    [...labels].flatMap(([validatorId, label]) => {
      const about = { subject: name.lbl(ekId, validatorId), ...registry };
      const { revision, disputed, version, types, inputHash } = label;
      const gone = { revision, createdAt: 0 };
      const expected = label.live
        ? { revision, disputed, version, types, inputHash, createdAt: label.createdAt }
        : gone;
      return [{ ...about, call: "labelOf", args: [ekId, validatorId], expected }];
    }),
  );
  const count = {
    subject: "listings",
    ...catalog,
    call: "listingCount",
    expected: BigInt(books.listings.size),
  };
  const tokens = [...books.tokens].map(([token, allowed]) => ({
    subject: token,
    ...catalog,
    call: "isTokenAllowed",
    args: [token],
    expected: allowed,
  }));
  return [heads, labels, [count, ...tokens]];
}

function sales({ books, constants }: Context): Question[][] {
  const name = namesOf(constants.chainId);
  const keys = { contract: "ExperienceKey", abi: abis.experienceKeyAbi } as const;
  const exchange = { contract: "Exchange", abi: abis.exchangeAbi } as const;
  return [
    [...books.keys.values()].map(({ keyId, holderId, version, expiry, scopes, flags, burnt }) => ({
      ...{ subject: name.key(keyId), ...keys, call: "keyInfo", args: [keyId] },
      expected: burnt ? "reverts" : { agentId: holderId, version, expiry, scopes, flags },
    })),
    [...books.orders].map(([keyId, { payerId, amount, releaseTime, status, accessed }]) => ({
      ...{ subject: name.ord(keyId), ...exchange, call: "orderOf", args: [keyId] },
      expected: { buyerId: payerId, amount, releaseTime, status, accessed },
    })),
    [...books.charges].map(([chargeId, { keyId, reversed }]) => ({
      ...{ subject: `charge ${chargeId}`, contract: "CardIssuer" as const, abi: abis.cardIssuerAbi },
      ...{ call: "chargeOf", args: [chargeId], expected: [keyId, reversed] },
    })),
  ];
}

function credits({ books, constants }: Context): Question[][] {
  const name = namesOf(constants.chainId);
  const exchange = { contract: "Exchange", abi: abis.exchangeAbi } as const;
  const tokens = [...books.tokens.keys()];
  const owed = [...books.agents.keys()].flatMap((agentId) =>
    tokens.map((token) => ({
      ...{
        subject: `${name.agt(agentId)} in ${token}`,
        ...exchange,
        call: "creditOf",
        args: [agentId, token],
      },
      expected: books.credits.get(creditName(agentId, token)) ?? 0n,
    })),
  );
  const pots = [...books.listings.values()].flatMap(({ ekId, bounties }) =>
    tokens.map((token) => ({
      ...{ subject: `${name.ek(ekId)} in ${token}`, ...exchange, call: "bountyOf", args: [ekId, token] },
      expected: bounties.get(token) ?? 0n,
    })),
  );
  const settings: Question[] = [
    { subject: "fee", ...exchange, call: "feeBps", expected: books.fee.bps },
    { subject: "fee", ...exchange, call: "feeAgentId", expected: books.fee.agentId },
    { subject: "pause", ...exchange, call: "pausedUntil", expected: books.pause.until },
  ];
  const anchors = [...books.anchors].map(([anchor, expected]) => {
    const [agentId, gatewayId, day] = anchor.split(" ") as [string, Address, string];
    const args = [BigInt(agentId), gatewayId, Number(day)];
    return {
      subject: `anchor ${anchor}`,
      contract: "ReceiptAnchor" as const,
      abi: abis.receiptAnchorAbi,
      call: "anchorOf",
      args,
      expected,
    };
  });
  return [owed, pots, settings, anchors];
}

function bonds({ books, constants }: Context): Question[][] {
  const { agt } = namesOf(constants.chainId);
  const desk = { contract: "ValidatorBonds", abi: abis.validatorBondsAbi } as const;
  const consensus = { contract: "Consensus", abi: abis.consensusAbi } as const;
  return [
    [...books.agents.keys()].flatMap((agentId) => {
      const { atStake = 0n, ...bond } = books.bonds.get(agentId) ?? {
        bonded: 0n,
        unbonding: 0n,
        unbondedAt: 0n,
      };
      const about = { subject: agt(agentId), ...desk, args: [agentId] };
      return [
        { ...about, call: "bondOf", expected: bond },
        { ...about, call: "atStakeOf", expected: atStake },
        { ...about, call: "creditOf", expected: books.bondCredits.get(agentId) ?? 0n },
        { ...about, ...consensus, call: "groupOf", expected: books.groups.get(agentId) ?? agentId },
      ];
    }),
    [...books.feeCredits].map(([account, amount]) => ({
      subject: account,
      ...desk,
      call: "feeCreditOf",
      args: [account],
      expected: amount,
    })),
    [...books.challenges].map(([challengeId, { status, deadline, appeals, atStake, revision }]) => ({
      ...{ subject: `challenge ${challengeId}`, ...desk, call: "challengeOf", args: [challengeId] },
      expected: { status, deadline, appeals, atStake, revision },
    })),
    [
      { subject: "challenges", ...desk, call: "challengeCount", expected: BigInt(books.challenges.size) },
      { subject: "burnt", ...desk, call: "burnt", expected: books.burnt },
      { subject: "consensus", ...consensus, call: "policy", expected: books.consensusPolicy },
    ],
  ];
}

function disputes({ books, constants }: Context): Question[][] {
  const name = namesOf(constants.chainId);
  const desk = { contract: "Disputes", abi: abis.disputesAbi } as const;
  const house = { contract: "HouseArbitrator", abi: abis.houseArbitratorAbi } as const;
  return [
    [...books.disputes].map(
      ([keyId, { status, outcome, ruling, deadline, buyerFee, sellerFee, spent, appeals }]) => ({
        ...{ subject: name.ord(keyId), ...desk, call: "disputeOf", args: [keyId] },
        expected: { status, outcome, ruling, deadline, buyerFee, sellerFee, spent, appeals },
      }),
    ),
    [...books.cases].map(([number, expected]) => ({
      ...{ subject: `case ${number}`, ...house, call: "caseOf", args: [number] },
      expected: {
        phase: expected.phase,
        deadline: expected.deadline,
        fee: expected.fee,
        ruling: expected.ruling,
      },
    })),
    [...books.agents.keys()].flatMap((agentId) => [
      {
        subject: name.agt(agentId),
        ...desk,
        call: "creditOf",
        args: [agentId],
        expected: books.disputeCredits.get(agentId) ?? 0n,
      },
      {
        subject: name.agt(agentId),
        ...house,
        call: "creditOf",
        args: [agentId],
        expected: books.courtCredits.get(agentId) ?? 0n,
      },
    ]),
    [{ subject: "house", ...house, call: "caseCount", expected: BigInt(books.cases.size) }],
  ];
}
