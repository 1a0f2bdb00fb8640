/** Ponder looks here; the config is at the top of the repository. */
export { default } from "../ponder.config.ts";
