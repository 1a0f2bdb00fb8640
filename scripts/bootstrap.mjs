/**
 * `npm start`, `npm test` and `npm run lint` begin here. Plain JavaScript without dependencies, for Node 20 and later: it installs what is
 * missing, builds the contracts when they changed, and hands over to `scripts/<verb>.ts` on the Node that the repository pins.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const OLDEST_NODE = 20;
const PARENT_WATCH_MS = 500;
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const modules = join(root, "node_modules");
const bin = join(modules, ".bin");
const pinnedNode = join(modules, "node", "bin", "node");
const installStamp = join(modules, ".moa-installed");
const buildStamp = join(root, "cache", "moa-built");
const artifacts = join(root, "artifacts", "contracts");
const verbs = ["start", "test", "lint"];

class Failure extends Error {}

/** @type {import("node:child_process").ChildProcess | undefined} */
let current;
/** @type {NodeJS.Signals | undefined} */
let interruptedBy;
/** @param {NodeJS.Signals} signal */
function interrupt(signal) {
  interruptedBy = signal;
  current?.kill(signal); // from a terminal it has had it already; it minds only the first
}
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
  process.on(signal, () => interrupt(signal));
}
if (process.env.npm_lifecycle_event) {
  const npmPid = process.ppid;
  // npm passes signals on, but not when it is killed outright.
  setInterval(() => process.ppid === npmPid || interrupt("SIGHUP"), PARENT_WATCH_MS).unref();
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

/** @param {string[]} argv */
async function main([verb = "", ...args]) {
  if (!verbs.includes(verb)) throw new Failure(`"${verb}" is none of ${verbs.join(", ")}.`);
  if (Number(process.versions.node.split(".")[0]) < OLDEST_NODE) {
    throw new Failure(`Node ${process.versions.node} is too old: install Node ${OLDEST_NODE} or later.`);
  }
  if (process.platform === "win32") throw new Failure("On Windows, run this inside WSL.");
  if (readIfThere(installStamp) !== installFingerprint()) await install(verb);
  if (readIfThere(buildStamp) !== buildFingerprint()) await build(verb);
  const { code, signal } = await run(pinnedNode, [join(root, "scripts", `${verb}.ts`), ...args], {
    stdio: ["inherit", "inherit", "inherit", "ipc"], // the channel closes when we are killed: then the verb stops, too
  });
  return signal ? 1 : code;
}

/** @param {string} verb */
async function install(verb) {
  const started = performance.now();
  process.stdout.write("installing packages (950 MB, once) …\n");
  // --no-save keeps package-lock.json as it is: each npm has its own idea of some of its fields.
  const flags = ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
  flags.push("--include=dev", "--include=optional"); // whatever NODE_ENV says
  await npm(process.execPath, flags, verb);
  await ensurePinnedNode(verb);
  // npm leaves out optional packages that refuse the Node that installs; Hardhat's engine refuses Node 20. Asked again by the pinned Node,
  // it fetches them.
  if (!(await canLoad("@nomicfoundation/edr"))) {
    await npm(pinnedNode, [...flags, "--ignore-scripts"], verb);
    await ensurePinnedNode(verb);
  }
  if (!(await canLoad("@nomicfoundation/edr"))) {
    throw new Failure(
      `Hardhat's engine is not there for ${process.platform}-${process.arch}, though npm install ended well. ` +
        `Remove node_modules and run npm ${verb} again; see ${logFile("install")}.`,
    );
  }
  writeFileSync(installStamp, installFingerprint());
  console.log(`installed in ${seconds(started)} s`);
}

/** The package `node` fetches its program in an install script, which some npm settings keep from running. @param {string} verb */
async function ensurePinnedNode(verb) {
  if (await succeeds(pinnedNode, ["--version"])) return;
  await runLogged("install", process.execPath, ["installArchSpecificPackage.js"], join(modules, "node"));
  if (await succeeds(pinnedNode, ["--version"])) return;
  throw new Failure(
    `The package "node" brought no program that runs here. Look into ${logFile("install")}, remove node_modules and run npm ${verb} again.`,
  );
}

/** @param {string} verb */
async function build(verb) {
  const started = performance.now();
  process.stdout.write("building the contracts …\n");
  const { code, signal } = await runLogged(
    "build",
    pinnedNode,
    [join(bin, "hardhat"), "build", "--no-tests"],
    root,
  );
  if (signal || code !== 0) {
    throw (
      interrupted() ??
      new Failure(`The contracts do not build. Mend this and run npm ${verb} again:\n${tail("build", 30)}`)
    );
  }
  mkdirSync(dirname(buildStamp), { recursive: true });
  writeFileSync(buildStamp, buildFingerprint());
  console.log(`built in ${seconds(started)} s`);
}

/** @param {string} node @param {string[]} args @param {string} verb */
async function npm(node, args, verb) {
  // npm itself says where it is; started by hand or by another package manager, the one on the PATH must do.
  const npmCli = process.env.npm_execpath ?? "";
  const [command, rest] = /npm-cli\.c?js$/.test(npmCli) ? [node, [npmCli, ...args]] : ["npm", args];
  const { code, signal } = await runLogged("install", command, rest, root);
  if (!signal && code === 0) return;
  const said = tail("install", 400)
    .split("\n")
    .filter((line) => /^npm (error|ERR!)/.test(line));
  const why = said
    .slice(0, 3)
    .map((line) => line.replace(/^npm (error|ERR!) ?/, ""))
    .join(" ");
  throw (
    interrupted() ??
    new Failure(
      `npm install failed: ${why || `it ended with ${signal ?? code}`}. ` +
        `Check the network and the registry, then run npm ${verb} again; everything it said is in ${logFile("install")}.`,
    )
  );
}

function interrupted() {
  return interruptedBy && new Failure(`stopped by ${interruptedBy}`);
}

/** @param {string} name */
async function canLoad(name) {
  return succeeds(pinnedNode, ["-e", `import(${JSON.stringify(name)}).catch(() => process.exit(1))`]);
}

/** @param {string} command @param {string[]} args */
async function succeeds(command, args) {
  return (await run(command, args, { stdio: "ignore" })).code === 0;
}

/** @param {string} log @param {string} command @param {string[]} args @param {string} cwd */
async function runLogged(log, command, args, cwd) {
  /** @type {Buffer[]} */
  const output = [];
  const ending = run(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] }, (chunk) =>
    output.push(chunk),
  );
  const exit = await ending;
  mkdirSync(dirname(logFile(log)), { recursive: true });
  writeFileSync(logFile(log), Buffer.concat(output));
  return exit;
}

