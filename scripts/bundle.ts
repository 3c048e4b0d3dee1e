// Bundles the modules of an executable: main, which every start loads, the plain policies, the parsers and reports, and the supervision of several services. A function costs a fresh process time when it is made, and ten
// times that when it is first called; so what few starts need is made only when it is needed, and small
// functions become part of those that call them (Closure Compiler). Bun's own minifier does neither.
//
//   bun scripts/bundle.ts x86_64|aarch64 FOLDER

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { BunPlugin } from "bun";
import type { Target } from "./targets.ts";

const root = join(import.meta.dir, "..");
const MAIN = join(root, "init/main.ts");
/** A start with a policy loads the plain policies, and few starts the parsers and reports: at first use (init/cli/load-modules.ts). */
export const PLAIN_POLICIES = join(root, "init/cli/plain-policies.ts");
export const PARSERS_AND_REPORTS = join(root, "init/cli/parsers-and-reports.ts");
export const SEVERAL_SERVICES = join(root, "init/cli/several-services.ts");

/** The names of the bundles in their folder. */
export const MODULES = [
  "main.js",
  "plain-policies.js",
  "parsers-and-reports.js",
  "several-services.js",
] as const;
/** Where an executable finds its own modules. */
export const EMBEDDED = "/$bunfs/root";

/**
 * As a CommonJS module, which the bundler leaves in a function of its own: nothing of it is made before it is
 * asked for. Of an ES module it would leave the functions outside. A file that hands on another module's exports is left as it is.
 */
