/**
 * A purchase by card, to the last byte: the card is confirmed at a fake of the provider, everything else is real
 * └── buy by card ▶ webhook ▶ key ▶ token ▶ gateway ▶ bytes whose hashes are the manifest's
 */
import { expect } from "chai";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { makeBundle, storeBundle } from "../../scripts/demo/bundle.ts";
import { createExchange } from "../../sdk/client.ts";
import { useCards } from "../api/support/use-cards.ts";
import { useSystem } from "../support/system.ts";

describe("a purchase by card", () => {
  const { seller } = useSystem();
  const shared = useCards();

  it("invariant 4: ends with bytes whose hashes match, for a buyer without any crypto", async function () {
    this.timeout(60_000);
    const { cards } = shared;
    const { run } = shared.system;
    const market = createExchange({ url: run.apiUrl, wallet: seller });
    const bundle = makeBundle();
    storeBundle(bundle, run.storeDir);
    const { ek_id } = await market.list({
      title: "Months by card",
      summary: "The same, for who has a card.",
      domain: "climate",
      task_type: "sql_query",
      modality: ["dataset"],
      pricing_policy: { curve_type: "fixed", base_price: 2.5 },
      access_policy: { gateway: run.gatewayUrl },
      content_manifest: bundle.manifest,
    });
    const wallet = privateKeyToAccount(generatePrivateKey());
    const buyer = createExchange({ url: run.apiUrl, wallet, rpcUrl: run.rpcUrl, deployment: run.deployment });
    await buyer.join({ name: "Card holder", type: "external" });

    const by = { token: await cards.api.signIn(wallet) };
    const { id, intent } = await cards.ask(by, BigInt(ek_id.split("_")[2] ?? 0));
    await cards.confirm(intent);
    const { purchase } = await cards.until(by, id, "EKIssued");
    expect(purchase?.ek_id).to.equal(ek_id);

    const { items } = await buyer.fetch(ek_id);
    expect(items).to.have.length(6);
    expect((await cards.until(by, id, "AccessGranted")).state).to.equal("AccessGranted");
  });
});
