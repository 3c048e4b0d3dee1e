// The three edits of machine code: what has to be changed is not a string and not a table, but one
// instruction that sets a default, one call, and one jump. For each architecture the instructions a compiler
// writes there, found exactly once or not at all.

import {
  contents,
  EM_AARCH64,
  EM_X86_64,
  machineOf,
  occurrences,
  only,
  onlyOccurrence,
  section,
} from "../elf.ts";

/** The engine's words on standard error where SIGPWR was ignored at the start. */
const REMARK = "Overriding existing handler for signal";

/**
 * JavaScriptCore starts a thread that warms up memory once its heap has 64 blocks. With a number of blocks
 * that is never reached the thread is never started, and PID 1 has one thread.
 */
export function keepAlone(bytes: Buffer): string {
  const text = contents(bytes, section(bytes, ".text"));
  ({ [EM_X86_64]: keepAloneX86, [EM_AARCH64]: keepAloneArm })[known(bytes)](text);
  return "the engine's warm-up thread is never started (warmUpMarkedBlockStartAfterBlocks)";
}

/**
 * The engine asks sysconf(3) for the number of CPUs, and has as many threads collect garbage. The call becomes the
 * number one: PID 1 collects alone, and a start asks for nothing.
 */
export function countOneCpu(bytes: Buffer): string {
  const text = contents(bytes, section(bytes, ".text"));
  ({ [EM_X86_64]: countOneX86, [EM_AARCH64]: countOneArm })[known(bytes)](text);
  return "the engine counts one CPU and has no threads for its garbage (numberOfProcessorCores)";
}

/** Where SIGPWR was ignored at the start, the engine remarks that it replaces the handler. The remark is jumped over. */
export function silence(bytes: Buffer): string {
  const rodata = section(bytes, ".rodata");
  const remark = rodata.address + onlyOccurrence(contents(bytes, rodata), Buffer.from(REMARK), REMARK);
  ({ [EM_X86_64]: silenceX86, [EM_AARCH64]: silenceArm })[known(bytes)](bytes, remark);
  return "the engine says nothing about an ignored SIGPWR";
}

function known(bytes: Buffer): typeof EM_X86_64 | typeof EM_AARCH64 {
  const machine = machineOf(bytes);
  if (machine === EM_X86_64 || machine === EM_AARCH64) return machine;
  throw new Error(`hardening: nothing is known of machine ${machine}`);
}

const WARM_UP = "the default of warmUpMarkedBlockStartAfterBlocks";

/** The default is set beside another one (32 blocks at a time) by mov rax, 0x40_00000020. */
function keepAloneX86(text: Buffer): void {
  const instruction = Buffer.from([0x48, 0xb8, 0x20, 0, 0, 0, 0x40, 0, 0, 0]);
  text.writeInt32LE(0x7fffffff, onlyOccurrence(text, instruction, WARM_UP) + 6);
}

// Arm Architecture Reference Manual, A64 base instructions; the low five bits name the register.
const REGISTER = 31;
const MOVZ_X_32 = 0xd2800400; //           mov  xN, #0x20
const MOVK_X_40_LSL_32 = 0xf2c00800; //    movk xN, #0x40, lsl #32
const MOVK_X_7FFF_LSL_48 = 0xf2efffe0; //  movk xN, #0x7fff, lsl #48

/** The same two numbers in one register, by mov and movk: the second one is to set the higher half. */
function keepAloneArm(text: Buffer): void {
  const found: number[] = [];
  for (let at = 4; at < text.length; at += 4) {
    const register = text.readUInt32LE(at) & REGISTER;
    if (text.readUInt32LE(at) !== (MOVK_X_40_LSL_32 | register) >>> 0) continue;
    if (text.readUInt32LE(at - 4) === (MOVZ_X_32 | register) >>> 0) found.push(at);
  }
  const at = only(found, WARM_UP);
  text.writeUInt32LE((MOVK_X_7FFF_LSL_48 | (text.readUInt32LE(at) & REGISTER)) >>> 0, at);
}

