// System call numbers and flags that differ from one architecture to the next: arm64.
// Source: <asm-generic/unistd.h> and arch/arm64/include/uapi/asm/fcntl.h. Nothing else belongs
// here; what both architectures share is in ../constants.ts. A test compares these with a C probe.

export const SYS = {
  getcwd: 17,
  dup3: 24,
  fcntl: 25,
  ioctl: 29,
  unlinkat: 35,
  fstatfs: 44,
  ftruncate: 46,
  faccessat: 48,
  chdir: 49,
  fchdir: 50,
  fchmod: 52,
  fchmodat: 53,
  fchownat: 54,
  fchown: 55,
  openat: 56,
  close: 57,
  pipe2: 59,
  getdents64: 61,
  lseek: 62,
  read: 63,
  write: 64,
  ppoll: 73,
  signalfd4: 74,
  splice: 76,
  readlinkat: 78,
  newfstatat: 79,
  fstat: 80,
  capget: 90,
  capset: 91,
  exit_group: 94,
  waitid: 95,
  unshare: 97,
  nanosleep: 101,
  clock_gettime: 113,
  ptrace: 117,
  kill: 129,
  tgkill: 131,
  rt_sigaction: 134,
  rt_sigprocmask: 135,
  rt_sigtimedwait: 137,
  rt_sigqueueinfo: 138,
  rt_sigreturn: 139,
  setpriority: 140,
  getpriority: 141,
  setresuid: 147,
  setresgid: 149,
  setpgid: 154,
  getpgid: 155,
  getsid: 156,
  setsid: 157,
  setgroups: 159,
  umask: 166,
  prctl: 167,
  getpid: 172,
  getppid: 173,
  getuid: 174,
  geteuid: 175,
  socket: 198,
  socketpair: 199,
  bind: 200,
  listen: 201,
  connect: 203,
  getsockname: 204,
  getpeername: 205,
  sendto: 206,
  setsockopt: 208,
  getsockopt: 209,
  execve: 221,
  mmap: 222,
  mprotect: 226,
  rt_tgsigqueueinfo: 240,
  wait4: 260,
  prlimit64: 261,
  memfd_create: 279,
  pwritev2: 287,
  statx: 291,
  pidfd_send_signal: 424,
  pidfd_open: 434,
  close_range: 436,
} as const;

export const O_DIRECTORY = 0o40000;

/** struct stat of <asm-generic/stat.h>: where st_mode (u32) and st_nlink stand; st_dev 0 and st_ino 8 are the same on both. */
export const STAT = { mode: 16, links: 20 } as const;

/** child-aarch64.s assembled, in hexadecimal: what a child does between clone(2) and execve(2). */
export const childCode: string =
  "e90302aaea0303aae2031faae3031faae4031faa881b80d2010000d4400000b4c0035fd6280140f91f0500b160020054" +
  "0b01629208754092208540a9228d41a9249542a9010000d41ffc3fb1c20000542c1d40f94c0000b4800100f929010191" +
  "f1ffff17cbffffb5402500a9e00f80d2c80b80d2010000d4881580d2010000d4218940a9239141a9450180d20608c59a" +
  "c780059be7c0009127f41f38e00306aa60ffffb5a30000b447f45f3827f41f38630400d1fcffff1721040091810000f9" +
  "e7ffff17";

/**
 * The machine code of a signal handler (int signal, siginfo_t *info, void *context) that sends the
 * signal on to the main thread: by rt_tgsigqueueinfo(pid, pid, signal, info) what sigqueue(3) sent
 * (si_code -1), by tgkill(pid, pid, signal) the rest; the kernel lets another thread repeat no other
 * si_code. A system call that a seccomp filter trapped (SIGSYS, si_code 1) answers -ENOSYS. A fault (si_code > 0) and abort(3) (si_code -6, SI_TKILL, from the process itself) end the
 * process with `faultExit` instead.
 */
export function passToMainThread(pid: number, faultExit: number): Uint8Array {
  return instructions([
    0x71007c1f, //                                    cmp  w0, SIGSYS
    0x540000e1, //                                    b.ne any
    0xb9400823, //                                    ldr  w3, [x1, #8]   info->si_code
    0x7100047f, //                                    cmp  w3, SYS_SECCOMP
    0x54000081, //                                    b.ne any
    0x928004a3, //                                    mov  x3, -ENOSYS
    0xf9005c43, //                                    str  x3, [x2, #184] uc_mcontext.regs[0]
    0xd65f03c0, //                                    ret                     any:
    0xb9400823, //                                    ldr  w3, [x1, #8]   info->si_code
    0x7100007f, //                                    cmp  w3, #0
    0x5400028c, //                                    b.gt fault
    0x3100187f, //                                    cmn  w3, #6
    0x540000c1, //                                    b.ne others
    ...ownPid(4, pid), //                             mov  w4, pid
    0xb9401025, //                                    ldr  w5, [x1, #16]  info->si_pid
    0x6b0400bf, //                                    cmp  w5, w4
    0x540001a0, //                                    b.eq fault
    ...sendOn(pid), //                        others:
    0x52800000 | (faultExit << 5), //          fault: mov  w0, faultExit
    0xd2800008 | (SYS.exit_group << 5), //            mov  x8, …
    0xd4000001, //                                    svc  #0
  ]);
}

/** The signal again, with its value, to the main thread; then ret. */
function sendOn(pid: number): number[] {
  return [
    0xaa0103e3, //                                    mov  x3, x1
    0x2a0003e2, //                                    mov  w2, w0
    ...ownPid(0, pid), //                             mov  w0, pid
    0x2a0003e1, //                                    mov  w1, w0
    0xd2800008 | (SYS.tgkill << 5), //                mov  x8, …
    0xb9400864, //                                    ldr  w4, [x3, #8]
    0x3100049f, //                                    cmn  w4, #1
    0x54000041, //                                    b.ne send
    0xd2800008 | (SYS.rt_tgsigqueueinfo << 5), //     mov  x8, …
    0xd4000001, //                              send: svc  #0
    0xd65f03c0, //                                    ret
  ];
}

/**
 * The handler of a signal that libc unblocks behind our back: blocks it again where it arrived, in the
 * context it returns to (struct ucontext: uc_sigmask at 40), and sends it to the main thread, there to wait.
 */
export function blockAndPassOn(pid: number, signal: number): Uint8Array {
  const rotation = (65 - signal) & 63;
  return instructions([
    0xf9401444, //                                    ldr  x4, [x2, #40]
    0xb2400084 | (rotation << 16), //                 orr  x4, x4, #1 << (signal - 1)
    0xf9001444, //                                    str  x4, [x2, #40]
    ...sendOn(pid),
  ]);
}

/** The kernel brings its own way back from a handler. */
export const RESTORER: Uint8Array | undefined = undefined;

/** movz, movk: a number of 32 bits into a register. */
function ownPid(register: number, pid: number): number[] {
  return [0x52800000 | ((pid & 0xffff) << 5) | register, 0x72a00000 | ((pid >>> 16) << 5) | register];
}

function instructions(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * words.length);
  const view = new DataView(bytes.buffer);
  words.forEach((value, index) => {
    view.setUint32(4 * index, value >>> 0, true);
  });
  return bytes;
}
