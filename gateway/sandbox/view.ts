/**
 * What a run sees of the file system: everything but the folders that are hidden, and of those what is shown. An empty file system is mounted
 * over each, in a mount namespace of the run's own; nothing on the disk changes.
 */
import { existsSync, realpathSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { isAbsolute } from "node:path";

export type View = {
  /** Absolute paths of folders. */
  hide: readonly string[];
  /** Absolute paths of what stays there of them, to be read only. */
  show: readonly string[];
};

/** Whatever the gateway's user calls its own: its home, temporary files, and what the gateway keeps. */
export function hiddenFolders(own: readonly string[]): string[] {
  return [
    ...new Set(
      [homedir(), tmpdir(), ...own]
        .filter((path) => isAbsolute(path) && existsSync(path))
        .map((path) => realpathSync(path)),
    ),
  ]
    .filter((path) => path !== "/")
    .toSorted();
}

/** The files that a command names, wherever they are: they were declared to be run. */
export function namedFiles(command: readonly string[]): string[] {
  return command.filter((part) => isAbsolute(part) && existsSync(part)).map((part) => realpathSync(part));
}

/**
 * Arguments: how many folders are hidden and shown, those folders, then the command. Shown things are kept aside below the working folder
 * while their places are covered. /proc is mounted anew, or covered where that is not allowed: there other processes' environments could
 * be read, and through them the files that are hidden. (-c: the working folder itself is meant, not what lies by now at its path.)
 */
const SCRIPT = `set -eu
hidden=$1 shown=$2; shift 2
home=$PWD
mount --make-rprivate / 2>/dev/null || true
i=0
for path in "$@"; do
  i=$((i + 1))
  [ $i -le $hidden ] && continue
  [ $i -gt $((hidden + shown)) ] && break
  kept=.shown-$i
  if [ -d "$path" ]; then mkdir "$kept"; else : > "$kept"; fi
  mount --bind "$path" "$kept"
done
i=0
for path in "$@"; do
  i=$((i + 1))
  [ $i -gt $hidden ] && break
  [ -d "$path" ] && mount -t tmpfs -o mode=755,size=1m none "$path"
done
mkdir -p "$home"
mount -c --rbind . "$home"
cd "$home"
i=0
for path in "$@"; do
  i=$((i + 1))
  [ $i -le $hidden ] && continue
  [ $i -gt $((hidden + shown)) ] && break
  kept=.shown-$i
  if [ ! -e "$path" ]; then
    mkdir -p "\${path%/*}"
    if [ -d "$kept" ]; then mkdir "$path"; else : > "$path"; fi
  fi
  mount --bind "$kept" "$path"
  mount -o remount,bind,ro "$path" 2>/dev/null || true
  umount -l "$kept"
done
mount -t proc proc /proc 2>/dev/null || mount -t tmpfs -o ro,size=4k none /proc
shift $((hidden + shown))
exec setpriv --bounding-set=-all --inh-caps=-all --no-new-privs -- "$@"`;

/** The command behind its view; has to run as root of a mount namespace, and gives that up. */
export function behindView({ hide, show: wanted }: View, command: readonly string[]): string[] {
  const show = wanted.filter((path) => hide.some((folder) => path.startsWith(`${folder}/`)));
  const counts = [String(hide.length), String(show.length)];
  return ["/bin/sh", "-c", SCRIPT, "sh", ...counts, ...hide, ...show, ...command];
}
