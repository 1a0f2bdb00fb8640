import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { schema as api } from "../../api/env.ts";
import { schema as facilitator } from "../../api/facilitator-env.ts";
import { schema as gateway } from "../../gateway/env.ts";
import { processVariables } from "../../ops/env.ts";
import { repoRoot } from "../../scripts/system/repo.ts";

describe("docs/OPERATIONS.md", () => {
  it("names every variable of every process, for the processes that read it, and no other", () => {
    const text = readFileSync(join(repoRoot, "docs/OPERATIONS.md"), "utf8");
    const table = text.split("<!-- env:")[1]?.split("\n## ")[0] ?? "";
    const told = new Map<string, string[]>();
    for (const [, names = "", of = ""] of table.matchAll(/^\| (`[^|]*) \| ([a-z, ]+) \|/gm)) {
      const processes = of === "all" ? ["api", "facilitator", "gateway"] : of.split(", ");
      for (const [, name = ""] of names.matchAll(/`(\w+)`/g)) told.set(name, processes);
    }
    const read = new Map<string, string[]>();
    for (const [process, schema] of Object.entries({ api, facilitator, gateway })) {
      for (const name of Object.keys(schema.shape)) read.set(name, [...(read.get(name) ?? []), process]);
    }
    expect(Object.fromEntries(told)).to.deep.equal(Object.fromEntries(read));
    for (const name of Object.keys(processVariables)) expect(read.get(name), name).to.have.length(3);
  });
});
