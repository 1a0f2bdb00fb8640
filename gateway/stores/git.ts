/**
 * Files of a git repository on this machine, each at the commit that the manifest names: `ref: {scheme: "git", uri: "<commit>:<path>"}`.
 * Read by isomorphic-git, in this process: there is no shell and no git program that a path could give options to.
 */
import { promises as files } from "node:fs";
import type { Resolver } from "../references.ts";
import { CHUNK_BYTES, type StoredItem } from "../store.ts";

/** A blob is unpacked whole, and so is the pack that it is in: the largest file that is read, in bytes. */
export const GIT_MAX_BYTES = 64 * 1024 * 1024;

const LFS_POINTER = "version https://git-lfs.github.com/spec/";

/** `gitdir` is a bare repository, or the `.git` folder of a working copy. Rejects for whatever is no file at a commit of its. */
export function createGitResolver({
  gitdir,
  maxBytes = GIT_MAX_BYTES,
}: {
  gitdir: string;
  maxBytes?: number;
}): Resolver {
  const fs = { promises: readOnly(maxBytes) };
  return async ({ uri }) => {
    const [, commit, path] = /^([0-9a-f]{40}):([^:\0]+)$/.exec(uri) ?? [];
    if (commit === undefined || path === undefined)
      throw new Error(`"${uri}" is not <commit>:<path>, with all 40 digits: a branch or a tag would move.`);
    refusePath(path);
    const blob = await readBlob({ fs, gitdir, oid: commit, filepath: path });
    return blob && describe(blob.oid, blob.blob, { path, maxBytes });
  };
}

/** Rejects unless `gitdir` is a repository. */
export async function checkRepository(gitdir: string): Promise<void> {
  await files.access(`${gitdir}/objects`);
  await files.access(`${gitdir}/HEAD`);
}

function refusePath(path: string): void {
  if (path.split("/").some((part) => part === "" || part === "." || part === ".."))
    throw new Error(`"${path}" is no path of a file in a tree.`);
}

/** The library, once it is needed: memory that most gateways have no use for. */
type Git = typeof import("isomorphic-git");

async function readBlob(where: Parameters<Git["readBlob"]>[0]) {
  const { default: git } = await import("isomorphic-git");
  try {
    return await git.readBlob(where);
  } catch (error) {
    // The commit is there, the file is not. A missing commit is a repository that is not whole, and no "no such file".
    if (error instanceof git.Errors.NotFoundError && error.data.what.startsWith("file or directory"))
      return null;
    throw error;
  }
}

function describe(oid: string, blob: Uint8Array, about: { path: string; maxBytes: number }): StoredItem {
  if (blob.length > about.maxBytes)
    throw new Error(`${about.path} has ${blob.length} bytes, more than the ${about.maxBytes} read from git.`);
  if (Buffer.from(blob.subarray(0, LFS_POINTER.length)).toString("latin1") === LFS_POINTER)
    throw new Error(
      `${about.path} is a Git LFS pointer: its bytes are not in the repository. Put them into the store.`,
    );
  return {
    size: blob.length,
    // Git names a blob by its content.
    version: `git:${oid}`,
    stream(range) {
      let { first, last } = range ?? { first: 0, last: blob.length - 1 };
      return new ReadableStream<Uint8Array>(
        {
          pull(controller) {
            if (first > last) return controller.close();
            const end = Math.min(first + CHUNK_BYTES, last + 1);
            // A copy: pieces are given away, and the blob may be read again.
            controller.enqueue(blob.slice(first, end));
            first = end;
          },
        },
        { highWaterMark: 1 },
      );
    },
    close: async () => undefined,
  };
}

/** Node's file system, without writing and without files that would fill the memory. */
function readOnly(maxBytes: number) {
  const refuse = async () => {
    throw new Error("A repository is only read.");
  };
  return {
    async readFile(path: string, options?: Parameters<typeof files.readFile>[1]) {
      const { size } = await files.stat(path);
      if (size > maxBytes)
        throw new Error(`${path} has ${size} bytes, more than the ${maxBytes} read from git.`);
      return files.readFile(path, options);
    },
    readdir: files.readdir,
    stat: files.stat,
    lstat: files.lstat,
    readlink: files.readlink,
    writeFile: refuse,
    unlink: refuse,
    mkdir: refuse,
    rmdir: refuse,
    symlink: refuse,
  };
}
