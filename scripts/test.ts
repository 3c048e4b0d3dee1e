// Runs suites of tests/ one after another and closes with one line: how many passed, failed, were skipped.
//
//   bun scripts/test.ts unit kernel pid1 images [-- further arguments for bun test]
//
// pid1@musl is tests/pid1 with the executable for musl, from a portable folder of its own; pid1@static and images@static are those
// suites with the static executable.

import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { missing } from "../tests/harness/needs.ts";
import { fill, portableTarget } from "./portable.ts";
import { whyNotLinked } from "./static/link.ts";
import { buildStatic, isStaticStale, staticExecutable } from "./static.ts";
import { staticTargetOfThisMachine } from "./targets.ts";

const root = join(import.meta.dir, "..");
/** A test that hangs is a finding, not a wait; those that need longer say so themselves. */
const TEST_DEADLINE_MS = 20_000;
/** A suite that takes longer than this hangs. */
const SUITE_DEADLINE_MS = 30 * 60_000;

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

interface Skipped {
  readonly name: string;
  readonly reason: string;
}

const words = process.argv.slice(2);
const cut = words.includes("--") ? words.indexOf("--") : words.length;
const suites = words.slice(0, cut);
const further = words.slice(cut + 1);

interface Way {
  /** Why it cannot be done here. */
  readonly missing: () => string | undefined;
  readonly run: (suite: string) => Count | Promise<Count>;
}

/** With which executable a suite is run. */
const WAYS: Record<string, Way> = {
  ordinary: { missing: () => undefined, run: (suite) => runSuite(suite) },
  musl: { missing: () => missing("musl", "libstdc++.a"), run: withMusl },
  static: { missing: () => whyNotLinked(staticTargetOfThisMachine()), run: withStatic },
};

/** Of tests/images those that an executable of another kind could change. */
const IMAGES_OF_STATIC = ["docker", "drop-in", "lifecycle", "podman", "runc", "static"];

const scratch = mkdtempSync(join(tmpdir(), "fdinit-results-"));
const total: Count = { passed: 0, failed: 0, skipped: 0 };
try {
  for (const word of suites) {
    const [suite = "", executable = "ordinary"] = word.split("@");
    const way = WAYS[executable];
    if (!way) throw new Error(`tests/${word}: @ is followed by one of ${Object.keys(WAYS).join(", ")}`);
    const why = way.missing();
    if (why !== undefined) {
      console.log(`skipped: tests/${word}: ${why}`);
      continue;
    }
    if (!existsSync(join(root, "tests", suite))) {
      console.log(`tests/${suite}: there is no such suite`);
      continue;
    }
    const { passed, failed, skipped } = await way.run(suite);
    console.log(`tests/${word}: ${passed} passed, ${failed} failed, ${skipped} skipped\n`);
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed > 0 || total.passed === 0 ? 1 : 0);

/** The same with the executable for musl. The folder's path has to be a short one (scripts/portable.ts). */
function withMusl(suite: string): Count {
  const place = mkdtempSync("/tmp/f");
  try {
    fill(place, portableTarget(), place);
    return runSuite(suite, { FDINIT_BINARY: join(place, "fdinit"), FDINIT_LONG: "0" });
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** The same with the static executable. */
async function withStatic(suite: string): Promise<Count> {
  const target = staticTargetOfThisMachine();
  if (isStaticStale(target)) await buildStatic(target);
  const env = { FDINIT_BINARY: staticExecutable(target), FDINIT_ENGINE: "quickjs", FDINIT_LONG: "0" };
  const files = IMAGES_OF_STATIC.map((name) => `./tests/images/${name}.test.ts`);
  return runSuite(suite, env, suite === "images" ? files : undefined);
}

function runSuite(
  suite: string,
  env: Record<string, string> = {},
  files: readonly string[] = [`./tests/${suite}/`],
): Count {
  const results = join(scratch, `${suite}.xml`);
  const skips = join(scratch, `${suite}.skips`);
  const run = Bun.spawnSync(
    [
      process.execPath,
      "test",
      ...files,
      `--timeout=${TEST_DEADLINE_MS}`,
      "--reporter=junit",
      `--reporter-outfile=${results}`,
      ...further,
    ],
    {
      cwd: root,
      stdout: "inherit",
      stderr: "inherit",
      env: { ...process.env, FDINIT_TEST_SKIPS: skips, ...env },
      timeout: SUITE_DEADLINE_MS,
      killSignal: "SIGKILL",
    },
  );
  const xml = existsSync(results) ? readFileSync(results, "utf8") : "";
  const count = counted(xml);
  // A file that cannot be read, or a run that was killed, fails without a test of its own.
  if (!run.success && count.failed === 0) count.failed = 1;
  sayWhatWasSkipped(xml, skips);
  return count;
}

function counted(xml: string): Count {
  const head = /<testsuites[^>]*>/.exec(xml)?.[0] ?? "";
  const number = (name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const failed = number("failures") + number("errors");
  const skipped = number("skipped");
  return { passed: number("tests") - failed - skipped, failed, skipped };
}

/** Each skipped test by its name, with the reason its suite gave (tests/harness/needs.ts). */
function sayWhatWasSkipped(xml: string, file: string): void {
  const lines = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  const reasons = lines.map((line) => JSON.parse(line) as Skipped);
  for (const [, attributes = ""] of xml.matchAll(/<testcase([^>]*)>\s*<skipped/g)) {
    const name = attribute(attributes, "name");
    const within = attribute(attributes, "classname");
    const reason = reasons.find((skipped) => within.includes(skipped.name) || name === skipped.name)?.reason;
    console.log(`skipped: ${within} > ${name}: ${reason ?? "no reason was given"}`);
  }
}

function attribute(text: string, name: string): string {
  const value = new RegExp(` ${name}="([^"]*)"`).exec(text)?.[1] ?? "";
  return value
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'")
    .replaceAll("&amp;", "&");
}
