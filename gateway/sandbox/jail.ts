/**
 * How a process is kept from the network, from other processes and from more than its share: Linux's namespaces (`unshare`) and resource
 * limits (`prlimit`), both of util-linux. Elsewhere there is no jail, and what needs one is refused.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";

/** Most of what a run may take. The operating system sees to it. */
export type Limits = {
  /** Processor time in seconds. */
  cpuSeconds: number;
  /** Memory in bytes that the process may write to (RLIMIT_DATA). */
  memoryBytes: number;
  /** Size in bytes of any file that it writes. */
  fileBytes: number;
  /** Processes of its user. Not enforced for root. */
  processes: number;
};

export type Jail = {
  /** The command inside the jail, for `spawn`. */
  wrap(command: readonly string[], limits: Limits): string[];
};

/** Own network without interfaces, own process numbers (all end with the first), own inter-process communication. */
const NAMESPACES = ["--net", "--pid", "--ipc", "--fork", "--kill-child"];

/** The jail that this machine has, tried out; null when it has none. */
export async function findJail(): Promise<Jail | null> {
  if (process.platform !== "linux") return null;
  // Who is not root becomes it in a user namespace of its own, where the system allows that.
  for (const flags of [NAMESPACES, ["--user", "--map-current-user", ...NAMESPACES]]) {
    const wrap: Jail["wrap"] = (command, limits) => [
      ...["unshare", ...flags, "--"],
      ...["prlimit", ...limitFlags(limits), "--"],
      ...command,
    ];
    if (await succeeds(wrap(["true"], { cpuSeconds: 1, memoryBytes: 2 ** 28, fileBytes: 0, processes: 256 })))
      return { wrap };
  }
  return null;
}

function limitFlags({ cpuSeconds, memoryBytes, fileBytes, processes }: Limits): string[] {
  return [
    ...["--core=0", "--nofile=64", `--cpu=${cpuSeconds}`, `--data=${memoryBytes}`],
    ...[`--fsize=${fileBytes}`, `--nproc=${processes}`],
  ];
}

async function succeeds([file = "", ...args]: string[]): Promise<boolean> {
  const child = spawn(file, args, { stdio: "ignore" });
  try {
    const [code] = await once(child, "exit");
    return code === 0;
  } catch (error) {
    // No such program.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
