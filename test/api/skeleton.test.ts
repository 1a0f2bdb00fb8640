/**
 * The source's OpenAPI skeleton (19.7) against our own description
 * ├── paths, methods, security, parameters   all there, with the same names, types and bounds
 * ├── bodies, answers, schemas               each field, of the same type; nothing more is asked of who sends them
 * ├── statuses and headers                   all documented
 * ├── error codes                            all in ApiError's enum, and where the mapping matrix has them
 * └── where we differ                        only what `differences` names, and nothing in it that is not so
 */
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { describeApi } from "../../api/description.ts";

type Shape =
  | string
  | { one_of: Shape[] }
  | { one_of_values: string[] }
  | { list: Shape }
  | { fields: Record<string, Shape>; required?: string[]; open?: true };
type Parameter = {
  in: string;
  name: string;
  required: boolean;
  is: Shape;
  minimum?: number;
  maximum?: number;
  default?: number;
};
type Skeleton = {
  error_codes: string[];
  errors: [where: string, status: number, codes: string[]][];
  operations: {
    path: string;
    method: string;
    signed_in: boolean;
    parameters: Parameter[];
    body?: Shape;
    answers: Record<string, { headers: string[]; is: Shape }>;
  }[];
  schemas: Record<string, Shape>;
};
type Schema = {
  $ref?: string;
  type?: string | string[];
  format?: string;
  enum?: unknown[];
  const?: unknown;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: unknown;
  anyOf?: Schema[];
  oneOf?: Schema[];
  minimum?: number;
  maximum?: number;
  default?: unknown;
};
type Operation = {
  operationId?: string;
  security?: object[];
  parameters?: { in: string; name: string; required?: boolean; schema: Schema }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<
    string,
    {
      headers?: Record<string, unknown>;
      content?: Record<string, { schema: Schema }>;
      "x-error-codes"?: string[];
    }
  >;
};
type Document = {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
};

/** Where we differ from the skeleton, and why. */
const POINTS =
  "the ledger counts hundredths of a point, so amounts have up to two decimals: a number, not an integer";
const differences: Record<string, string> = {
  "AgentProfile/points/balance": POINTS,
  "AgentProfile/points/lifetime": POINTS,
  "MeOverview/points/balance": POINTS,
  "MeOverview/points/lifetime": POINTS,
  "PointsLedgerEntry/seller/delta": POINTS,
  "PointsLedgerEntry/buyer/delta": POINTS,
  "PurchaseResponse/points_awarded/seller": POINTS,
  "PurchaseResponse/points_awarded/buyer": POINTS,
  "ContentManifest/*":
    "a member that is not of ContentManifest v1 would be missing from the manifest's hash: it is refused with a pointer to it",
  "CreateListingRequest/pricing_policy/*":
    "a pricing policy is checked field by field, so that a mistyped bound is refused and not dropped",
  "CreateListingRequest/access_policy/*": "an access policy is checked field by field",
};

const skeleton = JSON.parse(
  readFileSync(new URL("../fixtures/skeleton.json", import.meta.url), "utf8"),
) as Skeleton;

