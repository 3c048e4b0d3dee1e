// Every block of commands in the documentation is run as it stands, or stands in a list with the reason why it is not. A block that
// is in neither fails, and so does an entry without its block.

import { expect, test } from "bun:test";
import { chmodSync, globSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { FDINIT, ROOT } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";

leaveNothingBehind();

const PAGES = [
  "README.md",
  "CONTRIBUTING.md",
  "images/README.md",
  ...globSync("docs/**/*.md", { cwd: ROOT }),
];

interface Block {
  readonly page: string;
  readonly commands: string;
}

const BLOCKS: readonly Block[] = PAGES.sort().flatMap((page) => {
  const text = readFileSync(join(ROOT, page), "utf8");
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, commands = ""]) => ({ page, commands }));
});

/** The policy of a page: its first block of YAML. */
function policyOf(page: string): string {
  const [, text = ""] = /^```yaml\n(.*?)^```$/ms.exec(readFileSync(join(ROOT, page), "utf8")) ?? [];
  return text;
}

const VALID = "version: 1\n";

interface Run {
  /** The beginning of the first line of the block. */
  readonly begins: string;
  /** Files of the reader's, besides `fdinit` in the path and `dist/fdinit`. */
  readonly files?: Readonly<Record<string, string>>;
  /** The policy changes to another user. */
  readonly needsRoot?: true;
  /** Words that the commands have to say. */
  readonly says: readonly string[];
}

const RUN: Readonly<Record<string, readonly Run[]>> = {
  "docs/start.md": [
    { begins: "dist/fdinit -- sleep 1", says: ["start main: sleep 1", "it would start"] },
    {
      begins: "dist/fdinit check",
      needsRoot: true,
      files: { "policy.yaml": policyOf("docs/start.md") },
      says: ["ok: policy.yaml", "start app: sleep infinity", "can be carried out here"],
    },
  ],
  "docs/how-to/ci.md": [
    {
      begins: "fdinit check --strict",
      files: { "policies/web/a.yaml": VALID, "policies/b.yml": VALID },
      says: ["ok: policies/b.yml", "ok: policies/web/a.yaml"],
    },
  ],
  "docs/how-to/move.md": [
    {
      begins: "fdinit convert Dockerfile",
      files: {
        Dockerfile: 'FROM debian\nENTRYPOINT ["tini", "--", "sleep", "1"]\n',
        "supervisord.conf": "[program:a]\ncommand=sleep 1\n",
        "s6-overlay/s6-rc.d/a/type": "longrun\n",
        "s6-overlay/s6-rc.d/a/run": "#!/bin/sh\nexec sleep 1\n",
        "app.service": "[Service]\nExecStart=/bin/sleep 1\n",
        "compose.yaml": "services:\n  a:\n    image: debian\n    command: sleep 1\n",
      },
      says: ["ok: policy.yaml", "start a: sleep 1"],
    },
  ],
};

/** By page and the beginning of the first line. */
const NOT_RUN: readonly (readonly [page: string, begins: string, reason: string])[] = [
  ["CONTRIBUTING.md", "apt-get install", ".ci/run installs these packages before any test"],
  [
    "README.md",
    "npx -y bun@1.4.5 run demo",
    "runs every test, this one too; the demo is run for the picture",
  ],
  ["README.md", "npx -y bun@1.4.5 run build", "needs Docker: tests/images/readme.test.ts runs it"],
  ["docs/compose.md", "cp dist/fdinit", "needs Docker: tests/images/compose.test.ts runs the example"],
  [
    "docs/how-to/launchers.md",
    "systemd-socket-activate --listen",
    "waits for connections: tests/pid1/launchers.test.ts runs each with its program",
  ],
  [
    "docs/how-to/launchers.md",
    "systemd-socket-activate --accept",
    "waits for connections: tests/pid1/launchers.test.ts runs each with its program",
  ],
  [
    "docs/download.md",
    "sha256sum",
    "needs a release: tests/unit/scripts/release.test.ts makes one and sums it",
  ],
  ["docs/download.md", "tar -xzf", "needs a release: tests/unit/scripts/release.test.ts lists one"],
  ["docs/download.md", "docker load", "needs a release and Docker: tests/images/release.test.ts loads it"],
  ["docs/download.md", "npm install", "needs a release: tests/images/release.test.ts installs it"],
  ["docs/docker.md", "docker run --security-opt", "an option of a longer command, with …"],
  [
    "docs/migrating.md",
    "#!/bin/sh",
    "an entrypoint: tests/pid1/migrating.test.ts runs it, on stand-ins for its programs",
  ],
  ["docs/start.md", "docker exec app", "needs the container of README's block, which readme.test.ts runs"],
  ["docs/targets.md", "npx -y bun@1.4.5 run build", "takes minutes: tests/targets/build.test.ts builds them"],
  [
    "images/README.md",
    "npx -y bun@1.4.5 run portable",
    "needs Docker: tests/images/examples.test.ts runs it",
  ],
  ["images/README.md", "npx -y bun@1.4.5 run build", "needs Docker: tests/images/static.test.ts runs it"],
];

function carryOut(commands: string, files: Readonly<Record<string, string>>) {
  const folder = temporaryDirectory();
  // The user of the policy must be able to reach its working directory.
  chmodSync(folder, 0o755);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  mkdirSync(join(folder, "dist"));
  symlinkSync(FDINIT, join(folder, "dist/fdinit"));
  const env = { ...process.env, PATH: `${folder}/dist:${process.env["PATH"]}` };
  const run = Bun.spawnSync(["sh", "-ec", commands], { cwd: folder, env, stdin: "ignore", timeout: 60_000 });
  return { code: run.exitCode, stdout: run.stdout.toString(), stderr: run.stderr.toString() };
}

const needsJq = (commands: string) => commands.includes("jq ") && Bun.which("jq") === null;

for (const [page, runs] of Object.entries(RUN))
  for (const { begins, files = {}, needsRoot, says } of runs)
    test.skipIf(needsRoot === true && process.getuid?.() !== 0)(
      `${page}: ${begins} …`,
      () => {
        const block = BLOCKS.find((each) => each.page === page && each.commands.startsWith(begins));
        const lines = (block?.commands ?? "").split("\n").filter((line) => !needsJq(line));
        const { code, stdout, stderr } = carryOut(lines.join("\n"), files);
        expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
        for (const words of says) expect(stdout).toContain(words);
      },
      60_000,
    );

test("every block is run, or a reason stands for it", () => {
  const known = [
    ...Object.entries(RUN).flatMap(([page, runs]) => runs.map(({ begins }) => [page, begins] as const)),
    ...NOT_RUN.map(([page, begins]) => [page, begins] as const),
  ];
  const isKnown = ({ page, commands }: Block) =>
    known.some(([of, begins]) => of === page && commands.startsWith(begins));
  expect(BLOCKS.filter((block) => !isKnown(block))).toEqual([]);
  const isThere = ([of, begins]: readonly [string, string]) =>
    BLOCKS.some(({ page, commands }) => page === of && commands.startsWith(begins));
  expect(known.filter((entry) => !isThere(entry))).toEqual([]);
  expect(BLOCKS.length).toBe(known.length);
});
