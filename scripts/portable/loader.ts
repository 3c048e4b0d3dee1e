// The two edits that make musl's executable and its loader at home in /fdinit, in place and without a
// change of length: where the executable looks for its loader, and which variables the loader obeys.

import { contents, onlyOccurrence, section } from "../elf.ts";

/** The executable with another loader's path in PT_INTERP; shorter than the one before, the rest is NUL. */
export function changeInterpreter(executable: Buffer, loader: string): Buffer {
  const bytes = Buffer.from(executable);
  const interpreter = contents(bytes, section(bytes, ".interp"));
  if (!interpreter.toString("latin1").startsWith("/lib/ld-musl-"))
    throw new Error("the executable is not musl's");
  if (loader.length >= interpreter.length) throw new Error(`${loader} is longer than what stands there`);
  interpreter.fill(0);
  interpreter.write(loader, "latin1");
  return bytes;
}

const OBEYED = ["LD_PRELOAD", "LD_LIBRARY_PATH", "MUSL_LOCPATH"];

/**
 * musl's loader without the variables by which an image tells its own programs' loader what to load: an
 * LD_PRELOAD of a glibc library would keep fdinit from starting. Each name's first letter becomes "=", which
 * no variable's name can hold. The program still gets the variables.
 */
export function ignoreEnvironment(loader: Buffer): Buffer {
  const bytes = Buffer.from(loader);
  for (const name of OBEYED) bytes.write("=", onlyOccurrence(bytes, Buffer.from(`\0${name}\0`), name) + 1);
  return bytes;
}
