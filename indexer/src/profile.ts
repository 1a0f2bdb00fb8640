/** Reads what an agent says of itself, where its ERC-8004 registration file is in the URI itself: nothing is ever fetched. */
import { z } from "zod";
import { agentProfileSchema } from "../../sdk/wire/agent.ts";

const DATA_URI = /^data:application\/json(?:;charset=utf-8)?(;base64)?,(.*)$/is;

/** Text for people: one line, no control characters, no half surrogate pairs. */
const nameSchema = z
  .string()
  .trim()
  .min(1)
  .max(64)
  .refine((name) => name.isWellFormed() && !/\p{Cc}/u.test(name));

/** Of an ERC-8004 registration file, the fields that are used; each is null when it is missing or unusable. */
const registrationSchema = z.object({
  name: nameSchema.nullable().catch(null),
  agentType: agentProfileSchema.shape.agent_type.nullable().catch(null),
});

export type Profile = { displayName: string | null; agentType: string | null };

/** The profile in `agentUri`; nulls for a URI that points elsewhere, and for anything malformed. */
export function readProfile(agentUri: string): Profile {
  const match = DATA_URI.exec(agentUri);
  const result = registrationSchema.safeParse(match && parseData(match[2] ?? "", match[1] !== undefined));
  return result.success
    ? { displayName: result.data.name, agentType: result.data.agentType }
    : { displayName: null, agentType: null };
}

/** The JSON value of a data URI's body; undefined when it is none. */
function parseData(body: string, isBase64: boolean): unknown {
  try {
    return JSON.parse(isBase64 ? Buffer.from(body, "base64").toString("utf8") : decodeURIComponent(body));
  } catch {
    return undefined; // an agent may point its URI at anything
  }
}
