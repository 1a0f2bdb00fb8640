/** The indexer's SQL endpoint is open to anybody: its database user must have nothing worth having. */
import { expect } from "chai";
import postgres from "postgres";
import { deploymentTag } from "../../sdk/deployment.ts";
import { useSystem } from "../support/system.ts";

describe("the indexer's database role", () => {
  const shared = useSystem();
  let sql: postgres.Sql;
  before(() => {
    sql = postgres(shared.system.run.databaseUrl, { max: 1 });
  });
  after(() => sql.end());

  it("is the one that the indexer uses, and no superuser", async () => {
    const tag = deploymentTag(shared.system.run.deployment);
    const [owner] = await sql`
      select r.rolname, r.rolsuper, r.rolcreaterole, r.rolcreatedb, r.rolbypassrls
      from pg_namespace n join pg_roles r on r.oid = n.nspowner where n.nspname = ${`index_${tag}`}`;
    expect(owner).to.deep.equal({
      rolname: "moa_indexer",
      rolsuper: false,
      rolcreaterole: false,
      rolcreatedb: false,
      rolbypassrls: false,
    });
  });

  it("can't look into the API's schema, nor at files or programs of the server", async () => {
    const tag = deploymentTag(shared.system.run.deployment);
    const [may] = await sql`
      select has_schema_privilege('moa_indexer', ${`exchange_${tag}`}, 'usage') as api,
        pg_has_role('moa_indexer', 'pg_read_server_files', 'member') as files,
        pg_has_role('moa_indexer', 'pg_execute_server_program', 'member') as programs`;
    expect(may).to.deep.equal({ api: false, files: false, programs: false });
  });
});
