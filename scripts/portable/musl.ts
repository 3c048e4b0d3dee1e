// Where musl and its C++ library come from: musl's loader (which is its libc) from Debian's package, and a
// libstdc++.so.6 of just what fdinit needs, linked against it from gcc's own archives. Debian's
// libstdc++.so.6 is glibc's and would not do.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { aptGet, run } from "../debian.ts";
import { importedNames } from "../elf.ts";
import { type Component, debianPackage } from "../materials.ts";
import { type Target, targetOfThisMachine } from "../targets.ts";

const root = join(import.meta.dir, "../..");

/** Debian's name for a machine. */
const ARCHITECTURES = { x86_64: "amd64", aarch64: "arm64" } as const;
/** The archives that libstdc++.so.6 is linked from. */
const LIBRARY = ["libstdc++.a", "libgcc_eh.a", "libgcc.a"];
/** Where the version of an unpacked package is kept. */
const VERSION = "version";

/** The functions that libstdc++.a and libgcc_eh.a expect of glibc and musl 1.2.3 does not have. */
const MISSING_IN_MUSL = `
extern int getentropy(void *, unsigned long);
extern void abort(void) __attribute__((noreturn));
__attribute__((visibility("hidden"))) void *__dso_handle = &__dso_handle;
char __libc_single_threaded = 0;
int _dl_find_object(void *address, void *result) { (void)address; (void)result; return -1; }
char *gettext(const char *text) { return (char *)text; }
extern unsigned long getauxval(unsigned long);
unsigned long __getauxval(unsigned long type) { return getauxval(type); }
unsigned arc4random(void) { unsigned word; if (getentropy(&word, sizeof word)) abort(); return word; }
`;

/** musl's loader for a target, which is its libc too. */
export function loaderFor(target: Target): string {
  const { machine } = target;
  const folder = machine === targetOfThisMachine().machine ? "/" : unpackedMusl(target);
  const file = join(folder, "lib", `${machine}-linux-musl`, "libc.so");
  if (existsSync(file)) return file;
  throw new Error(`there is no ${file}: apt-get install musl`);
}

/** musl's C headers for another machine than this one. */
export function muslHeaders(machine: Target["machine"]): string {
  return join(unpackedMusl({ machine }), "usr", "include", `${machine}-linux-musl`);
}

/** The folders a program is linked with statically: musl's headers, and the folder with its libc.a and crt files. */
export function muslDevelopment(machine: Target["machine"]): {
  readonly headers: string;
  readonly libraries: string;
} {
  const name = `${machine}-linux-musl`;
  const installed = { headers: `/usr/include/${name}`, libraries: `/usr/lib/${name}` };
  if (machine === targetOfThisMachine().machine && existsSync(join(installed.libraries, "libc.a")))
    return installed;
  const folder = unpackedMusl({ machine });
  return { headers: join(folder, installed.headers), libraries: join(folder, installed.libraries) };
}

/** The licences of what is taken from Debian, as its packages give them. */
export function licencesOf(target: Target): [name: string, file: string][] {
  return [
    ["musl", muslLicence(target)],
    ["libstdc++", `/usr/share/doc/${ownerOf(archive(target, "libstdc++.a"))}/copyright`],
  ];
}

/** gcc for a target: this machine's own, or Debian's cross compiler. */
export function compilerFor(target: Pick<Target, "machine">): string {
  return target.machine === targetOfThisMachine().machine ? "gcc" : `${target.machine}-linux-gnu-gcc`;
}

/** The parts taken from Debian, as components of a bill of materials: the loader, and the C++ library's parts. */
export function packagesOf(target: Target): { readonly musl: Component; readonly library: Component[] } {
  return { musl: muslPackage(target), library: ownersOf(target, LIBRARY) };
}

/** Debian's musl for a machine, as a component of a bill of materials. */
export function muslPackage(target: Pick<Target, "machine">): Component {
  const isNative = target.machine === targetOfThisMachine().machine;
  const [version, architecture] = isNative
    ? installed("musl")
    : ([readFileSync(join(unpackedMusl(target), VERSION), "utf8"), ARCHITECTURES[target.machine]] as const);
  return debianPackage("musl", version, architecture, "MIT");
}

/** The packages that gcc's own libraries are from. */
export function ownersOf(target: Pick<Target, "machine">, libraries: readonly string[]): Component[] {
  const owners = new Set(libraries.map((name) => ownerOf(archive(target, name))));
  return [...owners].map((name) =>
    debianPackage(name, ...installed(name), "GPL-3.0-or-later WITH GCC-exception-3.1"),
  );
}

