// The portable folder on base images that have nothing in common: only /fdinit is added to them. Nothing
// can be written anywhere, and nothing reaches the program that was not there before.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { portableTarget } from "../../scripts/portable.ts";
import { BareRoots, put } from "../harness/bare.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeUnless } from "../harness/needs.ts";
import { libraries } from "../harness/rootfs.ts";
import { run } from "../harness/run.ts";
import { missingFor } from "../harness/targets.ts";

leaveNothingBehind();

interface Base {
  readonly name: string;
  /** Puts into a root file system what such an image has, and answers a command there that prints its environment. */
  fill(root: string): readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A program with what it is linked against. */
function install(root: string, program: string, to: string): readonly string[] {
  put(root, program, to);
  for (const library of libraries(program)) put(root, library, library);
  return [to];
}

function write(root: string, to: string, text: string): void {
  mkdirSync(dirname(join(root, to)), { recursive: true });
  writeFileSync(join(root, to), text);
}

const BUSYBOX = Bun.which("busybox") ?? "";
const ENV = "/usr/bin/env";

const BASES: readonly Base[] = [
  {
    name: "scratch",
    fill: (root) => [...install(root, BUSYBOX, "/busybox"), "env"],
    env: {},
  },
  {
    name: "Alpine, with a musl that must not be found",
    fill: (root) => {
      write(root, "/etc/ld-musl-x86_64.path", "/nonexistent\n");
      for (const path of ["/lib/ld-musl-x86_64.so.1", "/lib/libstdc++.so.6", "/usr/lib/libstdc++.so.6"])
        write(root, path, "this is no library\n");
      install(root, BUSYBOX, "/bin/busybox");
      symlinkSync("busybox", join(root, "bin/env"));
      return ["/bin/env"];
    },
    env: { LD_LIBRARY_PATH: "/usr/lib:/lib", PATH: "/bin" },
  },
  {
    name: "Debian, with a library of glibc's preloaded",
    fill: (root) => {
      const [library = ""] = libraries(ENV);
      put(root, library, "/usr/lib/preloaded.so");
      return install(root, ENV, ENV);
    },
    env: { LD_PRELOAD: "/usr/lib/preloaded.so", LD_LIBRARY_PATH: "/usr/lib", LANG: "de_DE.UTF-8" },
  },
  {
    name: "distroless, with no shell",
    fill: (root) => install(root, ENV, "/app/server"),
    env: { SSL_CERT_FILE: "/etc/ssl/certs/ca-certificates.crt" },
  },
];

describeUnless(missingFor(portableTarget()), "the portable folder on", () => {
  let roots: BareRoots;
  beforeAll(() => {
    roots = new BareRoots();
  }, 120_000);
  afterAll(() => roots.remove());

  BASES.forEach(({ name, fill, env }, index) => {
    for (const proc of [true, false]) {
      for (const user of [0, 65532]) {
        test(`${name}, ${proc ? "with" : "without"} /proc, as ${user}, hands on just the environment`, async () => {
          const root = roots.make(`${index}-${proc}-${user}`);
          const command = fill(root);
          const { code, stdout, stderr } = await run(roots.start(root, { proc, run: command, env, user }));
          const expected = Object.entries(env).map(([key, value]) => `${key}=${value}`);
          const lines = stdout.split("\n").filter(Boolean).sort();
          expect({ code, lines, stderr }).toEqual({ code: 0, lines: expected.sort(), stderr: "" });
        });
      }
    }
  });
});
