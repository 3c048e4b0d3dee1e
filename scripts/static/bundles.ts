// The bundles of the static executable: main, the plain policies, the parsers and reports, and one for each file that few starts need. QuickJS makes every
// function of a bundle when it reads it, so that a file behind a require() is a bundle of its own, read when it is asked for.

import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { BunPlugin } from "bun";
import {
  bundle,
  EMBEDDED,
  forTheStart,
  inlined,
  MODULES,
  PARSERS_AND_REPORTS,
  PLAIN_POLICIES,
  runWhereTheyStand,
  SEVERAL_SERVICES,
} from "../bundle.ts";
import type { Target } from "../targets.ts";

const init = join(import.meta.dir, "../../init");

/** QuickJS's side of the seam in the place of Bun's. */
export function forQuickJs(): BunPlugin {
  return {
    name: "for QuickJS",
    setup(build) {
      build.onResolve({ filter: /^\.\/bun\/\w+\.ts$/ }, ({ path, importer }) => {
        if (!importer.startsWith(join(init, "sys/engine/"))) throw new Error(`${importer} imports ${path}`);
        return { path: join(init, "sys/engine/quickjs", path.slice("./bun/".length)) };
      });
    },
  };
}

/** The texts of all bundles, each a function. That of main is given the host, the others the names that they use of main. */
export async function bundles(machine: Target["machine"]): Promise<string[]> {
  refuseChanging();
  const main = runWhereTheyStand(await bundle(join(init, "main.ts"), [forQuickJs(), forTheStart(machine)]));
  const others = [
    await bundle(PLAIN_POLICIES, [forQuickJs()]),
    await bundle(PARSERS_AND_REPORTS, [forQuickJs()]),
    await bundle(SEVERAL_SERVICES, [forQuickJs()]),
  ];
  const { rest, parts } = apart(main, MODULES.length);
  return [
    `(function (host) {\n${REQUIRE}\n${inlined(rest)}\n})`,
    ...others.map((text) => `(function (module, exports, require, host) {\n${text}\n})`),
    ...parts,
  ];
}

/** Answers the modules with a place of their own. yaml asks for two of Node's, and uses nothing of them here. */
const REQUIRE = `var modules = [];
function require(name) {
  if (name === "process" || name === "buffer") return { env: {} };
  var which = ${JSON.stringify(MODULES.map((name) => `${EMBEDDED}/${name}`))}.indexOf(name);
  if (modules[which]) return modules[which].exports;
  var module = modules[which] = { exports: {} };
  host.bundle(which)(module, module.exports, require, host);
  return module.exports;
}`;

/** A file behind a require(), as the bundler writes it. */
const BEHIND_REQUIRE = /^var (\w+) = __commonJS\(function\(exports2, module2\) \{\n([\s\S]*?)^\}\);$/gm;

interface Apart {
  readonly rest: string;
  readonly parts: readonly string[];
}

/** Each file behind a require() as a text of its own, a function of the names that it uses of the rest; numbered from `first`. */
export function apart(text: string, first: number): Apart {
  const names = namesOf(text);
  const parts: string[] = [];
  const rest = text.replace(BEHIND_REQUIRE, (_, name: string, body: string) => {
    const used = new Set(body.match(/(?<![.\w$])[A-Za-z_$][\w$]*/g));
    const words = ["exports2", "module2", ...[...used].filter((word) => names.has(word))].join(", ");
    parts.push(`(function (${words}) {\n${body}})`);
    return `var ${name} = __commonJS(function(exports2, module2) {\n  host.bundle(${first + parts.length - 1})(${words});\n});`;
  });
  return { rest, parts };
}

/** The names declared at the top of a bundle. */
function namesOf(text: string): ReadonlySet<string> {
  const names = new Set<string>(["host"]);
  for (const [, name = ""] of text.matchAll(/^(?:async )?(?:function\*?|class) ([\w$]+)/gm)) names.add(name);
  for (const [, list = ""] of text.matchAll(/^(?:var|let|const) (.*)/gm))
    for (const [, name = ""] of list.matchAll(/(?:^|, )([\w$]+)(?= =|,|;|$)/g)) names.add(name);
  return names;
}

/** A part is given values, so that nothing that another file sees may change: what is exported is no `let`. */
function refuseChanging(): void {
  for (const file of globSync("**/*.ts", { cwd: init })) {
    const found = /^export let .*/m.exec(readFileSync(join(init, file), "utf8"))?.[0];
    if (found) throw new Error(`init/${file}: a bundle of its own would not see this change: ${found}`);
  }
}
