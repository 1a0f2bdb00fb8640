/** What the commands share. */
import type { Env } from "../env.ts";

/** The command line is wrong, or what was asked for can't be done: told without a stack. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

export type Command = {
  /** Where the configuration is. */
  configFile: string;
  args: string[];
  /** To standard output: what another program may read. */
  print(text: string): void;
  /** To standard error: what a person reads. */
  say(text: string): void;
  /** The settings; throws when they are wrong. */
  env(): Env;
};

/** Where buyers reach the gateway. */
export function gatewayUrl({ publicUrl, host, port }: Env): string {
  return publicUrl ?? `http://${host}:${port}`;
}
