// The controlling terminal: whose it is, and handing it over (tty_ioctl(4)). Answers negated errnos and
// decides nothing. Only a start that has to do with a terminal needs it.

import {
  AT_FDCWD,
  O_CLOEXEC,
  O_NOCTTY,
  O_NONBLOCK,
  O_RDWR,
  SIGCONT,
  SIGHUP,
  STDERR_FILENO,
  STDIN_FILENO,
  STDOUT_FILENO,
  TCGETS,
  TIOCGPGRP,
  TIOCGWINSZ,
  TIOCNOTTY,
  TIOCSPGRP,
} from "../libc/constants.ts";
import { Block, cString, keepAlive, SYS, syscall } from "../libc/libc.ts";
import { add, SIGSET_SIZE } from "../signals/signals.ts";
import type { TerminalFacts } from "./kernel.ts";

export function terminal(fd: number): TerminalFacts | undefined {
  const block = new Block(64);
  if (syscall(SYS.ioctl, fd, TCGETS, block.address) < 0) return undefined;
  // ENOTTY: a terminal, but not the one that controls this process.
  const isOurs = syscall(SYS.ioctl, fd, TIOCGPGRP, block.address) >= 0;
  return {
    isForeground: isOurs && block.view.getInt32(0, true) === syscall(SYS.getpgid, 0),
    isOutputToo: syscall(SYS.ioctl, STDOUT_FILENO, TIOCGPGRP, block.address) >= 0,
  };
}

export function terminalColumns(fd: number): number | undefined {
  // struct winsize: u16 ws_row 0, ws_col 2
  const block = new Block(8);
  if (syscall(SYS.ioctl, fd, TIOCGWINSZ, block.address) < 0) return undefined;
  return block.view.getUint16(2, true) || undefined;
}

export function controllingTerminal(): number {
  const block = new Block(4);
  for (const fd of [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO])
    if (syscall(SYS.ioctl, fd, TIOCGPGRP, block.address) >= 0) return fd;
  const path = cString("/dev/tty");
  const fd = syscall(SYS.openat, AT_FDCWD, path.address, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  keepAlive(path);
  return fd;
}

/** SIGTTOU, which would stop a background process that does this, is blocked in fdinit. */
export function setForeground(fd: number, group: number): number {
  const block = new Block(4);
  block.view.setInt32(0, group, true);
  return syscall(SYS.ioctl, fd, TIOCSPGRP, block.address);
}

/**
 * TIOCNOTTY. Of a session leader the kernel sends SIGHUP and SIGCONT to the terminal's foreground group,
 * fdinit with it, before the call returns: those two are taken here, or they would be forwarded.
 */
export function releaseTerminal(fd: number): number {
  const result = syscall(SYS.ioctl, fd, TIOCNOTTY);
  if (result < 0) return result;
  const set = new Block(SIGSET_SIZE);
  add(set.bytes, SIGHUP);
  add(set.bytes, SIGCONT);
  const noTime = new Block(16);
  while (syscall(SYS.rt_sigtimedwait, set.address, 0, noTime.address, SIGSET_SIZE) > 0);
  return 0;
}
