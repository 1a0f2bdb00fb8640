/**
 * Replays a chain's events into the auditor's books, in one pass, asking every law on the way. It shares nothing with the indexer: what
 * both say alike, two programs found.
 */
import type { Abi, Address } from "viem";
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
  tillsAbi,
  validatorBondsAbi,
} from "../sdk/abis/index.ts";
import type { ContractName } from "../sdk/deployment.ts";
import { createBooks } from "./books.ts";
import { type At, type Constants, type Context, freshNotes } from "./context.ts";
import { createDecoder, type Decoder, type RawLog } from "./decode.ts";
import type { Findings, Place } from "./findings.ts";
import { replayAgents } from "./replay/agents.ts";
import { replayBonds } from "./replay/bonds.ts";
import { replayCatalog } from "./replay/catalog.ts";
import { replayConsensus } from "./replay/consensus.ts";
import { replayCourt } from "./replay/court.ts";
import { replayDisputes } from "./replay/disputes.ts";
import { replayExchange } from "./replay/exchange.ts";
import { replayKeys } from "./replay/keys.ts";
import { replayLabels } from "./replay/labels.ts";
import { replayAnchors, replayCards, replayTills } from "./replay/others.ts";
import { replayPoints } from "./replay/points.ts";
import { createScript } from "./script.ts";
import { readTransfer, settleVaults } from "./vaults.ts";

type Handler = (args: never, at: At) => void;
type Reader = { contract: string; decode: Decoder; handlers: Readonly<Record<string, Handler>> };

/** The contracts that the replay follows. The authority's log is governance's, `ReceiptProofs` has none. */
export const followed = [
  ...([
    "AgentRegistry",
    "ExperienceKey",
    "PointsLedger",
    "Catalog",
    "Exchange",
    "Tills",
    "LabelRegistry",
  ] as const),
  ...(["CardIssuer", "HouseArbitrator", "Disputes", "ValidatorBonds", "Consensus", "ReceiptAnchor"] as const),
] satisfies readonly ContractName[];

type Followed = (typeof followed)[number];

function readersOf(c: Context): Map<Address, Reader> {
  const table: Record<Followed, [Abi, object]> = {
    AgentRegistry: [agentRegistryAbi, replayAgents(c)],
    ExperienceKey: [experienceKeyAbi, replayKeys(c)],
    PointsLedger: [pointsLedgerAbi, replayPoints(c)],
    Catalog: [catalogAbi, replayCatalog(c)],
    Exchange: [exchangeAbi, replayExchange(c)],
    Tills: [tillsAbi, replayTills(c)],
    LabelRegistry: [labelRegistryAbi, replayLabels(c)],
    CardIssuer: [cardIssuerAbi, replayCards(c)],
    HouseArbitrator: [houseArbitratorAbi, replayCourt(c)],
    Disputes: [disputesAbi, replayDisputes(c)],
    ValidatorBonds: [validatorBondsAbi, replayBonds(c)],
    Consensus: [consensusAbi, replayConsensus(c)],
    ReceiptAnchor: [receiptAnchorAbi, replayAnchors(c)],
  };
  return new Map(
    followed.map((contract) => {
      const [abi, handlers] = table[contract];
      const reader = { contract, decode: createDecoder(abi), handlers: handlers as Record<string, Handler> };
      return [c.constants.contracts[contract], reader];
    }),
  );
}

export type Replay = ReturnType<typeof createReplay>;

/** Feed it logs in the order of the chain, the tokens' transfers from and to the exchange and the bonds among them; then `end` it. */
export function createReplay(constants: Constants, findings: Findings) {
  const books = createBooks();
  const tx = freshNotes();
  const context: Context = { books, findings, constants, script: createScript(findings), tx };
  books.cards.hold = 120 * 86_400; // as the contract begins; every change is an event
  const readers = readersOf(context);
  let last: Place | undefined;
  let events = 0;

  function endTransaction(): void {
    if (!last) return;
    context.script.end(last);
    settleVaults(context, last);
    Object.assign(tx, freshNotes());
  }

  return {
    books,
    context,
    get events() {
      return events;
    },
    take(log: RawLog): void {
      const place = { block: log.block, tx: log.tx, logIndex: log.logIndex };
      const isLater =
        !last || log.block > last.block || (log.block === last.block && log.logIndex > last.logIndex);
      findings.check("LOG_PLACE", isLater, () => ({
        subject: log.address,
        expected: `after block ${last?.block}, log ${last?.logIndex}`,
        said: `block ${log.block}, log ${log.logIndex}`,
        place,
      }));
      if (last && last.tx !== log.tx) endTransaction();
      last = place;
      events++;
      const reader = readers.get(log.address);
      const at: At = { place, time: log.time, block: log.block, data: log.data };
      if (!reader) {
        readTransfer(context, log, place);
        return;
      }
      const event = decoded(reader, log);
      const handler = event && reader.handlers[event.name];
      findings.check("LOG_SHAPE", handler !== undefined, () => ({
        subject: reader.contract,
        expected: "an event that it can emit",
        said: log.topics[0],
        place,
      }));
      handler?.(event?.args as never, at);
    },
    end(): void {
      endTransaction();
      for (const [vault, amount] of books.donations) if (amount === 0n) books.donations.delete(vault);
    },
  };
}

/** Undefined for what is no event of the contract's, as for one whose data are broken: both are told by `LOG_SHAPE`. */
function decoded(reader: Reader, log: RawLog) {
  try {
    return reader.decode(log);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
