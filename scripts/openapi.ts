/** Prints the API's description (OpenAPI 3.1). Nothing is started and nothing is asked. */
import { createApp } from "../api/app.ts";
import type { Deps } from "../api/deps.ts";
import { openApiDocument } from "../api/http/openapi.ts";

/** The routes are described without being called. */
const nothing = new Proxy({} as Deps, {
  get(_target, name) {
    throw new Error(`The description must not need ${String(name)}.`);
  },
});

console.log(JSON.stringify(openApiDocument(createApp(nothing), "http://127.0.0.1:8787"), null, 2));
