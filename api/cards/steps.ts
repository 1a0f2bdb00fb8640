/** The steps outwards that a purchase by card may need: each is done once by itself, whoever takes it and however often. */
import { HOUSE } from "../chain/relay-errors.ts";
import { ContractRefusal } from "../chain/relayer.ts";
import type { Deps } from "../deps.ts";
import { MIN_CENTS, toCents } from "./amount.ts";
import { cardsOf } from "./cards.ts";
import { type ChainCharge, chargebackCall } from "./charge.ts";
import { type CardIntent, isProviderRefusal } from "./provider.ts";
import type { Situation } from "./record.ts";

/** Seconds until a step that failed, or waits for others, is tried again. */
export const SOON = 10;
/** Seconds until the provider is asked again for a refund that it did not carry out. */
const REFUND_AGAIN = 3_600;

/** Seconds until the next look; none where only the provider can bring news; or look again at once. */
export type Next = number | undefined | "again";

/** Takes the money that the key cost, and no more than was quoted. */
export async function capture(deps: Deps, { purchase, intent }: Situation, price: string): Promise<Next> {
  const { provider } = cardsOf(deps);
  const decimals = deps.chain.deployment.tokens.find(
    ({ address }) => address.toLowerCase() === purchase.token.toLowerCase(),
  )?.decimals;
  if (decimals === undefined) throw new Error(`The deployment does not know ${purchase.token}.`);
  const cents = Math.min(purchase.cents, Math.max(MIN_CENTS, Number(toCents(BigInt(price), decimals))));
  try {
    await provider.capture(intent.id, cents);
  } catch (error) {
    if (!isProviderRefusal(error)) throw error;
    const { status } = await provider.find(intent.id);
    // The bank let it go before we took it: then nobody gets it any more.
    if (status === "authorized") await cancel(deps, intent);
  }
  return "again";
}

/** The key's time is over, whoever has it: what its escrow holds comes back. */
export async function burn(deps: Deps, { chargeId }: ChainCharge): Promise<Next> {
  try {
    const receipt = await cardsOf(deps).issuer.send(chargebackCall(deps.chain, chargeId), { asker: HOUSE });
    return receipt ? "again" : SOON;
  } catch (error) {
    if (error instanceof ContractRefusal && error.revert.name === "ChargeAlreadyReversed") return "again";
    throw error;
  }
}

/** All that was taken goes back. */
export async function giveBack(deps: Deps, { id }: CardIntent): Promise<Next> {
  const { provider } = cardsOf(deps);
  try {
    await provider.refund(id);
  } catch (error) {
    if (!isProviderRefusal(error)) throw error;
  }
  return (await provider.find(id)).refunded ? "again" : REFUND_AGAIN;
}

/** Lets reserved money go; somebody else may have done so. */
export async function cancel(deps: Deps, { id }: CardIntent): Promise<void> {
  const { provider } = cardsOf(deps);
  try {
    await provider.cancel(id);
  } catch (error) {
    if (!isProviderRefusal(error)) throw error;
    const { status } = await provider.find(id);
    if (status === "open" || status === "authorized") throw error;
  }
}