/** musl's licence, as Debian gives it. */
export function muslLicence(target: Pick<Target, "machine">): string {
  const musl = target.machine === targetOfThisMachine().machine ? "/" : unpackedMusl(target);
  return join(musl, "usr/share/doc/musl/copyright");
}

function installed(name: string): [version: string, architecture: string] {
  const format = "--showformat=${Version} ${Architecture}";
  const { success, stdout } = Bun.spawnSync(["dpkg-query", "--show", format, name]);
  const [version, architecture] = stdout.toString().split(" ");
  if (!success || !version || !architecture) throw new Error(`${name} is not one of Debian's packages here`);
  return [version, architecture];
}

/** The package of Debian's that a file is from. */
function ownerOf(file: string): string {
  const owner = Bun.spawnSync(["dpkg", "-S", file]).stdout.toString().split(":")[0];
  if (!owner) throw new Error(`no package of Debian's owns ${file}`);
  return owner;
}

/** One of gcc's static libraries. */
export function archive(target: Pick<Target, "machine">, name: string): string {
  const compiler = compilerFor(target);
  const path =
    Bun.which(compiler) &&
    Bun.spawnSync([compiler, `-print-file-name=${name}`])
      .stdout.toString()
      .trim();
  if (path?.startsWith("/")) return path;
  throw new Error(`${compiler} has no ${name}: apt-get install ${compiler.replace("gcc", "g++")}`);
}

/** Links libstdc++.so.6 with what `executable` imports, for musl. Fails when anything is left undefined. */
export function linkStandardLibrary(target: Target, executable: Buffer, output: string): void {
  const scratch = mkdtempSync(join(tmpdir(), "fdinit-musl-"));
  try {
    const source = join(scratch, "missing.c");
    writeFileSync(source, MISSING_IN_MUSL);
    const wanted = join(scratch, "wanted");
    writeFileSync(
      wanted,
      `${importedNames(executable)
        .map((name) => `-Wl,-u,${name}`)
        .join("\n")}\n`,
    );
    const command = [
      compilerFor(target),
      ...["-shared", "-nostdlib", "-fPIC", "-O2", "-fno-builtin", "-Wall", "-Wextra"],
      ...["-Wl,-soname,libstdc++.so.6", "-Wl,-z,defs,-z,relro,-z,now", "-Wl,--gc-sections", "-Wl,-s"],
      ...["-Wl,--build-id=none", "-Wl,--exclude-libs,libgcc_eh.a:libgcc.a", `@${wanted}`],
      ...["-o", output, source],
      ...LIBRARY.map((name) => archive(target, name)),
      // By -l, so that it is needed as libc.so, which musl's loader takes for itself, and not by its path.
      ...["-L", dirname(loaderFor(target)), "-l:libc.so"],
    ];
    const linked = Bun.spawnSync(command, { cwd: scratch });
    if (!linked.success) throw new Error(`cannot link libstdc++.so.6:\n${linked.stderr}`);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** Debian's musl for arm64 on another machine, or why it cannot be had. */
export function whyNoArm64Musl(): string | undefined {
  try {
    unpackedMusl({ machine: "aarch64" });
    return undefined;
  } catch (error) {
    return String(error).split("\n")[0];
  }
}

/**
 * Debian's musl for another architecture, unpacked in .cache/: fetched by apt-get with lists of its own,
 * so that nothing of this machine's package state is touched.
 */
function unpackedMusl({ machine }: Pick<Target, "machine">): string {
  const architecture = ARCHITECTURES[machine];
  const folder = join(root, ".cache", "debian", architecture, "musl");
  if (existsSync(join(folder, VERSION))) return folder;
  rmSync(folder, { recursive: true, force: true });
  const scratch = mkdtempSync(join(tmpdir(), "fdinit-apt-"));
  try {
    const apt = aptGet(scratch, architecture);
    apt("update");
    apt("download", "musl", "musl-dev");
    mkdirSync(dirname(folder), { recursive: true });
    for (const file of readdirSync(scratch).filter((name) => name.endsWith(".deb")))
      run(["dpkg-deb", "-x", file, join(scratch, "musl")], scratch);
    const [deb = ""] = readdirSync(scratch).filter((name) => name.startsWith("musl_"));
    writeFileSync(join(scratch, "musl", VERSION), run(["dpkg-deb", "-f", deb, "Version"], scratch).trim());
    run(["mv", join(scratch, "musl"), folder], scratch);
    return folder;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
