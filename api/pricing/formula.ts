/** The parameters of one formula, from the fields of a pricing policy or of one of its breakpoints. */
import { type Curve, type FormulaType, formulas, type Unit } from "../../sdk/curves.ts";
import { ExchangeError } from "../../sdk/errors.ts";
import type { Fault } from "../http/validation.ts";
import { type Fields, type Params, type Price, prices, sourcesOf } from "./sources.ts";
import { type Reader, valueAt } from "./values.ts";

/** A formula whose parameters are known by name only. */
export function formulaOf(type: FormulaType): Curve<Params> & { fields: Readonly<Record<string, Unit>> } {
  return formulas[type] as never;
}

/** The parameters of one formula from the fields at `at`; undefined when there are faults, which are then noted. */
export function readFormula(
  reader: Reader,
  at: string,
  type: FormulaType,
  fields: Fields,
): Params | undefined {
  const { pricing, faults } = reader;
  const before = faults.length;
  const units = formulaOf(type).fields;
  const wanted = sourcesOf(type);
  const params: Params = {};
  for (const [name, { at: field, otherwise, advice }] of wanted) {
    const given = valueAt(reader, at, fields, field, units[name] as Unit);
    if (given === "unreadable") continue;
    const value = given ?? otherwise?.(params, pricing);
    if (value === undefined) {
      faults.push({ pointer: `${at}/${field}`, message: `is missing${advice ? `: ${advice}` : ""}` });
    } else {
      params[name] = value;
    }
  }
  refuseOthers(reader, at, fields, new Set<string>(wanted.map(([, { at: field }]) => field)));
  if (faults.length > before) return undefined;
  try {
    formulaOf(type).validate(params);
  } catch (error) {
    noteRefusal(faults, error, (name) => `${at}/${sourceOf(type, name)}`);
    return undefined;
  }
  checkLimits(reader, at, fields, type, params);
  return faults.length > before ? undefined : params;
}

function sourceOf(type: FormulaType, name: string): string {
  return sourcesOf(type).find(([parameter]) => parameter === name)?.[1].at ?? "params";
}

/** Nothing that was asked for may be left out in silence. `min_price` and `max_price` always mean something: see {@link checkLimits}. */
export function refuseOthers(
  { faults }: Reader,
  at: string,
  fields: Fields,
  used: ReadonlySet<string>,
): void {
  if (fields.base_price !== undefined && !used.has("base_price")) {
    faults.push({ pointer: `${at}/base_price`, message: "means nothing to this curve" });
  }
  for (const name of Object.keys(fields.params)) {
    if (used.has(`params/${name}`) || (used.has(name) && prices.includes(name as Price))) continue;
    faults.push({ pointer: `${at}/params/${name}`, message: "is no parameter of this curve" });
  }
}

/** A minimum or a maximum that is no parameter of the curve must hold all the same. */
function checkLimits(reader: Reader, at: string, fields: Fields, type: FormulaType, params: Params): void {
  const used = new Set<string>(sourcesOf(type).map(([, { at: field }]) => field));
  const bounds = formulaOf(type).bounds(params);
  const limit = (field: Price) => {
    const value = used.has(field) ? undefined : valueAt(reader, at, fields, field, "amount");
    return typeof value === "bigint" ? value : undefined;
  };
  const [least, most] = [limit("min_price"), limit("max_price")];
  if (least !== undefined && bounds.min < least) {
    reader.faults.push({ pointer: `${at}/min_price`, message: "is above the least that a key costs" });
  }
  if (most !== undefined && bounds.max > most) {
    reader.faults.push({ pointer: `${at}/max_price`, message: "is below the most that a key costs" });
  }
}

/** What the curve's twin refused, at the field that it came from. */
export function noteRefusal(faults: Fault[], error: unknown, pointerTo: (name: string) => string): void {
  if (!(error instanceof ExchangeError) || typeof error.details.name !== "string") throw error;
  faults.push({ pointer: pointerTo(error.details.name), message: error.message });
}
