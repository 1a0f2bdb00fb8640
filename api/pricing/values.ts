/** Values as sellers write them, in the unit of the parameter that they are for. */
import type { Unit } from "../../sdk/curves.ts";
import type { Deployment } from "../../sdk/deployment.ts";
import { toUnits } from "../actions/amounts.ts";
import type { Fault } from "../http/validation.ts";
import type { Fields, Price, Pricing, Source } from "./sources.ts";

export type Token = Deployment["tokens"][number];
/** Reads one policy and notes what is wrong with it. */
export type Reader = { pricing: Pricing; token: Token; faults: Fault[] };

/** What the seller wrote at a field, in the parameter's unit. A price may also stand among the params. */
export function valueAt(
  { token, faults }: Reader,
  at: string,
  fields: Fields,
  field: Source["at"],
  unit: Unit,
): bigint | "unreadable" | undefined {
  const isPrice = !field.startsWith("params/");
  const name = isPrice ? field : field.slice("params/".length);
  const own = isPrice ? fields[field as Price] : undefined;
  const among = fields.params[name];
  if (own !== undefined && among !== undefined && String(own) !== String(among)) {
    faults.push({ pointer: `${at}/params/${name}`, message: `differs from ${name}` });
    return "unreadable";
  }
  const value = own ?? among;
  if (value === undefined) return undefined;
  const read = readers[unit](value, token);
  if (typeof read === "bigint") return read;
  faults.push({ pointer: `${at}/${own === undefined ? `params/${name}` : field}`, message: read });
  return "unreadable";
}

const MAX_RATE_DECIMALS = 18;

const wholeNumber = (value: string | number) =>
  /^\d+$/.test(String(value)) ? BigInt(value) : `${value} is no whole number`;
const decimal = (value: string | number, decimals: number, of: string) => {
  if (Number.isNaN(Number(value))) return `"${value}" is no number`;
  return toUnits(value, decimals) ?? `${value} has more than the ${decimals} decimals of ${of}`;
};

/** What is written, in each parameter's unit; a text says why it can't be read. */
const readers: Record<Unit, (value: string | number, token: Token) => bigint | string> = {
  amount: (value, { decimals, symbol }) => decimal(value, decimals, symbol),
  rate: (value) => decimal(value, MAX_RATE_DECIMALS, "a rate"),
  count: wholeNumber,
  seconds: wholeNumber,
  time(value) {
    const time = typeof value === "string" && value.includes("T") ? Date.parse(value) : Number.NaN;
    if (Number.isNaN(time)) return `${value} is no timestamp like 2030-01-31T00:00:00Z`;
    return time < 0 ? `${value} is before 1970` : BigInt(Math.floor(time / 1000));
  },
};
