/** The rails that the reconciler carries on: one row each. */
import { cardRail } from "../cards/rail.ts";
import { mppRail } from "../mpp/rail.ts";
import type { RailName } from "../store/payments.ts";
import { resumeDirectSale } from "./direct-sale.ts";
import type { Rail } from "./rail.ts";
import { resumePayment } from "./settlement.ts";

const all: readonly Rail[] = [
  { name: "x402", resume: resumePayment },
  cardRail,
  mppRail,
  { name: "free", resume: resumeDirectSale },
  { name: "points", resume: resumeDirectSale },
  cardRail,
];

export const rails: ReadonlyMap<RailName, Rail> = new Map(all.map((rail) => [rail.name, rail]));
