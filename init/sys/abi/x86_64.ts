// System call numbers and flags that differ from one architecture to the next: x86-64.
// Source: <asm/unistd_64.h> and <asm-generic/fcntl.h>. Nothing else belongs here; what both
// architectures share is in ../constants.ts. A test compares these with a compiled C probe.

export const SYS = {
  read: 0,
  write: 1,
  close: 3,
  fstat: 5,
  lseek: 8,
  mmap: 9,
  mprotect: 10,
  rt_sigaction: 13,
  rt_sigprocmask: 14,
  rt_sigreturn: 15,
  ioctl: 16,
  nanosleep: 35,
  getpid: 39,
  socket: 41,
  connect: 42,
  sendto: 44,
  bind: 49,
  listen: 50,
  getsockname: 51,
  getpeername: 52,
  socketpair: 53,
  setsockopt: 54,
  getsockopt: 55,
  execve: 59,
  wait4: 61,
  kill: 62,
  fcntl: 72,
  ftruncate: 77,
  getcwd: 79,
  chdir: 80,
  fchdir: 81,
  fchmod: 91,
  fchown: 93,
  umask: 95,
  ptrace: 101,
  getuid: 102,
  geteuid: 107,
  setpgid: 109,
  getppid: 110,
  setsid: 112,
  setgroups: 116,
  setresuid: 117,
  setresgid: 119,
  getpgid: 121,
  getsid: 124,
  capget: 125,
  capset: 126,
  rt_sigtimedwait: 128,
  rt_sigqueueinfo: 129,
  fstatfs: 138,
  getpriority: 140,
  setpriority: 141,
  prctl: 157,
  getdents64: 217,
  clock_gettime: 228,
  exit_group: 231,
  tgkill: 234,
  waitid: 247,
  openat: 257,
  fchownat: 260,
  newfstatat: 262,
  unlinkat: 263,
  readlinkat: 267,
  fchmodat: 268,
  faccessat: 269,
  ppoll: 271,
  unshare: 272,
  splice: 275,
  signalfd4: 289,
  dup3: 292,
  pipe2: 293,
  rt_tgsigqueueinfo: 297,
  prlimit64: 302,
  memfd_create: 319,
  pwritev2: 328,
  statx: 332,
  pidfd_send_signal: 424,
  pidfd_open: 434,
  close_range: 436,
} as const;

export const O_DIRECTORY = 0o200000;

/** struct stat of <asm/stat.h>: where st_mode (u32) and st_nlink stand; st_dev 0 and st_ino 8 are the same on both. */
export const STAT = { mode: 24, links: 16 } as const;

/** child-x86_64.s assembled, in hexadecimal: what a child does between clone(2) and execve(2). */
export const childCode: string =
  "5341544889d34989cc31d24531d24531c0b8380000000f054885c07404415c5bc3488b034883f8ff745a4531ed480fba" +
  "f01e410f92c5488b7b08488b7310488b53184c8b53204c8b43284c8b4b300f05483d01f0ffff7312488b4b384885c974" +
  "034889014883c340ebb74585ed75f54989042449895c2408bf7f000000b8e70000000f05b8270000000f05488b7b08b9" +
  "0a00000031d2f7f180c230881748ffcf85c075f0488b7310488b4b18fdf3a4fc48ffc7488b4320488938eba8";

/**
 * The machine code of a signal handler (int signal, siginfo_t *info, void *context) that sends the
 * signal on to the main thread: by rt_tgsigqueueinfo(pid, pid, signal, info) what sigqueue(3) sent
 * (si_code -1), by tgkill(pid, pid, signal) the rest; the kernel lets another thread repeat no other
 * si_code. A system call that a seccomp filter trapped (SIGSYS, si_code 1) answers -ENOSYS. A fault (si_code > 0) and abort(3) (si_code -6, SI_TKILL, from the process itself) end the
 * process with `faultExit` instead.
 */
export function passToMainThread(pid: number, faultExit: number): Uint8Array {
  return new Uint8Array([
    ...[0x83, 0xff, 0x1f], //                   cmp  edi, SIGSYS
    ...[0x75, 0x12], //                         jne  any
    ...[0x83, 0x7e, 0x08, 0x01], //             cmp  dword ptr [rsi + 8], SYS_SECCOMP
    ...[0x75, 0x0c], //                         jne  any
    ...[0x48, 0xc7, 0x82, 0x90, 0, 0, 0, 0xda, 0xff, 0xff, 0xff], // mov qword ptr [rdx + 144], -ENOSYS  gregs[REG_RAX]
    0xc3, //                                    ret                     any:
    ...[0x83, 0x7e, 0x08, 0x00], //             cmp  dword ptr [rsi + 8], 0    info->si_code
    ...[0x7f, 0x2f], //                         jg   fault
    ...[0x83, 0x7e, 0x08, 0xfa], //             cmp  dword ptr [rsi + 8], -6
    ...[0x75, 0x09], //                         jne  others
    ...[0x81, 0x7e, 0x10, ...word(pid)], //     cmp  dword ptr [rsi + 16], pid  info->si_pid
    ...[0x74, 0x20], //                         je   fault
    ...sendOn(pid), //                  others:
    ...[0xbf, ...word(faultExit)], //    fault: mov  edi, faultExit
    ...[0xb8, ...word(SYS.exit_group)], //      mov  eax, …
    ...[0x0f, 0x05], //                         syscall
  ]);
}

/** The signal again, with its value, to the main thread; then ret. */
function sendOn(pid: number): number[] {
  return [
    ...[0x49, 0x89, 0xf2], //                   mov  r10, rsi
    ...[0x89, 0xfa], //                         mov  edx, edi
    ...[0xbf, ...word(pid)], //                 mov  edi, pid
    ...[0x89, 0xfe], //                         mov  esi, edi
    ...[0xb8, ...word(SYS.tgkill)], //          mov  eax, …
    ...[0x41, 0x83, 0x7a, 0x08, 0xff], //       cmp  dword ptr [r10 + 8], -1
    ...[0x75, 0x05], //                         jne  send
    ...[0xb8, ...word(SYS.rt_tgsigqueueinfo)], //mov  eax, …
    ...[0x0f, 0x05], //                   send: syscall
    0xc3, //                                    ret
  ];
}

/**
 * The handler of a signal that libc unblocks behind our back: blocks it again where it arrived, in the
 * context it returns to (struct ucontext: uc_sigmask at 296), and sends it to the main thread, there to wait.
 */
export function blockAndPassOn(pid: number, signal: number): Uint8Array {
  return new Uint8Array([
    ...[0x48, 0x0f, 0xba, 0xaa, ...word(296), signal - 1], // bts  qword ptr [rdx + 296], signal - 1
    ...sendOn(pid),
  ]);
}

/** What a handler returns to where libc does not say (SA_RESTORER, which this architecture wants). */
export const RESTORER: Uint8Array | undefined = new Uint8Array([
  ...[0xb8, ...word(SYS.rt_sigreturn)], //      mov  eax, …
  ...[0x0f, 0x05], //                           syscall
]);

function word(value: number): number[] {
  return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >> 24) & 0xff];
}
