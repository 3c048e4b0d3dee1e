// Runs suites of tests/ and closes with one line: how many passed, failed, were skipped.
//
//   bun scripts/test.ts unit kernel pid1 images [-- further arguments for bun test]
//   bun scripts/test.ts unit kernel + pid1        unit and then kernel, beside pid1
//
// Suites of one kind stay in one lane: those of tests/pid1 count what the user has (pending signals, processes), and those of
// tests/images lay out the portable folder. Of suites that run beside others the output comes when they have ended.
//
// pid1@musl is tests/pid1 with the executable for musl, from a portable folder of its own; pid1@static and images@static are those
// suites with the static executable.

import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
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
/** So many lines of what a failed test printed are said at the end. */
const FAILURE_LINES = 40;

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

interface Skipped {
  readonly name: string;
  readonly reason: string;
}

/** Between two lanes on the command line. */
const BESIDE = "+";

const words = process.argv.slice(2);
const cut = words.includes("--") ? words.indexOf("--") : words.length;
const suites = words.slice(0, cut);
const further = words.slice(cut + 1);

interface Way {
  /** Why it cannot be done here. */
  readonly missing: () => string | undefined;
  readonly run: (suite: string) => Promise<Count>;
}

/** With which executable a suite is run. */
const WAYS: Record<string, Way> = {
  ordinary: { missing: () => undefined, run: (suite) => runSuite(suite) },
  musl: { missing: () => missing("musl", "libstdc++.a"), run: withMusl },
  static: { missing: () => whyNotLinked(staticTargetOfThisMachine()), run: withStatic },
};

/** Of tests/images those that an executable of another kind could change. */
const IMAGES_OF_STATIC = ["compose", "docker", "drop-in", "lifecycle", "podman", "runc", "static"];

/**
 * Of tests/pid1 those that musl, its loader or Bun's build for it could change. The other files are about policies, messages, paths and
 * other inits' command lines: the same code on the same engine as with glibc.
 */
const PID1_OF_MUSL = [
  ...[
    "command-line",
    "conditions",
    "descriptors",
    "engine",
    "exit-codes",
    "forwarding",
    "garbage",
    "groups",
    "limits",
  ],
  ...[
    "privileges",
    "programs",
    "reaping",
    "reexec",
    "restart",
    "shutdown",
    "signals",
    "starts",
    "surroundings",
  ],
  ...["terminal", "transparency"],
];

/** Suites that run one after another, beside those of other lanes. */
type Lane = readonly string[];

const lanes = lanesOf(suites);
const scratch = mkdtempSync(join(tmpdir(), "fdinit-results-"));
const total: Count = { passed: 0, failed: 0, skipped: 0 };
/** Said once more at the end: who sees only the end of a long output sees what failed. */
const failures: string[] = [];
try {
  await buildForLanes();
  if (navigator.hardwareConcurrency > 1) await Promise.all(lanes.map(runLane));
  else for (const lane of lanes) await runLane(lane);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
for (const failure of failures) console.log(`${failure}\n`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed > 0 || total.passed === 0 ? 1 : 0);

function lanesOf(words: readonly string[]): Lane[] {
  const found: string[][] = [[]];
  for (const word of words) {
    if (word === BESIDE) found.push([]);
    else found.at(-1)?.push(word);
  }
  return found;
}

/** Two lanes would build the static executable at the same time. */
async function buildForLanes(): Promise<void> {
  const target = staticTargetOfThisMachine();
  if (lanes.length < 2 || whyNotLinked(target) !== undefined) return;
  if (isStaticStale(target)) await buildStatic(target);
}

async function runLane(lane: Lane): Promise<void> {
  for (const word of lane) {
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
    const began = performance.now();
    const { passed, failed, skipped } = await way.run(suite);
    const seconds = Math.round((performance.now() - began) / 1000);
    console.log(`tests/${word}: ${passed} passed, ${failed} failed, ${skipped} skipped in ${seconds} s\n`);
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
  }
}

/** The same with the executable for musl. The folder's path has to be a short one (scripts/portable.ts). */
async function withMusl(suite: string): Promise<Count> {
  const place = mkdtempSync("/tmp/f");
  try {
    fill(place, portableTarget(), place);
    const env = { FDINIT_BINARY: join(place, "fdinit"), FDINIT_LONG: "0" };
    const files = PID1_OF_MUSL.map((name) => `./tests/pid1/${name}.test.ts`);
    return await runSuite(suite, env, suite === "pid1" ? files : undefined);
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

async function runSuite(
  suite: string,
  env: Record<string, string> = {},
  files: readonly string[] = [`./tests/${suite}/`],
): Promise<Count> {
  const absent = files.filter((file) => !existsSync(join(root, file)));
  if (absent.length > 0) throw new Error(`there is no ${absent.join(", ")}`);
  const folder = mkdtempSync(join(scratch, `${suite}-`));
  const results = join(folder, "results.xml");
  const skips = join(folder, "skips");
  const output = lanes.length > 1 ? join(folder, "log") : undefined;
  const written = output === undefined ? "inherit" : openSync(output, "w");
  const run = Bun.spawn(
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
      stdio: ["inherit", written, written],
      env: { ...process.env, FDINIT_TEST_SKIPS: skips, ...env },
      timeout: SUITE_DEADLINE_MS,
      killSignal: "SIGKILL",
    },
  );
  const success = (await run.exited) === 0;
  // By a process, which waits where standard output is a full pipe: process.stdout would lose the rest.
  if (output !== undefined) Bun.spawnSync(["cat", output], { stdio: ["ignore", "inherit", "inherit"] });
  if (typeof written === "number") closeSync(written);
  const xml = existsSync(results) ? readFileSync(results, "utf8") : "";
  const count = counted(xml);
  // A file that cannot be read, or a run that was killed, fails without a test of its own.
  if (!success && count.failed === 0) count.failed = 1;
  const name = env["FDINIT_ENGINE"] === undefined ? suite : `${suite}, ${env["FDINIT_ENGINE"]}`;
  if (count.failed > 0) failures.push(`failed in tests/${name}:`, ...failedTests(xml, output));
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

/** Each failed test by its name, and the lines that `bun test` printed before it. */
function failedTests(xml: string, output: string | undefined): string[] {
  const lines = output === undefined ? [] : readFileSync(output, "utf8").split("\n");
  const printed: string[] = [];
  for (const [index, line] of lines.entries()) {
    if (!line.startsWith("(fail) ")) continue;
    const before = lines
      .slice(0, index)
      .findLastIndex((other) => /^\((pass|fail|skip)\) |^tests\//.test(other));
    printed.push(lines.slice(Math.max(before + 1, index - FAILURE_LINES), index + 1).join("\n"));
  }
  if (printed.length > 0) return printed;
  const failed = xml.matchAll(/<testcase([^>]*)>\s*<(?:failure|error)/g);
  return [...failed].map(
    ([, attributes = ""]) => `${attribute(attributes, "classname")} > ${attribute(attributes, "name")}`,
  );
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
