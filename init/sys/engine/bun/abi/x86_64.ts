// Machine code that Bun makes necessary: x86-64. A signal handler that can run on another thread, and a child
// before execve(2), where nothing of JavaScript can run. Nothing else belongs here.

import { SYS } from "../../../libc/abi/x86_64.ts";

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

/** The code to which a signal handler returns (SA_RESTORER), which this architecture wants. */
export const RESTORER: Uint8Array | undefined = new Uint8Array([
  ...[0xb8, ...word(SYS.rt_sigreturn)], //      mov  eax, …
  ...[0x0f, 0x05], //                           syscall
]);

function word(value: number): number[] {
  return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, (value >> 24) & 0xff];
}
