// Archives whose bytes depend on nothing but the files in them and one time: tar in the ustar format, owned by root,
// and gzip without a name or a time in its header.

import { gzipSync } from "node:zlib";

export interface Entry {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Permissions; 0644 when it is not given. */
  readonly mode?: number;
}

const BLOCK = 512;
/** GNU tar's: a tar is a whole number of records. */
const RECORD = 20 * BLOCK;

/** A tar of the files and of the folders above them, in the order given. `epoch`: seconds since 1970. */
export function tar(entries: readonly Entry[], epoch: number): Buffer {
  const blocks: Uint8Array[] = [];
  const folders = new Set<string>();
  for (const { path, bytes, mode = 0o644 } of entries) {
    const names = path.split("/").slice(0, -1);
    for (const index of names.keys()) {
      const folder = `${names.slice(0, index + 1).join("/")}/`;
      if (!folders.has(folder)) blocks.push(header(folder, 0o755, 0, epoch, "5"));
      folders.add(folder);
    }
    const padding = (BLOCK - (bytes.length % BLOCK)) % BLOCK;
    blocks.push(header(path, mode, bytes.length, epoch, "0"), bytes, new Uint8Array(padding));
  }
  const size = blocks.reduce((sum, block) => sum + block.length, 2 * BLOCK);
  blocks.push(new Uint8Array(2 * BLOCK + ((RECORD - (size % RECORD)) % RECORD)));
  return Buffer.concat(blocks);
}

/** POSIX.1-1988 ustar: struct posix_header of <tar.h>. */
function header(path: string, mode: number, size: number, epoch: number, type: "0" | "5"): Buffer {
  if (Buffer.byteLength(path) > 100) throw new Error(`the path ${path} is too long for a header of tar`);
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  const fields: readonly (readonly [offset: number, text: string])[] = [
    [0, path],
    [100, octal(mode, 7)],
    [108, octal(0, 7)],
    [116, octal(0, 7)],
    [124, octal(size, 11)],
    [136, octal(epoch, 11)],
    // The checksum is taken with spaces in its own place.
    [148, " ".repeat(8)],
    [156, type],
    [257, "ustar\x0000"],
    [265, "root"],
    [297, "root"],
  ];
  for (const [offset, text] of fields) block.write(text, offset, "latin1");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

export function gzip(bytes: Uint8Array): Buffer {
  return gzipSync(bytes, { level: 9 });
}
