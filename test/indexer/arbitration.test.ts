/** The house arbitrator's cases become rows. The parties are accounts: an EOA may make a dispute as any contract may. */
import { expect } from "chai";
import { and, eq } from "drizzle-orm";
import { parseEther } from "viem";
import * as tables from "../../indexer/ponder.schema.ts";
import * as ids from "../../sdk/ids.ts";
import { arbitrationOf } from "../support/arbitration-model.ts";
import { modelOfRows, readRows } from "../support/rows-model.ts";
import { useMarket } from "../support/use-market.ts";

const chainId = 31337;
const VALUE = parseEther("0.02");

describe("indexer: the house arbitrator", () => {
  const shared = useMarket();

  async function opened(choices = 2n) {
    const { market } = shared;
    const party = await market.newcomer();
    const args = [choices, "0x"] as const;
    const { result } = await market.send(party, market.contracts.house, "createDispute", args, VALUE);
    return { party, number: result };
  }

  async function row(number: bigint) {
    await shared.index.caughtUp();
    const { courtCase } = tables;
    const [found] = await shared.index.db
      .select()
      .from(courtCase)
      .where(and(eq(courtCase.chainId, chainId), eq(courtCase.number, number)));
    if (!found) throw new Error(`Case ${number} has no row.`);
    return found;
  }

  async function payeeCredit() {
    await shared.index.caughtUp();
    const { courtCredit } = tables;
    const agentId = ids.agentId.serialize({ chainId, agentId: 1n });
    const [found] = await shared.index.db.select().from(courtCredit).where(eq(courtCredit.agentId, agentId));
    return found?.amount ?? 0n;
  }

  it("a case from its opening to the ruling on appeal, and what the courts earn", async () => {
    const { market } = shared;
    const { house } = market.contracts;
    const { party, number } = await opened();
    expect(await row(number)).to.include({
      ...{ arbitrable: party.address.toLowerCase(), phase: "waiting", fee: VALUE },
      ...{ choices: "2", ruling: "0", expired: false },
    });
    const before = await payeeCredit();
    await market.send(market.arbiter, house, "giveRuling", [number, 2n]);
    expect(await row(number)).to.include({ phase: "appealable", ruling: "2", fee: 0n });
    expect((await payeeCredit()) - before).to.equal(VALUE);
    await market.send(party, house, "appeal", [number, "0x"], VALUE);
    expect(await row(number)).to.include({ phase: "appealed", ruling: "2", fee: VALUE });
    await market.send(market.appealJudge, house, "giveFinalRuling", [number, 1n]);
    expect(await row(number)).to.include({ phase: "final", ruling: "1", fee: 0n, expired: false });
    expect((await payeeCredit()) - before).to.equal(2n * VALUE);
    await market.send(party, house, "withdraw", [1n, `0x${"00".repeat(20)}`]);
    expect(await payeeCredit()).to.equal(0n);
  });

  it("numbers that fit no column are kept", async () => {
    const { number } = await opened(2n ** 256n - 1n);
    expect((await row(number)).choices).to.equal((2n ** 256n - 1n).toString());
  });

  it("invariant 26 the rows of arbitration are what the contracts store", async () => {
    const { market, index } = shared;
    await opened();
    await index.caughtUp();
    const rows = await readRows(index);
    const { disputes, disputeCredits, courtCases, courtCredits, courts } = modelOfRows(rows, 0n);
    const told = { disputes, disputeCredits, courtCases, courtCredits, courts };
    expect(told).to.deep.equal(await arbitrationOf(market, rows));
    expect(Object.keys(courtCases)).to.have.length.greaterThan(0);
  });
});
