// A file written whole, as the report is: opened through the door to paths, and written without ever waiting for anybody.

import { writeNow, writeOwn } from "../descriptors/writing.ts";
import { O_CREAT, O_WRONLY } from "../libc/constants.ts";
import { EAGAIN } from "../libc/errno.ts";
import { SYS, syscall } from "../libc/libc.ts";
import { bytesOf } from "../text/bytes.ts";
import { openPath } from "./paths.ts";

export function writeFile(path: string, text: string): number {
  // It does not block: neither a FIFO that nobody reads nor a full pipe holds up the end.
  const opened = openPath(path, O_WRONLY | O_CREAT, 0o666);
  if (typeof opened === "number") return opened;
  const { fd } = opened;
  const failed = opened.isShared ? (writeNow(fd, text) ? 0 : -EAGAIN) : writeOwn(fd, text);
  // A file is cut to the new text; a pipe or a device cannot be, and need not.
  if (failed >= 0) syscall(SYS.ftruncate, fd, bytesOf(text).length);
  syscall(SYS.close, fd);
  return failed;
}
