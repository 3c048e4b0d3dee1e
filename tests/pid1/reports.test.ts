// `plan --json` and `audit --json` of the executable itself, with one descriptor of every kind that a
// launcher can leave, held to the schemas that describe them.

import { expect, test } from "bun:test";
import { ENGINE_OWN, FDINIT, fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { expectValid } from "../harness/report-schemas.ts";
import { policy, run, type Start, start } from "../harness/run.ts";

leaveNothingBehind();

const LEFT_OPEN = [
  "fd=5:listen",
  "fd=6:dir:/etc",
  "fd=7:file:/etc/passwd",
  "fd=8:pipe:9",
  "fd=10:eventfd",
  "fd=11:epoll",
  "fd=12:memfd",
  "fd=13:devnull",
  "fd=14:opath:/usr",
  "fd=15:dir:/proc",
];
const NUMBERS = [5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

const POLICIES: Readonly<Record<string, string>> = {
  "the built-in policy": "version: 1\n",
  "every action": `version: 1
intent: performance
fds:
  inherited:
    default: cloexec
    rules:
      - { match: { kind: socket }, action: keep, as: 3, name: http }
      - { match: { fd: 7 }, action: devnull }
      - { match: { kind: [pipe, memfd] }, action: close }
limits: { nofile: { soft: 100 } }
services: { app: { command: ["true"], cwd: /, stdin: devnull } }
`,
  "a refusal": "version: 1\nfds: { inherited: { rules: [{ match: { access: path }, action: refuse }] } }\n",
  "a scan": "version: 1\nintent: simplicity\nfds: { method: scan, scanLimit: 100 }\n",
};

async function report(what: Start): Promise<{ code: number; document: Record<string, unknown> }> {
  const { code, stdout, stderr } = await run(what);
  expect(stderr).toBe("");
  return { code, document: JSON.parse(stdout) };
}

describeWith(["gcc", "unshare"], "fdinit plan --json", () => {
  for (const [name, text] of Object.entries(POLICIES))
    test(`is as schema/plan.schema.json says: ${name}`, async () => {
      const words = [FDINIT, "plan", "--json", ...policy(text), "--", "true"];
      const { code, document } = await report({ direct: true, launch: LEFT_OPEN, run: words });
      expectValid("plan", document);
      expect(document).toMatchObject({ exitCode: code, starts: code === 0 });
      const inherited = (document["inherited"] as { fd: number }[]).map(({ fd }) => fd);
      expect(inherited).toEqual([0, 1, 2, ...NUMBERS]);
    });
});

describeWith(["gcc", "unshare"], "fdinit audit --json", () => {
  for (const [name, text] of Object.entries(POLICIES))
    test(`is as schema/audit.schema.json says: ${name}`, async () => {
      const held = start({ as: "child", direct: true, launch: LEFT_OPEN, run: [fixture("hold")] });
      await held.ready();
      const words = [FDINIT, "audit", "--json", ...policy(text), "--pid", String(await held.pid())];
      const { code, document } = await report({ as: "child", direct: true, run: words });
      expectValid("audit", document);
      expect(document).toMatchObject({ exitCode: code, allowed: code === 0 });
      const seen = (document["descriptors"] as { fd: number }[]).map(({ fd }) => fd);
      expect(seen).toEqual([0, 1, 2, ...NUMBERS]);
      await held.finished();
    });
  test("of fdinit itself as PID 1 tells its own descriptors from the others", async () => {
    // Judged by the policy it was started with, and by another one that is named.
    for (const [words, expected] of [
      [[], 0],
      [["--intent", "security"], 77],
    ] as const) {
      const { code, document } = await report({
        options: ["--intent", "performance"],
        launch: ["fd=6:dir:/etc"],
        run: [FDINIT, "audit", "--json", ...words],
      });
      expectValid("audit", document);
      expect({ code, own: (document["own"] as number[]).length }).toEqual({
        code: expected,
        own: 1 + ENGINE_OWN,
      });
    }
  });
});

describeWith(["gcc"], "on a terminal", () => {
  const onTerminal = (columns: number, words: string, env: Record<string, string> = {}) => {
    const { COLUMNS: _columns, NO_COLOR: _colour, ...rest } = process.env;
    const script = `stty cols ${columns}; '${FDINIT}' ${words}`;
    const { stdout } = Bun.spawnSync([fixture("pty"), "sh", "-c", script], {
      stdin: "ignore",
      env: { ...rest, TERM: "xterm", ...env },
    });
    return stdout.toString().split("\n");
  };
  const plain = (lines: readonly string[]) => lines.map((line) => Bun.stripANSI(line));
  const longest = (lines: readonly string[]) => Math.max(...plain(lines).map((line) => line.length));

  test("plan, doctor and help are as wide as it is, and lose no word of help and doctor", () => {
    for (const words of ["plan -- true", "doctor", "help", "help services.app.user"]) {
      expect([words, longest(onTerminal(60, words)) <= 60]).toEqual([words, true]);
      expect([words, onTerminal(60, words).length > 5]).toEqual([words, true]);
    }
    const wordsOf = (lines: readonly string[]) => plain(lines).join(" ").split(/\s+/).sort();
    expect(wordsOf(onTerminal(60, "help"))).toEqual(wordsOf(onTerminal(300, "help")));
    expect(onTerminal(60, "doctor").join("")).not.toContain("…");
  });

  test("plan has colour, unless NO_COLOR is set or it goes through a pipe", () => {
    expect(onTerminal(200, "plan -- true").join("\n")).toContain("\x1b[");
    expect(onTerminal(200, "plan -- true", { NO_COLOR: "1" }).join("\n")).not.toContain("\x1b[");
    const piped = onTerminal(60, "plan -- true | cat");
    expect(piped.join("\n")).not.toContain("\x1b[");
    expect(longest(piped)).toBeGreaterThan(60);
  });
});
