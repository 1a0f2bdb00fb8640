/**
 * How a process is kept from the network, from other processes, from its gateway's files and from more than its share: Linux's namespaces
 * (`unshare`, `mount`), capabilities (`setpriv`) and resource limits (`prlimit`), all of util-linux. Elsewhere there is no jail, and what
 * needs one is refused.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { behindView, type View } from "./view.ts";

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
  /** Whether this machine lets it hide files: whoever may not mount in a namespace of its own can't. */
  hides: boolean;
  /** The command inside the jail, for `spawn`. With a `view`, and where the jail hides, it sees no more than that. */
  wrap(command: readonly string[], limits: Limits, view?: View): string[];
};

/** Own network without interfaces, own process numbers (all end with the first), own inter-process communication. */
const NAMESPACES = ["--net", "--pid", "--ipc", "--fork", "--kill-child"];
/** Who is not root becomes it in a user namespace of its own, where the system allows that. */
const WAYS: readonly { plain: readonly string[]; mounting: readonly string[] }[] = [
  { plain: NAMESPACES, mounting: ["--mount", ...NAMESPACES] },
  {
    plain: ["--user", "--map-current-user", ...NAMESPACES],
    mounting: ["--user", "--map-root-user", "--mount", ...NAMESPACES],
  },
];

const TRIAL: Limits = { cpuSeconds: 2, memoryBytes: 2 ** 28, fileBytes: 0, processes: 4096 };

/** The jail that this machine has, tried out; null when it has none. */
export async function findJail(): Promise<Jail | null> {
  if (process.platform !== "linux") return null;
  for (const way of WAYS) {
    if (!(await succeeds(wrapBy(way, false)(["true"], TRIAL)))) continue;
    const hides = await canHide(wrapBy(way, true));
    return { hides, wrap: wrapBy(way, hides) };
  }
  return null;
}

function wrapBy({ plain, mounting }: (typeof WAYS)[number], hides: boolean): Jail["wrap"] {
  return (command, limits, view) => {
    const limited = ["prlimit", ...limitFlags(limits), "--", ...command];
    return hides && view
      ? ["unshare", ...mounting, "--", ...behindView(view, limited)]
      : ["unshare", ...plain, "--", ...limited];
  };
}

/** Hides a folder with a file in it, and looks for the file. */
async function canHide(wrap: Jail["wrap"]): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), "moa-view-"));
  try {
    const secret = join(folder, "secret");
    await writeFile(secret, "");
    const look = wrap(["/bin/sh", "-c", '[ ! -e "$1" ] && [ -d "$2" ]', "sh", secret, folder], TRIAL, {
      ...{ hide: [folder], show: [] },
    });
    return await succeeds(look, await mkdtemp(join(folder, "run-")));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function limitFlags({ cpuSeconds, memoryBytes, fileBytes, processes }: Limits): string[] {
  return [
    ...["--core=0", "--nofile=64", `--cpu=${cpuSeconds}`, `--data=${memoryBytes}`],
    ...[`--fsize=${fileBytes}`, `--nproc=${processes}`],
  ];
}

async function succeeds([file = "", ...args]: string[], cwd?: string): Promise<boolean> {
  const child = spawn(file, args, { stdio: "ignore", ...(cwd === undefined ? {} : { cwd }) });
  try {
    const [code] = await once(child, "exit");
    return code === 0;
  } catch (error) {
    // No such program.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}
