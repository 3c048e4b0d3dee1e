// Reads a 64-bit little-endian ELF file (elf(5)) and finds bytes in it. Every search states how often
// what it looks for must be there; anything else is an error, because then the file has changed.

export interface Section {
  readonly address: number;
  readonly offset: number;
  readonly size: number;
}

// <elf.h>: e_machine
export const EM_X86_64 = 62;
export const EM_AARCH64 = 183;

export function machineOf(bytes: Buffer): number {
  if (bytes.readUInt32BE(0) !== 0x7f454c46 || bytes[4] !== 2)
    throw new Error("unexpected executable: not a 64-bit ELF file");
  return bytes.readUInt16LE(0x12);
}

/** A section by its name (Elf64_Ehdr, Elf64_Shdr). */
export function section(bytes: Buffer, wanted: string): Section {
  machineOf(bytes);
  const table = Number(bytes.readBigUInt64LE(0x28));
  const entrySize = bytes.readUInt16LE(0x3a);
  const count = bytes.readUInt16LE(0x3c);
  const names = header(bytes, table + entrySize * bytes.readUInt16LE(0x3e));
  for (let index = 0; index < count; index++) {
    const at = table + entrySize * index;
    const nameAt = names.offset + bytes.readUInt32LE(at);
    const name = bytes.toString("latin1", nameAt, bytes.indexOf(0, nameAt));
    if (name === wanted) return header(bytes, at);
  }
  throw new Error(`unexpected executable: no section ${wanted}`);
}

function header(bytes: Buffer, at: number): Section {
  const field = (offset: number) => Number(bytes.readBigUInt64LE(at + offset));
  return { address: field(0x10), offset: field(0x18), size: field(0x20) };
}

/** The bytes of a section; written to, they change the file. */
export function contents(bytes: Buffer, { offset, size }: Section): Buffer {
  return bytes.subarray(offset, offset + size);
}

export function onlyOccurrence(area: Buffer, text: Buffer, what: string): number {
  return only(occurrences(area, text), what);
}

/** Every place where the bytes are found, one that overlaps another included. */
export function occurrences(area: Buffer, text: Buffer): number[] {
  const found: number[] = [];
  for (let at = area.indexOf(text); at >= 0; at = area.indexOf(text, at + 1)) found.push(at);
  return found;
}

export function only(found: readonly number[], what: string): number {
  const [at] = found;
  if (found.length !== 1 || at === undefined)
    throw new Error(`unexpected executable: ${what} occurs ${found.length} times, not once`);
  return at;
}

// <elf.h>: relocation types that copy a library's variable into the executable
const COPY: Readonly<Record<number, number>> = { [EM_X86_64]: 5, [EM_AARCH64]: 1024 };
const SYMBOL_SIZE = 24;
const RELOCATION_SIZE = 24;
const STB_WEAK = 2;

/** The names a dynamic executable must find in its libraries: undefined and not weak, or copied from there. */
export function importedNames(bytes: Buffer): string[] {
  const names = contents(bytes, section(bytes, ".dynstr"));
  // Elf64_Sym: u32 name, u8 info, u8 other, u16 section, u64 value, u64 size
  const symbols = contents(bytes, section(bytes, ".dynsym"));
  const nameOf = (index: number) => {
    const at = symbols.readUInt32LE(SYMBOL_SIZE * index);
    return names.toString("latin1", at, names.indexOf(0, at));
  };
  const found = new Set<string>();
  for (let index = 1; index < symbols.length / SYMBOL_SIZE; index++) {
    const isUndefined = symbols.readUInt16LE(SYMBOL_SIZE * index + 6) === 0;
    const isWeak = symbols.readUInt8(SYMBOL_SIZE * index + 4) >> 4 === STB_WEAK;
    if (isUndefined && !isWeak) found.add(nameOf(index));
  }
  // Elf64_Rela: u64 offset, u32 type, u32 symbol, s64 addend
  const relocations = contents(bytes, section(bytes, ".rela.dyn"));
  const copy = COPY[machineOf(bytes)];
  for (let at = 0; at < relocations.length; at += RELOCATION_SIZE)
    if (relocations.readUInt32LE(at + 8) === copy) found.add(nameOf(relocations.readUInt32LE(at + 12)));
  return [...found].sort();
}
