// Directories: the names in one, for subcommands that take one and for a start that finds no policy; and making and removing
// one, for the cgroups of services. No start of a single program that goes well comes here.

import { AT_REMOVEDIR, O_PATH, O_RDONLY } from "../libc/constants.ts";
import { Block, cString, keepAlive, O_DIRECTORY, SYS, syscall } from "../libc/libc.ts";
import { textOf } from "../text/bytes.ts";
import { openPath } from "./paths.ts";

const CHUNK = 32_768;
/** <dirent.h>: DT_DIR. */
const DT_DIR = 4;

/** The names in a directory, sorted, `.` and `..` left out, those of directories with a slash behind; or a negated errno. */
export function listFolder(path: string): readonly string[] | number {
  const opened = openPath(path, O_RDONLY | O_DIRECTORY);
  if (typeof opened === "number") return opened;
  const { fd } = opened;
  const { address, bytes } = new Block(CHUNK);
  const names: string[] = [];
  let got = 0;
  for (;;) {
    got = syscall(SYS.getdents64, fd, address, CHUNK);
    if (got <= 0) break;
    // struct linux_dirent64 { u64 d_ino; s64 d_off; u16 d_reclen; u8 d_type; char d_name[]; }
    for (let at = 0; at < got; at += (bytes[at + 16] as number) | ((bytes[at + 17] as number) << 8)) {
      const start = at + 19;
      const found = textOf(bytes.slice(start, bytes.indexOf(0, start)));
      if (found !== "." && found !== "..") names.push(bytes[at + 18] === DT_DIR ? `${found}/` : found);
    }
  }
  syscall(SYS.close, fd);
  return got < 0 ? got : names.sort();
}

/** mkdirat(2), in a directory opened through the door to paths: 0 or a negated errno. */
export function makeFolder(path: string, mode: number): number {
  return inParent(path, (parent, name) => syscall(SYS.mkdirat, parent, name, mode));
}

/** rmdir(2), likewise. */
export function removeFolder(path: string): number {
  return inParent(path, (parent, name) => syscall(SYS.unlinkat, parent, name, AT_REMOVEDIR));
}

function inParent(path: string, act: (parent: number, name: number) => number): number {
  const slash = path.lastIndexOf("/");
  const parent = openPath(slash < 0 ? "." : path.slice(0, slash + 1), O_PATH | O_DIRECTORY);
  if (typeof parent === "number") return parent;
  const name = cString(path.slice(slash + 1));
  const result = act(parent.fd, name.address);
  keepAlive(name);
  syscall(SYS.close, parent.fd);
  return result;
}
