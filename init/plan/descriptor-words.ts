// Words an inherited descriptor for messages and reports. Pure.

import type { DescriptorFacts } from "../sys/descriptors/kinds.ts";
import type { InheritedDescriptor } from "../sys/facts.ts";
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFMT, S_IFREG, S_IFSOCK } from "../sys/libc/constants.ts";

/** `a listening inet stream socket at *:80`, `file /var/log/x, deleted`; of one that was not classified its link or file type. */
export function descriptorInWords({ descriptor, link, mode }: Omit<InheritedDescriptor, "fd">): string {
  return descriptor ? classifiedInWords(descriptor) : (link ?? fileTypeInWords(mode ?? -1));
}

function classifiedInWords({
  kinds,
  path,
  deleted,
  outsideRoot,
  socket,
  access,
  evidence,
}: DescriptorFacts): string {
  const [kind] = kinds;
  if (socket) {
    const state = socket.listening ? "listening " : "";
    const to = socket.peer ? `to ${socket.peer}` : "";
    const where = socket.local && to ? `${socket.local} ${to}` : (socket.local ?? to);
    const foreign = socket.foreignNetwork ? ", of another network namespace" : "";
    return `a ${state}${socket.family} ${socket.type} socket${where && ` at ${where}`}${foreign}`;
  }
  const end = evidence.indexOf(", ");
  const where = path ?? (end < 0 ? evidence : evidence.slice(0, end));
  const marks = `${deleted ? ", deleted" : ""}${outsideRoot ? ", outside the root" : ""}`;
  return `${kind} ${where}${marks}${access === "path" ? ", O_PATH" : ""}`;
}

function fileTypeInWords(mode: number): string {
  switch (mode < 0 ? mode : mode & S_IFMT) {
    case 0:
      return "an anonymous inode";
    case S_IFBLK:
      return "a block device";
    case S_IFCHR:
      return "a character device";
    case S_IFDIR:
      return "a directory";
    case S_IFIFO:
      return "a pipe";
    case S_IFREG:
      return "a file";
    case S_IFSOCK:
      return "a socket";
    default:
      return "of a kind that cannot be determined";
  }
}
