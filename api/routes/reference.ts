/** The API's reference for people: Swagger UI over /openapi.json, from our own files. No page of it asks anybody else for anything. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { OpenAPIHono } from "@hono/zod-openapi";
import { MANIFEST_SCHEMA_PATH, manifestJsonSchema } from "../../sdk/manifest-schema.ts";
import type { AppEnv } from "../http/context.ts";

const TITLE = "EK Exchange API";

/** The stylesheet is the library's own, but some of its elements carry style attributes. Everything else comes from here and nowhere else. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The page's files of the library, by our path. */
const assets = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
} as const;

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${TITLE}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="reference"></div>
<noscript>This page needs JavaScript. The description itself is at <a href="/openapi.json">/openapi.json</a>.</noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

/** `validatorUrl: null`: otherwise the page would hand its address to a validator elsewhere. */
const START = `SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#reference", deepLinking: true, validatorUrl: null, persistAuthorization: false, docExpansion: "list",
});
`;

export function addReferenceRoutes(app: OpenAPIHono<AppEnv>): void {
  let schema: ReturnType<typeof manifestJsonSchema> | undefined; // made once, when somebody asks
  app.get(MANIFEST_SCHEMA_PATH, (c) => {
    schema ??= manifestJsonSchema();
    return c.body(JSON.stringify(schema), 200, {
      "Content-Type": "application/schema+json",
      "Cache-Control": "public, max-age=3600",
    });
  });
  app.get("/docs", (c) => {
    c.header("Content-Security-Policy", POLICY);
    c.header("X-Content-Type-Options", "nosniff");
    c.header("Referrer-Policy", "no-referrer");
    return c.html(PAGE);
  });
  app.get("/docs/start.js", (c) => {
    c.header("X-Content-Type-Options", "nosniff");
    return c.body(START, 200, { "Content-Type": "text/javascript; charset=utf-8" });
  });
  const read = new Map<string, string>(); // when somebody asks
  for (const [name, type] of Object.entries(assets)) {
    app.get(`/docs/${name}`, (c) => {
      const text = read.get(name) ?? readFileSync(join(folder(), name), "utf8");
      read.set(name, text);
      c.header("X-Content-Type-Options", "nosniff");
      return c.body(text, 200, { "Content-Type": type, "Cache-Control": "public, max-age=3600" });
    });
  }
}

function folder(): string {
  return join(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"), "..");
}
