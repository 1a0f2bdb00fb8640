/** Debian's nginx with `ops/nginx/moa.conf`, on ports of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { inheritedEnv } from "../system/env.ts";
import { repoRoot } from "../system/repo.ts";

/** The program; undefined where there is none. */
export function findNginx(named: string | undefined): string | undefined {
  if (named) return existsSync(named) ? named : undefined;
  const folders = [...(inheritedEnv().PATH ?? "").split(delimiter), "/usr/sbin"];
  return folders.map((folder) => join(folder, "nginx")).find((path) => existsSync(path));
}

export type Nginx = { url: string; stop(): Promise<void> };

/** Starts it in the foreground over these copies of the API, with all its files in `dir`. */
export async function startNginx(
  program: string,
  { dir, port, apis }: { dir: string; port: number; apis: readonly number[] },
): Promise<Nginx> {
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, "moa.conf"), configFor(dir, port, apis));
  writeFileSync(join(dir, "nginx.conf"), mainConfig(dir));
  const child = spawn(program, ["-p", dir, "-e", join(dir, "error.log"), "-c", join(dir, "nginx.conf")], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  await answers(child, `http://127.0.0.1:${port}/livez`);
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      if (child.exitCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** The file as it is shipped, with other ports and another place for the log. Throws where it has changed too much for that. */
function configFor(dir: string, port: number, apis: readonly number[]): string {
  const shipped = readFileSync(join(repoRoot, "ops/nginx/moa.conf"), "utf8");
  const server = /^ {2}server 127\.0\.0\.1:\d+ (.*)$/m;
  const [, settings] = server.exec(shipped) ?? [];
  const changes: [RegExp, string][] = [
    [
      /(?:^ {2}server 127\.0\.0\.1:\d+ .*\n)+/m,
      apis.map((api) => `  server 127.0.0.1:${api} ${settings}\n`).join(""),
    ],
    [/listen 127\.0\.0\.1:8080;/, `listen 127.0.0.1:${port};`],
    [/\/var\/log\/nginx\/moa\.log/, join(dir, "access.log")],
  ];
  return changes.reduce((text, [pattern, instead]) => {
    if (!pattern.test(text)) throw new Error(`ops/nginx/moa.conf has nothing like ${pattern} any more.`);
    return text.replace(pattern, instead);
  }, shipped);
}

function mainConfig(dir: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return [
    ...["daemon off;", "worker_processes 2;", `pid ${join(dir, "nginx.pid")};`],
    "events { worker_connections 1024; }",
    "http {",
    ...temporary.map((name) => `  ${name}_temp_path ${join(dir, name)};`),
    `  include ${join(dir, "moa.conf")};`,
    "}\n",
  ].join("\n");
}

async function answers(child: ChildProcess, url: string): Promise<void> {
  for (;;) {
    const response = await fetch(url).catch(() => undefined);
    await response?.body?.cancel();
    if (response) return;
    if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
