/** Tickets that open an agent's own stream once. Only their hashes are stored: who reads the table can open nothing. */
import { createHash, randomBytes } from "node:crypto";
import { type Address, getAddress } from "viem";
import type { Queryable } from "./database.ts";

/** Seconds in which a ticket must be used. */
const TICKET_TTL = 60;

/** What a session was when it was looked at: who it is, signed by which key, until when. */
export type Hold = {
  eoa: Address;
  /** 0: none yet. */
  agentId: bigint;
  epoch: number;
  kid: string;
  /** The session's end. */
  endsAt: Date;
};

export async function giveTicket(sql: Queryable, hold: Hold): Promise<{ ticket: string; expiresAt: Date }> {
  const ticket = randomBytes(32).toString("base64url");
  const expiresAt = new Date(Math.min(Date.now() + TICKET_TTL * 1000, hold.endsAt.getTime()));
  await sql`
    insert into stream_tickets (hash, eoa, agent_id, epoch, kid, session_ends, expires_at) values (
      ${hashOf(ticket)}, ${hold.eoa.toLowerCase()}, ${String(hold.agentId)}, ${hold.epoch}, ${hold.kid}, ${hold.endsAt},
      ${expiresAt}
    )`;
  return { ticket, expiresAt };
}

/** Uses the ticket up. Undefined when there is none such, or it is over: for all but the first who comes with it. */
export async function takeTicket(sql: Queryable, ticket: string): Promise<Hold | undefined> {
  const [row] = await sql<
    { eoa: string; agent_id: string; epoch: number; kid: string; session_ends: Date; live: boolean }[]
  >`
    delete from stream_tickets where hash = ${hashOf(ticket)}
    returning eoa, agent_id, epoch, kid, session_ends, expires_at > now() as live`;
  if (!row?.live) return undefined;
  const { eoa, agent_id, epoch, kid, session_ends: endsAt } = row;
  return { eoa: getAddress(eoa), agentId: BigInt(agent_id), epoch, kid, endsAt };
}

export async function dropOldTickets(sql: Queryable): Promise<void> {
  await sql`delete from stream_tickets where expires_at < now()`;
}

function hashOf(ticket: string): string {
  return createHash("sha256").update(ticket).digest("hex");
}
