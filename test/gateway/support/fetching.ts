/** A whole gateway with its outbox: receipts reach the stand-in for the exchange as they reach the real one. */
import { join } from "node:path";
import type { GatewayDeps } from "../../../gateway/core.ts";
import { createCourier } from "../../../gateway/courier.ts";
import { openLedger } from "../../../gateway/ledger.ts";
import { createLog } from "../../../gateway/log.ts";
import { openOutbox } from "../../../gateway/outbox.ts";
import { createReceipts } from "../../../gateway/receipts.ts";
import { openRejects } from "../../../gateway/rejects.ts";
import { loadSigningKey } from "../../../gateway/signing-key.ts";
import { createUsageRecorder } from "../../../gateway/usage.ts";
import { startGateway } from "./gateway.ts";

/** Like {@link startGateway}, with a ledger and an outbox on disk. */
export async function startWholeGateway(
  at: { exchangeUrl: string; storeDir: string; stateDir: string },
  over: Partial<GatewayDeps> = {},
) {
  const log = createLog(() => undefined);
  const ledger = await openLedger({ file: join(at.stateDir, "ledger.sqlite") });
  const key = await loadSigningKey(join(at.stateDir, "gateway-key.json"));
  const outbox = await openOutbox({ dir: join(at.stateDir, "outbox"), maxBytes: 1e8, log });
  const rejects = await openRejects(join(at.stateDir, "outbox"), log);
  const courier = createCourier({
    outbox,
    rejects,
    url: new URL(`${at.exchangeUrl}/gateway/events`),
    log,
    gatherMs: 5,
  });
  const receipts = createReceipts({ ledger, key });
  const usage = createUsageRecorder({ key, outbox, courier, receipts, log });
  const gateway = await startGateway(at, { ledger, signingKey: key, receipts, usage, ...over });
  return {
    ...gateway,
    key,
    ledger,
    receipts,
    outbox,
    courier,
    async stop() {
      await gateway.stop();
      await courier.stop();
      await outbox.close();
      await ledger.close();
    },
  };
}
export type WholeGateway = Awaited<ReturnType<typeof startWholeGateway>>;
