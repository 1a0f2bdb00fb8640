/** Reads what a client says to Postgres (its message flow, protocol 3.0): which statements are asked for, by their first words. */

/** Selects change nothing: a kill beside one is a kill beside its neighbour. */
const NAMED = /^\s*(insert into|update|delete from|with|begin|commit|rollback)\b\s*"?([\w.]*)/i;

/** For one connection: answers the names of the statements that a packet has executed, in their order. */
export function statementsIn(): (packet: Buffer) => string[] {
  const prepared = new Map<string, string>();
  let rest: Buffer = Buffer.alloc(0);
  let isStarted = false;
  return (packet) => {
    rest = Buffer.concat([rest, packet]);
    const found: string[] = [];
    for (;;) {
      const header = isStarted ? 1 : 0; // the first message has no type
      if (rest.length < header + 4) return found;
      const size = header + rest.readUInt32BE(header);
      if (rest.length < size) return found;
      const type = isStarted ? String.fromCharCode(rest[0] as number) : "startup";
      const body = rest.subarray(header + 4, size);
      rest = rest.subarray(size);
      isStarted = true;
      const text = statementOf(type, body, prepared);
      const name = text === undefined ? undefined : nameOf(text);
      if (name) found.push(name);
    }
  };
}

function statementOf(type: string, body: Buffer, prepared: Map<string, string>): string | undefined {
  if (type === "Q") return stringAt(body, 0);
  if (type === "P") {
    const name = stringAt(body, 0);
    prepared.set(name, stringAt(body, Buffer.byteLength(name) + 1));
  }
  if (type !== "B") return undefined;
  const portal = stringAt(body, 0);
  return prepared.get(stringAt(body, Buffer.byteLength(portal) + 1));
}

function stringAt(body: Buffer, start: number): string {
  return body.toString("utf8", start, body.indexOf(0, start));
}

function nameOf(text: string): string | undefined {
  const [, verb = "", table = ""] = NAMED.exec(text) ?? [];
  if (!verb) return undefined;
  const word = verb.toLowerCase().replace(/ .*/, "");
  if (word !== "with") return `sql ${word}${/^(insert|update|delete)$/.test(word) ? ` ${table}` : ""}`;
  const [, inner = "", target = ""] = /\b(insert into|update|delete from)\s+"?(\w+)/i.exec(text) ?? [];
  return inner ? `sql ${inner.toLowerCase().replace(/ .*/, "")} ${target}` : undefined;
}
