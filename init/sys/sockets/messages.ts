// Sending and receiving messages without waiting, with the sender's process and the descriptors that come along
// (unix(7)). Answers negated errnos and decides nothing.

import {
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_TRUNC,
  SCM_CREDENTIALS,
  SCM_RIGHTS,
  SOL_SOCKET,
} from "../libc/constants.ts";
import { EINTR } from "../libc/errno.ts";
import { Block, keepAlive, SYS, setInteger, syscall } from "../libc/libc.ts";
import type { ReceivedMessage } from "./kernel.ts";

export function sendNow(fd: number, bytes: Uint8Array): number {
  const block = new Block(bytes.length);
  block.bytes.set(bytes);
  for (;;) {
    const took = syscall(SYS.sendto, fd, block.address, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL, 0, 0);
    keepAlive(block);
    if (took !== -EINTR) return took;
  }
}

// struct msghdr { void *name; socklen_t namelen; struct iovec *iov; size_t iovlen; void *control; size_t controllen; int flags; }
const header = new Block(56);
const IOV = 16;
const IOV_LENGTH = 24;
const CONTROL = 32;
const CONTROL_LENGTH = 40;
const FLAGS = 48;
// struct iovec { void *base; size_t len; }
const vector = new Block(16);
// struct cmsghdr { size_t len; int level; int type; }, data behind it, each aligned to 8 bytes
const CMSG_HEADER = 16;
/** One struct ucred { pid_t pid; uid_t uid; gid_t gid; }, and SCM_MAX_FD (253) descriptors: the most that one message has. */
const control = new Block(CMSG_HEADER + 16 + CMSG_HEADER + 253 * 4 + 4);
let content = new Block(0);

export function receiveNow(fd: number, length: number): ReceivedMessage | number {
  if (content.bytes.length < length) content = new Block(length);
  setInteger(vector.view, 0, content.address);
  setInteger(vector.view, 8, length);
  header.bytes.fill(0);
  setInteger(header.view, IOV, vector.address);
  setInteger(header.view, IOV_LENGTH, 1);
  setInteger(header.view, CONTROL, control.address);
  setInteger(header.view, CONTROL_LENGTH, control.bytes.length);
  let got = -EINTR;
  while (got === -EINTR) got = syscall(SYS.recvmsg, fd, header.address, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0) return got;
  const flags = header.view.getInt32(FLAGS, true);
  return {
    bytes: content.bytes.slice(0, got),
    ...parsed(header.view.getUint32(CONTROL_LENGTH, true)),
    isCut: (flags & MSG_TRUNC) !== 0,
    lacksDescriptors: (flags & MSG_CTRUNC) !== 0,
  };
}

function parsed(length: number): Pick<ReceivedMessage, "pid" | "fds"> {
  const { view } = control;
  const fds: number[] = [];
  let pid = 0;
  for (let at = 0; at + CMSG_HEADER <= length; ) {
    const size = view.getUint32(at, true);
    if (size < CMSG_HEADER || at + size > length) break;
    const isOfSocket = view.getInt32(at + 8, true) === SOL_SOCKET;
    const type = view.getInt32(at + 12, true);
    if (isOfSocket && type === SCM_CREDENTIALS) pid = view.getInt32(at + CMSG_HEADER, true);
    if (isOfSocket && type === SCM_RIGHTS)
      for (let each = CMSG_HEADER; each + 4 <= size; each += 4) fds.push(view.getInt32(at + each, true));
    at += (size + 7) & ~7;
  }
  return { pid, fds };
}
