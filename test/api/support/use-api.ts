/** The shared system's API, at hand while tests run. */
import { useSystem } from "../../support/system.ts";
import { type Api, createApi } from "./api.ts";

/** Call it in a `describe`. */
export function useApi() {
  const shared = useSystem();
  let api: Api | undefined;
  before(() => {
    api = createApi(shared.system.run);
  });
  return {
    get system() {
      return shared.system;
    },
    get api(): Api {
      if (!api) throw new Error("The API is only there while tests run: use it in `it` or `before`.");
      return api;
    },
  };
}
