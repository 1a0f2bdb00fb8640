/**
 * What front ends may ask the indexer directly: GraphQL and read-only SQL over HTTP (`@ponder/client`). Ponder itself adds `/health`,
 * `/ready`, `/status`, `/metrics`, and CORS for any origin. The product's own API is another process.
 */

import { db } from "ponder:api";
import schema from "ponder:schema";
import { Hono } from "hono";
import { client, graphql } from "ponder";
import { saltSql } from "./salt.ts";

const sql = new Hono();
sql.use("/sql/*", client({ db, schema }));

const app = new Hono();
app.use("/graphql", graphql({ db, schema }));
app.get("/sql/*", (c) => {
  const request = saltSql(c.req.raw);
  return request ? sql.fetch(request) : c.text('"sql" is not a query of @ponder/client.', 400);
});

// Ponder takes the app as the default export of this file.
export default app;
