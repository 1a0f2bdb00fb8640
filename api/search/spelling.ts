/** What somebody may have meant who wrote a word that no listing holds. */
import type { Sql } from "../store/database.ts";

/** Words looked at, and how long they may be: beyond it nobody mistypes. */
const MOST_WORDS = 8;
const SHORTEST = 4;
const LONGEST = 40;
/** How far a word may be from another, 0 to 1, by the three-letter groups that they share. */
const ALIKE = 0.35;

/** The text with each unknown word replaced by the known one that is nearest to it; undefined when there is none. */
export async function suggest(sql: Sql, text: string): Promise<string | undefined> {
  const words = [...new Set(text.toLowerCase().match(/(?<![-\p{L}\p{N}])\p{L}+(?![\p{L}\p{N}])/gu) ?? [])]
    .filter((word) => word !== "or" && word.length >= SHORTEST && word.length <= LONGEST)
    .slice(0, MOST_WORDS);
  if (words.length === 0) return undefined;
  const rows = await sql<{ word: string; meant: string }[]>`
    select t.word, near.word as meant
    from unnest(${words}::text[]) t (word)
    cross join lateral (select public.unaccent(t.word) as plain) p
    cross join lateral (
      select w.word from search_words w
      where w.word operator(public.%) p.plain and w.n > 0
        and length(w.word) between length(p.plain) - 2 and length(p.plain) + 2
        and public.similarity(w.word, p.plain) >= ${ALIKE}
      order by public.similarity(w.word, p.plain) desc, w.n desc limit 1
    ) near
    where not exists (select 1 from search_words k where k.word = p.plain and k.n > 0)`;
  if (rows.length === 0) return undefined;
  const meant = new Map(rows.map((row) => [row.word, row.meant]));
  const mended = text.replace(/(?<![-\p{L}\p{N}])\p{L}+(?![\p{L}\p{N}])/gu, (word) => {
    return meant.get(word.toLowerCase()) ?? word;
  });
  return mended === text ? undefined : mended;
}
