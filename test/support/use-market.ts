/** The shared system with its contracts and its index at hand. */
import { createIndexReader, type IndexReader } from "./index-reader.ts";
import { createMarket, type Market } from "./market.ts";
import { useSystem } from "./system.ts";

/** Call it in a `describe`; what it returns is there while tests run. */
export function useMarket() {
  let opened: { market: Market; index: IndexReader } | undefined;
  after(() => opened?.index.end());
  const shared = useSystem();
  before(() => {
    const { run } = shared.system;
    opened = { market: createMarket(run), index: createIndexReader(run) };
  });
  const there = () => {
    if (!opened) throw new Error("The market is only there while tests run: use it in `it` or `before`.");
    return opened;
  };
  return {
    get run() {
      return shared.system.run;
    },
    get market() {
      return there().market;
    },
    get index() {
      return there().index;
    },
  };
}
