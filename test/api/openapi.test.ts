import { expect } from "chai";
import { useApi } from "./support/use-api.ts";

type Schema = { $ref?: string; properties?: Record<string, Schema>; required?: string[] };
type Response = { description: string; headers?: object; content?: Record<string, { schema: Schema }> };
type Operation = {
  summary: string;
  security?: object[];
  responses: Record<string, Response>;
  requestBody?: object;
};
type Document = {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; securitySchemes: Record<string, object> };
};

/** The source's skeleton (19.7), as far as it exists today: path, method, the name of the answer, and the statuses that it documents. */
const skeleton: [path: string, method: string, schema: string | undefined, statuses: number[]][] = [
  ["/auth/nonce", "get", undefined, [200, 400, 429]],
  ["/auth/verify", "post", undefined, [200, 400, 401, 429]],
  ["/public/stats", "get", "PublicStats", [200, 429]],
  ["/public/activity", "get", "PublicActivityResponse", [200, 429]],
  ["/me", "get", "AgentProfile", [200, 401, 429]],
  ["/me/sell/listings", "post", undefined, [200, 400, 401, 403, 409, 413, 429]],
  ["/me/buy/purchase", "post", "PurchaseResponse", [200, 400, 401, 402, 409, 429]],
  ["/me/buy/token", "post", undefined, [200, 400, 401, 403, 404, 429]],
  ["/me/validate/submit", "post", undefined, [200, 400, 401, 403, 404, 409, 422, 429]],
  ["/me/points/ledger", "get", "PointsLedgerResponse", [200, 401, 429]],
  ["/public/points/policy", "get", "PointsPolicy", [200, 429]],
];

/** Its schemas, each with the fields that it names. */
const schemas: Record<string, string[]> = {
  ApiError: ["code", "message", "request_id", "details"],
  AgentProfile: ["agent_id", "display_name", "eoa", "agent_type", "roles", "reputation", "points"],
  EKSummary: [
    ...["ek_id", "listing_id", "title", "summary", "domain", "task_type", "modality", "output_artifacts"],
    ...["content_preview", "access_scopes", "freshness", "pricing", "pricing_policy", "seller"],
    ...["validation_snapshot", "metrics"],
  ],
  ValidationRecord: [
    ...["label_id", "ek_id", "validator", "scores", "tags", "summary", "evidence", "created_at", "version"],
  ],
  PointsLedgerEntry: ["entry_id", "timestamp", "reason", "ek_id", "seller", "buyer", "notes"],
  ContentManifest: [],
  PublicStats: [
    ...["exp_total", "ek_listings_total", "ek_trades_total", "ek_trades_24h", "active_agents"],
    ...["top_domains", "top_modalities"],
  ],
  ActivityEkTrade: ["type", "timestamp", "ek_summary", "buyer"],
  ActivityExpListed: ["type", "timestamp", "ek_summary"],
  ActivityValidation: ["type", "timestamp", "ek_id", "label"],
  CreateListingRequest: [
    ...[
      "title",
      "summary",
      "domain",
      "task_type",
      "modality",
      "pricing_policy",
      "access_policy",
      "content_manifest",
    ],
  ],
  PurchaseRequest: ["ek_id", "payment_method"],
  PurchaseResponse: ["ek_id", "status", "points_awarded"],
  SubmitValidationRequest: ["ek_id", "scores", "tags", "summary", "evidence"],
  PointsPolicy: ["phase", "award", "anti_gaming"],
};

describe("api: openapi.json", () => {
  const shared = useApi();
  let document: Document;

  before(async () => {
    document = await shared.api.get<Document>("/openapi.json");
  });

  const operations = () =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    );

  it("is OpenAPI 3.1, and each reference in it leads somewhere", () => {
    expect(document.openapi).to.equal("3.1.0");
    const references = JSON.stringify(document).match(/#\/components\/schemas\/\w+/g) ?? [];
    for (const reference of new Set(references)) {
      expect(document.components.schemas).to.have.property(reference.split("/").at(-1) as string);
    }
  });

  it("documents every route with its answer and its failures", () => {
    expect(operations().length).to.be.at.least(22);
    for (const { path, method, operation } of operations()) {
      const name = `${method} ${path}`;
      expect(operation.summary, name).to.be.a("string");
      expect(operation.responses["200"]?.content?.["application/json"]?.schema, name).to.be.an("object");
      for (const [status, response] of Object.entries(operation.responses)) {
        expect(response.headers, `${name} ${status}`).to.have.property("X-Request-Id");
        if (status !== "200" && status !== "201" && path !== "/health") {
          const schema = response.content?.["application/json"]?.schema;
          expect(schema, `${name} ${status}`).to.deep.equal({ $ref: "#/components/schemas/ApiError" });
        }
      }
    }
  });

  it("has the skeleton's paths, with its statuses and the names of its answers", () => {
    for (const [path, method, schema, statuses] of skeleton) {
      const operation = document.paths[path]?.[method];
      const responses = operation?.responses ?? {};
      expect(Object.keys(responses).map(Number), `${method} ${path}`).to.include.members(statuses);
      if (schema === undefined) continue;
      expect(responses["200"]?.content?.["application/json"]?.schema, path).to.deep.equal({
        $ref: `#/components/schemas/${schema}`,
      });
    }
  });

  it("has the skeleton's schemas, each with its fields", () => {
    for (const [name, fields] of Object.entries(schemas)) {
      const schema = document.components.schemas[name];
      expect(Object.keys(schema?.properties ?? {}), name).to.include.members(fields);
    }
  });

  it("T44 marks every route of an agent's own as signed in, and none of them answers without a session", async () => {
    expect(document.components.securitySchemes).to.have.property("bearerAuth");
    const own = operations().filter(({ path }) => path === "/me" || path.startsWith("/me/"));
    expect(own.length).to.be.at.least(9);
    for (const { path, method, operation } of own) {
      expect(operation.security, path).to.deep.equal([{ bearerAuth: [] }]);
      const { status } = await shared.api.ask(path, {
        method: method.toUpperCase(),
        ...(operation.requestBody ? { body: {} } : {}),
      });
      expect(status, `${method} ${path}`).to.equal(401);
    }
  });
});