/**
 * @param {string} command @param {string[]} args @param {import("node:child_process").SpawnOptions} options
 * @param {(chunk: Buffer) => void} [onOutput]
 * @returns {Promise<{ code: number, signal: NodeJS.Signals | null }>}
 */
async function run(command, args, options, onOutput) {
  if (interruptedBy) throw interrupted();
  const env = { ...process.env, PATH: `${bin}:${dirname(pinnedNode)}:${process.env.PATH ?? ""}` };
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env, ...options });
    current = child;
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => onOutput?.(chunk));
    child.once("error", () => resolve({ code: 127, signal: null }));
    child.once("close", (code, signal) => resolve({ code: code ?? 1, signal }));
  });
}

/** @param {string} name */
function logFile(name) {
  return join(root, ".data", "logs", `${name}.log`);
}

/** @param {string} name @param {number} lines */
function tail(name, lines) {
  return (readIfThere(logFile(name)) ?? "").trimEnd().split("\n").slice(-lines).join("\n");
}

/** Of what is to be installed, and on what kind of machine. */
function installFingerprint() {
  const { dependencies, devDependencies, overrides } = JSON.parse(
    readFileSync(join(root, "package.json"), "utf8"),
  );
  const lock = readIfThere(join(root, "package-lock.json"));
  return digest([{ dependencies, devDependencies, overrides }, lock, process.platform, process.arch, bin]);
}

/** Of the sources and of what was made of them: a build by other means, of other sources, is noticed as well. */
function buildFingerprint() {
  const sources = filesIn(join(root, "contracts")).map((file) => [file, readFileSync(file, "utf8")]);
  const made = filesIn(artifacts).map((file) => [file, statSync(file).mtimeMs, statSync(file).size]);
  return digest([sources, made, readIfThere(join(root, "hardhat.config.ts")), readIfThere(installStamp)]);
}

/** @param {string} dir @returns {string[]} */
function filesIn(dir) {
  if (!existsSync(dir)) return [];
  const entries = readdirSync(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => join(entry.parentPath ?? entry.path, entry.name)).sort();
}

/** @param {unknown} value */
function digest(value) {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}

/** @param {string} file */
function readIfThere(file) {
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

/** @param {number} since */
function seconds(since) {
  return ((performance.now() - since) / 1000).toFixed(1);
}
