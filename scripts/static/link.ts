// From bundles and QuickJS's source to one static executable: bytecode by a tool of this machine's, everything else by gcc against
// Debian's musl. Without the parser, which no bytecode asks for.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "../debian.ts";
import { archive, compilerFor, muslDevelopment } from "../portable/musl.ts";
import { type StaticTarget, targetOfThisMachine } from "../targets.ts";
import { quickjs, VERSION } from "./source.ts";

const root = join(import.meta.dir, "../..");
const ENGINE = join(root, "engine");

const LIBRARY = ["quickjs", "dtoa", "libregexp", "libunicode", "cutils"];
const OWN = ["host", "memory"];

const COMMON = ["-std=gnu11", "-D_GNU_SOURCE", `-DCONFIG_VERSION="${VERSION}"`, "-fno-math-errno", "-fwrapv"];
const FOR_THE_LIBRARY = ["-w"];
const FOR_OUR_OWN = ["-Wall", "-Wextra", "-Werror"];

/** Each function and each table by itself, so that the linker leaves out what nothing reaches. */
const COMPILE = [
  ...COMMON,
  "-O2",
  "-fPIE",
  "-fvisibility=hidden",
  "-ffunction-sections",
  "-fdata-sections",
  "-fno-asynchronous-unwind-tables",
  "-fno-stack-protector",
];

/** Addresses that differ from start to start, nothing writable that is executable, tables of addresses read-only, no stack that runs. */
const LINK = [
  "-nostdlib",
  "-nostartfiles",
  "-static-pie",
  "-Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code",
  "-Wl,--gc-sections,--build-id=none,--no-dynamic-linker,--sort-section=name",
  "-s",
];

/** The texts as bytecode in `folder`; its files. */
export function compileBundles(texts: readonly string[], folder: string): string[] {
  const compiler = bytecodeCompiler();
  return texts.map((text, index) => {
    const source = join(folder, `bundle${index}.js`);
    const output = join(folder, `bundle${index}.bin`);
    writeFileSync(source, text);
    run([compiler, source, output], folder);
    return output;
  });
}

/** engine/compile.c and QuickJS, for this machine; its bytecode serves every machine of the same byte order and word size. */
function bytecodeCompiler(): string {
  const tool = join(root, ".cache", "quickjs", `compile-${digest(["compile.c"], COMMON)}`);
  if (existsSync(tool)) return tool;
  const source = quickjs();
  const fresh = `${tool}.${process.pid}`;
  const files = [join(ENGINE, "compile.c"), ...LIBRARY.map((name) => join(source, `${name}.c`))];
  run(["gcc", ...COMMON, "-w", "-O0", "-I", source, "-o", fresh, ...files, "-lm", "-lpthread"], source);
  renameSync(fresh, tool);
  return tool;
}

/** A digest of the parts of a tool or an object: our own files by their bytes, QuickJS by its version, and the flags. */
function digest(files: readonly string[], flags: readonly string[]): string {
  const hasher = new Bun.CryptoHasher("sha256");
  hasher.update(JSON.stringify([VERSION, flags]));
  for (const name of files) hasher.update(readFileSync(join(ENGINE, name)));
  return hasher.digest("hex").slice(0, 16);
}

/** Links the executable for a target with these files of bytecode. */
export function link(target: StaticTarget, bytecode: readonly string[], output: string): void {
  const folder = dirname(output);
  const compiler = compilerFor(target);
  const { headers, libraries } = muslDevelopment(target.machine);
  const included = run([compiler, "-print-file-name=include"], folder).trim();
  const flags = [...COMPILE, "-nostdinc", "-isystem", headers, "-isystem", included];
  const engine = engineObjects(target, compiler, flags);
  const own = OWN.map((name) => {
    const object = join(folder, `${name}.o`);
    const source = join(ENGINE, `${name}.c`);
    run(
      [
        compiler,
        ...flags,
        ...FOR_OUR_OWN,
        "-isystem",
        quickjs(),
        ...mapped(folder),
        "-c",
        source,
        "-o",
        object,
      ],
      folder,
    );
    return object;
  });
  const table = join(folder, "bundles.c");
  writeFileSync(table, tableOf(bytecode.length));
  run([compiler, ...flags, ...mapped(folder), "-c", "bundles.c", "-o", "bundles.o"], folder);
  const crt = (name: string) => join(libraries, name);
  run(
    [
      compiler,
      ...LINK,
      ...["-o", output, crt("rcrt1.o"), crt("crti.o"), ...own, join(folder, "bundles.o"), ...engine],
      // The two ask for each other: arm64's libgcc.a for getauxval(3).
      ...["-Wl,--start-group", crt("libc.a"), archive(target, "libgcc.a"), "-Wl,--end-group", crt("crtn.o")],
    ],
    folder,
  );
}

/** Nothing of the place goes into an object. */
function mapped(folder: string): string[] {
  return [`-ffile-prefix-map=${root}=.`, `-ffile-prefix-map=${folder}=.`];
}

/** QuickJS as objects for a target, kept in .cache/. */
function engineObjects(target: StaticTarget, compiler: string, flags: readonly string[]): string[] {
  const source = quickjs();
  const version = run([compiler, "-dumpfullversion", "-dumpmachine"], source);
  const stated = flags.map((flag) => flag.replace(root, "."));
  const folder = join(root, ".cache", "quickjs", `${target.name}-${digest([], [...stated, version])}`);
  const objects = LIBRARY.map((name) => join(folder, `${name}.o`));
  if (existsSync(folder)) return objects;
  mkdirSync(dirname(folder), { recursive: true });
  const scratch = mkdtempSync(`${folder}.`);
  try {
    for (const name of LIBRARY)
      run(
        [
          compiler,
          ...flags,
          ...FOR_THE_LIBRARY,
          ...mapped(source),
          "-c",
          join(source, `${name}.c`),
          "-o",
          `${name}.o`,
        ],
        scratch,
      );
    if (!existsSync(folder)) renameSync(scratch, folder);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return objects;
}

/** engine/host.c's table of bundles, the bytes taken from the files beside it. */
function tableOf(count: number): string {
  const numbers = Array.from({ length: count }, (_, index) => index);
  const data = numbers.map(
    (
      n,
    ) => `__asm__(".section .rodata.bundle${n},\\"a\\",%progbits\\n.balign 16\\nbundle${n}:\\n.incbin \\"bundle${n}.bin\\"\\n"
	"bundle${n}_end:\\n.previous\\n");
extern const uint8_t bundle${n}[], bundle${n}_end[];`,
  );
  const rows = numbers.map((n) => `{ bundle${n}, bundle${n}_end }`);
  return `#include <stdint.h>
${data.join("\n")}
const struct { const uint8_t *bytes, *end; } bundles[] = { ${rows.join(", ")} };
`;
}

/** Why the static executable for a target cannot be built here, or undefined. */
export function whyNotLinked(target: StaticTarget): string | undefined {
  const compiler = compilerFor(target);
  if (!Bun.which("gcc") || !Bun.which(compiler))
    return `${compiler} is not installed (apt-get install ${compiler.replace(/^(.*)-gcc$/, "gcc-$1")})`;
  const isNative = target.machine === targetOfThisMachine().machine;
  try {
    muslDevelopment(target.machine);
    quickjs();
    return undefined;
  } catch (error) {
    const hint = isNative ? "; apt-get install musl-tools" : "";
    return `${String(error).split("\n")[0]}${hint}`;
  }
}
