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

  it("is shown to people by a page that needs nobody else", async () => {
    const { apiUrl } = shared.api.run;
    const page = await fetch(`${apiUrl}/docs`);
    const policy = page.headers.get("content-security-policy") ?? "";
    expect(policy).to.include("default-src 'none'").and.to.include("connect-src 'self'");
    expect(policy).not.to.match(/https?:|unsafe-eval|script-src[^;]*unsafe/);
    const html = await page.text();
    const sources = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source as string);
    expect(sources).to.have.length.at.least(4);
    for (const source of sources.filter((one) => !one.startsWith("data:"))) {
      expect(source).to.match(/^\/[^/]/);
      const asset = await fetch(`${apiUrl}${source}`);
      expect(asset.status, source).to.equal(200);
      expect((await asset.text()).length, source).to.be.greaterThan(50);
    }
    expect(html).not.to.match(/<script(?![^>]*src=)/);
  });

  it("documents every route with its answer and its failures", () => {
    expect(operations().length).to.be.at.least(40);
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

  it("T44 marks every route of an agent's own as signed in, and none of them answers without a session", async () => {
    expect(document.components.securitySchemes).to.have.property("bearerAuth");
    const own = operations().filter(({ path }) => path === "/me" || path.startsWith("/me/"));
    expect(own.length).to.be.at.least(20);
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
