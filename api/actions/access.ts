/**
 * First uses, recorded on chain (`Exchange.recordAccess`), which ends a refund "until first access".
 *
 * **The moment is the first token, before it is handed out.** It is the one step that neither side can fake or delay: the buyer asks for it
 * by its own session, no seller can; and without it nobody has a byte. Were it the gateway's report, a seller could report a use that
 * never was, and a buyer could fetch and be refunded before the report is here. Were it recorded after the token went out, a refund sent
 * in that second would still win. So the token waits for the record's block; while none comes, there is no token, and the buyer can be
 * refunded. A gateway that then serves nothing leaves the buyer its dispute, which no record ends.
 *
 * Orders whose refund does not depend on it are recorded by the sweep, a batch at a time: there it is evidence in a dispute, nothing more.
 */
import { ExchangeError } from "../../sdk/errors.ts";
import { joinTokenId, keyId as keyIds, splitTokenId } from "../../sdk/ids.ts";
import { refundTerms } from "../../sdk/records.ts";
import type { Chain } from "../chain/client.ts";
import { HOUSE } from "../chain/relay-errors.ts";
import { ContractRefusal, contractCall, type Relayer } from "../chain/relayer.ts";
import type { Deps } from "../deps.ts";
import { forgetRecorded, noteAccess, unrecordedKeys } from "../store/accesses.ts";

/** Keys that one transaction records. */
const BATCH = 50;
/** Milliseconds for which a first key waits for others to be recorded with it. */
const GATHER = 20;
/** `IOrders.OrderStatus.Held`. */
const HELD = 1;

export type AccessRecorder = {
  /** Resolves when a block has the record. Throws SERVICE_UNAVAILABLE when none came in time, or the relayer may not record. */
  record(tokenId: bigint): Promise<void>;
};

/** Keys that come together are recorded together. */
export function createAccessRecorder({ chain, relayer }: { chain: Chain; relayer: Relayer }): AccessRecorder {
  let gathering: { tokenIds: bigint[]; done: Promise<void> } | undefined;
  return {
    record(tokenId) {
      if (!gathering || gathering.tokenIds.length >= BATCH) {
        const tokenIds: bigint[] = [];
        const done = new Promise((resolve) => setTimeout(resolve, GATHER)).then(() => {
          if (gathering?.tokenIds === tokenIds) gathering = undefined;
          return recordAll(chain, relayer, tokenIds);
        });
        gathering = { tokenIds, done };
      }
      gathering.tokenIds.push(tokenId);
      return gathering.done;
    },
  };
}

async function recordAll(chain: Chain, relayer: Relayer, tokenIds: readonly bigint[]): Promise<void> {
  const { address, abi } = chain.exchange;
  const call = contractCall({ address, abi, functionName: "recordAccess", args: [tokenIds] });
  const receipt = await relayer.send(call, { asker: HOUSE }).catch((error: unknown) => {
    throw error instanceof ContractRefusal ? notRecorder(relayer, error) : error;
  });
  if (receipt) return;
  throw new ExchangeError("SERVICE_UNAVAILABLE", "The key's first use is not recorded on chain yet.", {
    hint: "Ask for the token again in a moment. Until it is recorded, the order can still be refunded.",
    details: { reason: "access_not_recorded" },
  });
}

function notRecorder({ address }: Relayer, cause: ContractRefusal): ExchangeError {
  return new ExchangeError("SERVICE_UNAVAILABLE", "The exchange may not record a key's first use.", {
    hint: `Its operator must give ${address} the role RECORDER. Until then the order can be refunded, or accepted by its buyer.`,
    details: { reason: "access_not_recorded", error: cause.revert.name },
    cause,
  });
}

/** Called with every token for a held order, before it is handed out. */
export async function recordFirstAccess(deps: Deps, tokenId: bigint, version: number): Promise<void> {
  const { chain } = deps;
  const order = await chain.exchange.read.orderOf([tokenId]);
  if (order.accessed || order.status !== HELD) return;
  const terms = await chain.catalog.read.termsOf([tokenId >> 96n, version]);
  if (refundTerms[terms.refundTerms] === "until_access") return deps.accesses.record(tokenId);
  await noteAccess(deps.sql, keyIds.serialize({ chainId: chain.id, ...splitTokenId(tokenId) }));
}

/** Records what waits. Repeating it does no harm: the contract passes over what it knows. */
export async function recordLateAccesses(deps: Deps): Promise<void> {
  const waiting = await unrecordedKeys(deps.sql, BATCH);
  if (waiting.length === 0) return;
  await recordAll(
    deps.chain,
    deps.relayer,
    waiting.map((id) => joinTokenId(keyIds.parse(id))),
  );
  await forgetRecorded(deps.sql, waiting);
}
