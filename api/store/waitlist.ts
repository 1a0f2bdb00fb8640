/** Who asked to be told when there is room. */
import type { Sql } from "./database.ts";

/** Keeps the first word of each address; the same address again changes nothing, and nobody is told that it was there. */
export async function joinWaitlist(
  sql: Sql,
  { email, agentType, notes }: { email: string; agentType: string; notes: string | undefined },
): Promise<void> {
  await sql`
    insert into waitlist (email, agent_type, notes) values (${email.toLowerCase()}, ${agentType}, ${notes ?? null})
    on conflict do nothing`;
}
