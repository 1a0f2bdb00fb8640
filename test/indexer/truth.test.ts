/** The auditor, on a chain on which everything has happened. */
import { expect } from "chai";
import { audit } from "../../audit/audit.ts";
import { everythingPlayed } from "../support/everything.ts";
import { useMarket } from "../support/use-market.ts";

describe("audit: what the chain says", () => {
  const shared = useMarket();
  it("probe", async function () {
    this.timeout(600_000);
    const { market, run, index } = shared;
    await everythingPlayed(market);
    await index.caughtUp();
    const report = await audit({
      rpcUrl: run.rpcUrl,
      deployment: run.deployment,
      mode: "receipts",
      sample: 5000,
      apiUrl: run.apiUrl,
      database: { url: run.databaseUrl },
      say: () => {},
    });
    const { textOf } = await import("../../audit/report.ts");
    console.log(textOf({ ...report, faults: report.faults.slice(0, 60) }));
    expect(report.faults_total).to.equal(0);
  });
});
