/** Labels as the wire has them (ValidationRecord). */
import { getAddress, type Hex, hexToBytes } from "viem";
import { fromBits, labels } from "../../sdk/records.ts";
import type { ValidationRecord } from "../../sdk/wire/validation.ts";
import type { views } from "./index-database.ts";
import { isoTime } from "./time.ts";

type LabelRow = typeof views.label.$inferSelect;
type Validator = Pick<typeof views.agent.$inferSelect, "id" | "eoa" | "validatorScore">;

export function toValidationRecord(row: LabelRow, validator: Validator): ValidationRecord {
  const { authenticity, utility, reproducibility, freshness, safety } = row;
  return {
    label_id: row.id,
    ek_id: row.ekId,
    validator: {
      agent_id: validator.id,
      eoa: getAddress(validator.eoa),
      score: validator.validatorScore,
    },
    labels: fromBits(labels, row.types) as ValidationRecord["labels"],
    scores: { authenticity, utility, reproducibility, freshness, safety },
    tags: row.tags,
    summary: row.summary,
    ...evidenceOf(row.evidenceKind, row.evidence),
    created_at: isoTime(row.createdAt),
    version: String(row.version),
  };
}

function evidenceOf(kind: LabelRow["evidenceKind"], bytes: Hex): Pick<ValidationRecord, "evidence"> {
  if (kind === "none") return {};
  return {
    evidence: {
      type: kind,
      value: Buffer.from(hexToBytes(bytes)).toString(kind === "file" ? "base64" : "utf8"),
    },
  };
}