export function asCommonJs(source: string): string {
  if (/^export (?:\{|\*|default)/m.test(source)) return source;
  const names: string[] = [];
  const body = source.replace(
    /^export (?=(function|const|class|interface|type) (\w+))/gm,
    (_, what: string, name: string) => {
      if (what !== "interface" && what !== "type") names.push(name);
      return "";
    },
  );
  const { exports } = new Bun.Transpiler({ loader: "ts" }).scan(source);
  if (exports.toSorted().join() !== names.toSorted().join())
    throw new Error(`not known how to make CommonJS of what exports ${exports.join(", ")}`);
  return `${body}\nmodule.exports = { ${names.join(", ")} };\n`;
}

/** The files that a start may never load: behind a require(), and not imported by what is always loaded. */
export function modulesBehindRequire(entry: string): string[] {
  const transpiler = new Bun.Transpiler({ loader: "ts" });
  const always = new Set<string>();
  const behind = new Set<string>();
  const visit = (file: string, into: Set<string>): void => {
    if (into.has(file)) return;
    into.add(file);
    for (const { kind, path } of transpiler.scanImports(readFileSync(file, "utf8"))) {
      if (!path.startsWith(".") || !path.endsWith(".ts")) continue;
      visit(join(dirname(file), path), kind === "require-call" ? behind : into);
    }
  };
  visit(entry, always);
  return [...behind].filter((file) => !always.has(file)).sort();
}

export async function bundle(entry: string, plugins: BunPlugin[]): Promise<string> {
  const built = await Bun.build({
    entrypoints: [entry],
    target: "bun",
    format: "cjs",
    external: [`${EMBEDDED}/*`],
    define: {
      PLAIN_POLICIES: JSON.stringify(`${EMBEDDED}/${MODULES[1]}`),
      PARSERS_AND_REPORTS: JSON.stringify(`${EMBEDDED}/${MODULES[2]}`),
      SEVERAL_SERVICES: JSON.stringify(`${EMBEDDED}/${MODULES[3]}`),
    },
    plugins,
  });
  const [output] = built.outputs;
  if (!output) throw new Error("the bundler made nothing");
  const text = inner(await output.text());
  // Bun's name for the `module` of a file that it has taken for an ES module: no code defines it.
  const undefinedModule = /\bmodule_\w+(?=\.exports)/.exec(text)?.[0];
  if (undefinedModule) throw new Error(`the bundle assigns to ${undefinedModule}, which is nowhere defined`);
  return text;
}

export function forTheStart(machine: Target["machine"]): BunPlugin {
  const behind = new Set(modulesBehindRequire(MAIN));
  return {
    name: "for the start",
    setup(build) {
      build.onResolve({ filter: /\/abi\/this-machine\.ts$/ }, ({ path, importer }) => ({
        path: join(dirname(importer), dirname(path), `${machine}.ts`),
      }));
      build.onLoad({ filter: /\/init\/.*\.ts$/ }, ({ path }) => {
        const source = readFileSync(path, "utf8");
        return { contents: behind.has(path) ? asCommonJs(source) : source, loader: "ts" };
      });
    },
  };
}

/**
 * bun:ffi is a module of JavaScript around functions that Bun has as Bun.FFI: evaluating it costs a start more
 * than all that fdinit does with it.
 */
function withoutModuleOfFfi(text: string): string {
  const pieces = text.split('require("bun:ffi")');
  if (pieces.length !== 2) throw new Error(`bun:ffi is loaded ${pieces.length - 1} times, not once`);
  return pieces.join("Bun.FFI");
}

/**
 * Of modules that something behind a require() imports as well, the bundler makes functions, called before they are
 * used. A module that every start loads runs where it stands instead, in the same order: then the compiler sees which values never change.
 */
export function runWhereTheyStand(text: string): string {
  const run = text
    .replace(/^var init_\w+ = __esm\(\(\) => \{\n([\s\S]*?)\n\}\);$/gm, (_, body: string) => body)
    .replace(/^var init_\w+ = \(\) => \{\};\n/gm, "")
    .replace(/^ *init_\w+\(\);\n/gm, "");
  const left = /\binit_\w+\(\)|__esm\(/.exec(run)?.[0];
  if (left) throw new Error(`the bundle still has ${left}: has Bun changed?`);
  return run;
}

/** Without the function that a CommonJS module is wrapped in: Bun makes it again. */
function inner(text: string): string {
  const found = /^\/\/ @bun @bun-cjs\n\(function\([^)]*\) \{([\s\S]*)\}\)\s*$/.exec(text);
  if (!found?.[1]) throw new Error("the bundle is not wrapped as expected: has Bun changed?");
  return found[1];
}

/** By Closure Compiler: functions inlined, unused ones left out. Nothing that JavaScript promises changes. */
export function inlined(text: string): string {
  const compiler = join(root, `node_modules/google-closure-compiler-${compilerPlatform()}/compiler`);
  if (!existsSync(compiler)) throw new Error(`there is no ${compiler}: bun install`);
  const run = Bun.spawnSync(
    [
      compiler,
      "--compilation_level=SIMPLE",
      "--assume_function_wrapper",
      "--language_in=UNSTABLE",
      "--language_out=UNSTABLE",
      "--jscomp_off=*",
    ],
    { stdin: Buffer.from(text), timeout: 120_000 },
  );
  if (!run.success) throw new Error(`Closure Compiler failed:\n${run.stderr}`);
  return run.stdout.toString();
}

function compilerPlatform(): string {
  if (process.platform !== "linux") throw new Error("fdinit is built on Linux");
  return process.arch === "arm64" ? "linux-arm64" : "linux";
}

if (import.meta.main) {
  const [name = "", folder = ""] = process.argv.slice(2);
  const machine = (["x86_64", "aarch64"] as const).find((known) => known === name);
  if (!machine || folder === "") throw new Error("bundle.ts x86_64|aarch64 FOLDER");
  writeFileSync(
    join(folder, MODULES[0]),
    inlined(runWhereTheyStand(withoutModuleOfFfi(await bundle(MAIN, [forTheStart(machine)])))),
  );
  writeFileSync(join(folder, MODULES[1]), await bundle(PLAIN_POLICIES, []));
  writeFileSync(join(folder, MODULES[2]), await bundle(PARSERS_AND_REPORTS, []));
  writeFileSync(join(folder, MODULES[3]), await bundle(SEVERAL_SERVICES, []));
}
