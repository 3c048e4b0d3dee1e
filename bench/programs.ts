// Compiles what the measurements need into a temporary directory: the C helpers, and the Bun no-op
// with the flags of the executable itself.

import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, EXECUTABLE } from "../scripts/build.ts";

export interface Programs extends Disposable {
  readonly runner: string;
  readonly payload: string;
  readonly orphans: string;
  readonly descriptors: string;
  /** A policy that closes everything by number, so that nothing has to be looked at. */
  readonly closeByNumber: string;
  /** One of fdinit's own policies without the program, for starts with a policy. */
  readonly policy: string;
  readonly noop: string;
  /** fdinit, written as the no-op is and just before it: how a file's pages came into the cache decides much. */
  readonly fdinit: string;
}

export function compilePrograms(): Programs {
  const directory = mkdtempSync(join(tmpdir(), "fdinit-bench-"));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  try {
    const compiled = join(directory, "compiled");
    compile(join(import.meta.dir, "noop.ts"), compiled);
    const [fdinit, noop] = [join(directory, "fdinit"), join(directory, "noop")];
    copyFileSync(EXECUTABLE, fdinit);
    copyFileSync(compiled, noop);
    return {
      runner: compileC(directory, "runner"),
      payload: compileC(directory, "payload"),
      orphans: compileC(directory, "orphans"),
      descriptors: compileC(directory, "descriptors"),
      closeByNumber: write(directory, "by-number.yaml", CLOSE_BY_NUMBER),
      policy: write(directory, "policy.yaml", withoutServices()),
      noop,
      fdinit,
      [Symbol.dispose]: remove,
    };
  } catch (error) {
    remove();
    throw error;
  }
}

const CLOSE_BY_NUMBER = "version: 1\nfds: { inherited: { rules: [{ match: { fd: 3- }, action: close }] } }\n";

/** policies/nginx.yaml as an image would have it whose command line names the program. */
function withoutServices(): string {
  const text = readFileSync(join(import.meta.dir, "../policies/nginx.yaml"), "utf8");
  return text.replace(/^services:\n(?: {2}.*\n|\n)*/m, "");
}

function write(directory: string, name: string, text: string): string {
  const file = join(directory, name);
  writeFileSync(file, text);
  return file;
}

/** Static: a dynamic loader's work would be measured as the init's. */
function compileC(directory: string, name: string): string {
  const output = join(directory, name);
  const source = join(import.meta.dir, `${name}.c`);
  const gcc = Bun.spawnSync(["gcc", "-O2", "-static", "-Wall", "-Wextra", "-Werror", "-o", output, source]);
  if (!gcc.success) throw new Error(`gcc failed on ${name}.c:\n${gcc.stderr}`);
  return output;
}
