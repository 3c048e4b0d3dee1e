// Machine code that Bun makes necessary: arm64. A signal handler that can run on another thread, and a child
// before execve(2), where nothing of JavaScript can run. Nothing else belongs here.

import { SYS } from "../../../libc/abi/aarch64.ts";

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
