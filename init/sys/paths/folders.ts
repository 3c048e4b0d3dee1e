// The names in a directory, for subcommands that take one, and for a start that finds no policy. No start that goes well comes here.

import { O_RDONLY } from "../libc/constants.ts";
import { Block, O_DIRECTORY, SYS, syscall } from "../libc/libc.ts";
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