describe("api: the skeleton", () => {
  const document = describeApi("http://127.0.0.1:8787").document as unknown as Document;
  const { schemas } = document.components;
  const used = new Set<string>();

  const nameOf = ({ $ref }: Schema) => $ref?.split("/").at(-1);

  function resolve(schema: Schema): Schema {
    const name = nameOf(schema);
    return name === undefined ? schema : resolve(schemas[name] as Schema);
  }

  const options = (schema: Schema): Schema[] =>
    (schema.anyOf ?? schema.oneOf ?? [schema]).flatMap((one) => {
      const found = resolve(one);
      return found.anyOf || found.oneOf ? options(found) : [found];
    });
  const has = (schema: Schema, type: string) =>
    options(schema).some((one) => [one.type].flat().includes(type));

  /** What is not as the skeleton has it. */
  function faults(ours: Schema | undefined, wanted: Shape, at: string): string[] {
    if (!ours) return [`${at} is missing`];
    const fault = (what: string) => {
      if (differences[at] === undefined) return [`${at} ${what}`];
      used.add(at);
      return [];
    };
    if (typeof wanted === "string") {
      if (/^[A-Z]/.test(wanted)) return nameOf(ours) === wanted ? [] : fault(`is no ${wanted}`);
      const [type, format] = wanted.split(":") as [string, string | undefined];
      const fits = has(ours, type) || (type === "number" && has(ours, "integer"));
      if (!fits) return fault(`is ${JSON.stringify(resolve(ours).type)}, not ${type}`);
      return format === undefined || resolve(ours).format === format ? [] : fault(`is no ${format}`);
    }
    if ("one_of_values" in wanted) {
      const values = options(ours).flatMap((one) => one.enum ?? [one.const]);
      return wanted.one_of_values.filter((v) => !values.includes(v)).flatMap((v) => fault(`has no ${v}`));
    }
    if ("one_of" in wanted) {
      const names = (ours.oneOf ?? ours.anyOf ?? []).map(nameOf);
      return wanted.one_of.filter((name) => !names.includes(name as string)).map((n) => `${at} has no ${n}`);
    }
    if ("list" in wanted) return faults(resolve(ours).items, wanted.list, `${at}/[]`);
    const { properties = {}, required = [], additionalProperties } = resolve(ours);
    const closed =
      wanted.open === true && (additionalProperties === undefined || additionalProperties === false);
    return [
      ...(closed && differences[`${at}/*`] === undefined ? [`${at} takes no other members`] : []),
      ...(closed ? mark(`${at}/*`) : []),
      ...(wanted.required ?? [])
        .filter((name) => !required.includes(name))
        .map((n) => `${at}/${n} is optional`),
      ...Object.entries(wanted.fields).flatMap(([name, shape]) =>
        faults(properties[name], shape, `${at}/${name}`),
      ),
    ];
  }

  function mark(at: string): never[] {
    used.add(at);
    return [];
  }

  const operationOf = (path: string, method: string) => document.paths[path]?.[method];

  for (const wanted of skeleton.operations) {
    const { path, method } = wanted;
    it(`has ${method.toUpperCase()} ${path}`, () => {
      const operation = operationOf(path, method);
      if (!operation) throw new Error("It is not served.");
      expect((operation.security ?? []).length > 0, "signed in").to.equal(wanted.signed_in);
      const found: string[] = [];
      for (const { in: place, name, required, is, ...bounds } of wanted.parameters) {
        const ours = operation.parameters?.find((one) => one.in === place && one.name === name);
        found.push(...faults(ours?.schema, is, `${place} ${name}`));
        if (ours) {
          expect(ours.required ?? false, name).to.equal(required);
          expect(ours.schema, name).to.deep.include(bounds);
        }
      }
      if (wanted.body !== undefined) {
        const body = operation.requestBody?.content["application/json"]?.schema;
        found.push(...faults(body, wanted.body, "body"));
        found.push(...demands(body, wanted.body));
      }
      for (const [status, { headers, is }] of Object.entries(wanted.answers)) {
        const ours = operation.responses[status];
        found.push(...faults(ours?.content?.["application/json"]?.schema, is, `${status}`));
        expect(Object.keys(ours?.headers ?? {}), status).to.include.members(headers);
      }
      expect(found).to.deep.equal([]);
    });
  }

  /** What we ask of a body that the skeleton does not. */
  function demands(body: Schema | undefined, wanted: Shape): string[] {
    const shape = typeof wanted === "string" ? skeleton.schemas[wanted] : wanted;
    const asked = shape !== undefined && typeof shape === "object" && "fields" in shape ? shape.required : [];
    const { required = [] } = body ? resolve(body) : {};
    return required.filter((name) => !asked?.includes(name)).map((name) => `body/${name} is required`);
  }

  for (const [name, shape] of Object.entries(skeleton.schemas)) {
    it(`has ${name} with all its fields`, () => {
      expect(faults(schemas[name], shape, name)).to.deep.equal([]);
    });
  }

  it("has its error codes", () => {
    const codes = schemas.ApiError?.properties?.code?.enum;
    expect(codes).to.include.members(skeleton.error_codes);
  });

  it("documents each code where its mapping matrix has it (19.7.3)", () => {
    const publics = Object.keys(document.paths).filter((path) => path.startsWith("/public/"));
    const missing = skeleton.errors.flatMap(([where, status, codes]) => {
      const [only, path] = where.startsWith("/") ? [undefined, where] : where.split(" ");
      const paths = where.startsWith("Public") ? publics : [path as string];
      return paths.flatMap((at) =>
        Object.entries(document.paths[at] ?? { get: undefined })
          .filter(([method]) => where.startsWith("Public") || !only || method === only.toLowerCase())
          .flatMap(([method, operation]) => {
            const ours = operation?.responses[String(status)]?.["x-error-codes"] ?? [];
            return codes
              .filter((code) => !ours.includes(code))
              .map((code) => `${method} ${at} ${status} ${code}`);
          }),
      );
    });
    expect(publics.length).to.be.at.least(4);
    expect(missing).to.deep.equal([]);
  });

  it("differs nowhere else: each difference that is named is one", () => {
    expect([...used].sort()).to.deep.equal(Object.keys(differences).sort());
  });

  it("gives each operation a name of its own, for agents that call it as a tool", () => {
    const ids = Object.values(document.paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    for (const id of ids) expect(id).to.match(/^[a-z][a-z0-9_]{2,40}$/);
    expect(new Set(ids).size).to.equal(ids.length);
    expect(ids).to.include.members([
      ...["search_ek", "get_listing", "purchase_ek", "get_ek_token", "submit_validation"],
    ]);
  });
});
