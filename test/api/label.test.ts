import { expect } from "chai";
import { labels, toBits } from "../../sdk/records.ts";
import type { SubmitValidationRequest } from "../../sdk/wire/validation.ts";
import { expectError } from "./support/api.ts";
import { useApi } from "./support/use-api.ts";

const scores = { authenticity: 90, utility: 80, reproducibility: 85, freshness: 60, safety: 95 };

/*
POST /me/validate/submit
├── a good label                    on chain, by the validator's grant
├── a score of 101, no type, …      422 VALIDATION_INVALID with a pointer
├── a second one                    409 VALIDATION_CONFLICT
├── one's own listing               403
├── not on the list                 403
└── without a grant                 403 with the typed data
*/
describe("api: labels", () => {
  const shared = useApi();
  type Agent = Awaited<ReturnType<typeof shared.api.agent>>;
  let validator: Agent;
  let number: bigint;

  before(async () => {
    validator = await shared.api.agent();
  });
  beforeEach(async () => {
    number = await shared.api.market.list((await shared.api.market.join()).account);
  });

  const submit = (token: string, changes: Partial<SubmitValidationRequest> = {}) =>
    shared.api.ask<{ ok: boolean; label_id: string; tx: string }>("/me/validate/submit", {
      token,
      body: {
        ek_id: shared.api.ekIdOf(number),
        labels: ["verified-real", "reproducible"],
        scores,
        tags: ["rain"],
        summary: "Query runs and matches the source.",
        evidence: { type: "link", value: "https://evidence.example/1" },
        ...changes,
      },
    });

  const stored = (agentId: bigint) =>
    shared.api.market.client.readContract({
      ...shared.api.market.contracts.labels,
      functionName: "labelOf",
      args: [number, agentId],
    });

  it("publishes it for the validator", async () => {
    const { status, body } = await submit(validator.token);
    expect(status, JSON.stringify(body)).to.equal(200);
    expect(body).to.include({ ok: true, label_id: `lbl_31337_${number}_${validator.agentId}` });
    const label = await stored(validator.agentId);
    expect(label.types).to.equal(toBits(labels, ["verified-real", "reproducible"]));
    expect(label.scores).to.deep.equal(scores);
  });

  it("takes the types from tags that name one, when labels is left out", async () => {
    const { status } = await submit(validator.token, { labels: undefined, tags: ["Reproducible", "other"] });
    expect(status).to.equal(200);
    expect((await stored(validator.agentId)).types).to.equal(toBits(labels, ["reproducible"]));
  });

  it("refuses a score of 101, and whatever else is wrong, by its pointer", async () => {
    const wrong: [pointer: string, changes: Partial<SubmitValidationRequest>][] = [
      ["/scores/utility", { scores: { ...scores, utility: 101 } }],
      ["/scores/safety", { scores: { ...scores, safety: 0.5 } }],
      ["/labels", { labels: undefined, tags: ["nothing known"] }],
      ["/labels/0", { labels: ["great"] as never }],
      ["/summary", { summary: "" }],
      ["/evidence/value", { evidence: { type: "file", value: "no base64!" } }],
    ];
    for (const [pointer, changes] of wrong) {
      const { details } = expectError(await submit(validator.token, changes), "VALIDATION_INVALID", 422);
      expect((details.faults as { pointer: string }[])[0]?.pointer).to.equal(pointer);
    }
    const long = await submit(validator.token, { evidence: { type: "text", value: "x".repeat(2_049) } });
    expect(expectError(long, "VALIDATION_INVALID", 422).details).to.include({
      error: "EvidenceTooLong",
      length: "2049",
    });
    const wide = await submit(validator.token, { summary: "비".repeat(400) });
    expect(expectError(wide, "VALIDATION_INVALID", 422).details.error).to.equal("SummaryTooLong");
    expect((await stored(validator.agentId)).createdAt).to.equal(0);
  });

  it("refuses a second label by the same validator", async () => {
    expect((await submit(validator.token)).status).to.equal(200);
    expectError(await submit(validator.token), "VALIDATION_CONFLICT", 409);
  });

  it("refuses one's own listing, unknown ones, and who is not on the list", async () => {
    const seller = await shared.api.agent();
    number = await shared.api.market.list(seller.account);
    expectError(await submit(seller.token), "SCOPE_DENIED", 403);
    number = await shared.api.market.list(seller.account, { flags: 0b10 });
    expect(expectError(await submit(validator.token), "SCOPE_DENIED", 403).details.error).to.equal(
      "ValidatorNotAllowed",
    );
    number = 999_999n;
    expectError(await submit(validator.token), "EK_NOT_FOUND", 404);
  });

  it("asks for the grant that it needs", async () => {
    const { account } = await shared.api.market.join();
    const { details } = expectError(await submit(await shared.api.signIn(account)), "SCOPE_DENIED", 403);
    expect(details).to.deep.include({
      reason: "operator_grant_needed",
      actions: ["label"],
      submit_to: "/me/grants",
    });
  });
});
