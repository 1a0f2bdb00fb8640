/** An EOA's sessions. */
import { z } from "zod";
import type { SessionsResponse } from "../../sdk/wire/account.ts";
import type { pageQuerySchema } from "../../sdk/wire/common.ts";
import type { Session } from "../actions/session.ts";
import type { Deps } from "../deps.ts";
import { liveSessions } from "../store/sessions.ts";
import { cursorOf, paged } from "./cursor.ts";

/** When it began, in Unix microseconds; its id. */
const cursor = cursorOf(z.tuple([z.string().regex(/^[0-9]{1,18}$/), z.uuid()]));

export async function sessions(
  { sql }: Deps,
  { eoa, id: current }: Session,
  query: z.output<typeof pageQuerySchema>,
): Promise<SessionsResponse> {
  const rows = await liveSessions(sql, eoa, { before: cursor.read(query.cursor), limit: query.limit + 1 });
  const { items, ...next } = paged(rows, query.limit, ({ microseconds, id }) =>
    cursor.write([microseconds, id]),
  );
  return {
    items: items.map(({ id, client, network, createdAt, lastUsedAt, expiresAt }) => ({
      ...{ session_id: id, current: id === current, client, network },
      created_at: createdAt.toISOString(),
      last_used_at: lastUsedAt.toISOString(),
      expires_at: expiresAt.toISOString(),
    })),
    ...next,
  };
}