const CPUS = "the call for the number of CPUs";
const _SC_NPROCESSORS_ONLN = 84;

/** mov edi, 84; call sysconf; mov rbx, rax; xorps xmm0, xmm0 becomes mov eax, 1; nop; … */
function countOneX86(text: Buffer): void {
  const call = Buffer.from([0xbf, _SC_NPROCESSORS_ONLN, 0, 0, 0, 0xe8]);
  const result = Buffer.from([0x48, 0x89, 0xc3, 0x0f, 0x57, 0xc0]);
  const found = occurrences(text, call).filter((at) => text.subarray(at + 10, at + 16).equals(result));
  Buffer.from([0xb8, 1, 0, 0, 0, 0x0f, 0x1f, 0x44, 0, 0]).copy(text, only(found, CPUS));
}

const MOV_W0 = 0x52800000; //        mov   w0, #…, shifted by five
const BL = 0x25; //                  bl    …: the upper six bits
const MOVI_V0_0 = 0x6f00e400; //     movi  v0.2d, #0
const MOV_X19_X0 = 0xaa0003f3; //    mov   x19, x0
const NOP = 0xd503201f;

/** mov w0, #84; bl sysconf; movi v0.2d, #0; mov x19, x0 becomes mov w0, #1; nop; … */
function countOneArm(text: Buffer): void {
  const found: number[] = [];
  for (let at = 0; at < text.length - 12; at += 4) {
    if (text.readUInt32LE(at) !== (MOV_W0 | (_SC_NPROCESSORS_ONLN << 5)) >>> 0) continue;
    if (text.readUInt32LE(at + 4) >>> 26 !== BL || text.readUInt32LE(at + 8) !== MOVI_V0_0) continue;
    if (text.readUInt32LE(at + 12) === MOV_X19_X0) found.push(at);
  }
  const at = only(found, CPUS);
  text.writeUInt32LE((MOV_W0 | (1 << 5)) >>> 0, at);
  text.writeUInt32LE(NOP, at + 4);
}

/** je in front of the mov edi that names the text becomes jmp. */
function silenceX86(bytes: Buffer, remark: number): void {
  const text = contents(bytes, section(bytes, ".text"));
  const address = Buffer.alloc(4);
  address.writeUInt32LE(remark);
  const jump = Buffer.concat([Buffer.from([0x74, 0x0e, 0xbf]), address]);
  text.writeUInt8(0xeb, onlyOccurrence(text, jump, "the jump around the engine's remark"));
}

const CBZ_X_AFTER_FIVE = 0xb40000a0; // cbz  xN, five instructions on
const B_AFTER_FIVE = 0x14000005; //     b    five instructions on
const ADD_X0_X0 = 0x91000000; //        add  x0, x0, #…

/** cbz in front of the adrp and add that make the text's address becomes b. */
function silenceArm(bytes: Buffer, remark: number): void {
  const { address, ...place } = section(bytes, ".text");
  const text = contents(bytes, { address, ...place });
  const add = (ADD_X0_X0 | ((remark & 0xfff) << 10)) >>> 0;
  const found: number[] = [];
  for (let at = 4; at < text.length - 4; at += 4) {
    if (text.readUInt32LE(at + 4) !== add || text.readUInt32LE(at) !== adrpX0(address + at, remark)) continue;
    if ((text.readUInt32LE(at - 4) & ~REGISTER) >>> 0 === CBZ_X_AFTER_FIVE) found.push(at - 4);
  }
  text.writeUInt32LE(B_AFTER_FIVE, only(found, "the jump around the engine's remark"));
}

/** adrp x0, the page of `to`: the distance in pages, its two low bits apart from the other nineteen. */
function adrpX0(from: number, to: number): number {
  const pages = Math.floor(to / 4096) - Math.floor(from / 4096);
  return (0x90000000 | ((pages & 3) << 29) | (((pages >> 2) & 0x7ffff) << 5)) >>> 0;
}
