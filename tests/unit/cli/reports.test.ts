import { describe, expect, test } from "bun:test";
import { check } from "../../../init/cli/check/check.ts";
import { asGithub, asJson, asSarif } from "../../../init/cli/check/check-formats.ts";
import { dressed, lookOf } from "../../../init/cli/output/look.ts";
import { doctor } from "../../../init/cli/reports/doctor.ts";
import { shutdownTimeline } from "../../../init/cli/reports/shutdown-timeline.ts";
import { ENOENT, ENOTDIR } from "../../../init/sys/libc/errno.ts";
import { bytesOf } from "../../../init/sys/text/bytes.ts";
import { fakeKernel } from "../fake-kernel.ts";
import { policyWith } from "../policy/reading.ts";

const FILES: Readonly<Record<string, string>> = {
  "p/right.yaml": "version: 1\n",
  "p/deep/wrong.yml": "version: 1\nintnet: 1\n",
  "p/warned.yaml": 'version: 1\nfds: { open: { a: { listen: "*:80" } } }\n',
  "p/notes.txt": "no policy\n",
  "p/..data/right.yaml": "version: 1\n",
};

function checked(operands: readonly string[], options: { strict?: true; format?: string } = {}) {
  let out = "";
  let err = "";
  const kernel = fakeKernel([], {
    readSource: (path) => (Object.hasOwn(FILES, String(path)) ? bytesOf(FILES[String(path)] ?? "") : -ENOENT),
    listFolder: (name) => {
      if (Object.hasOwn(FILES, name)) return -ENOTDIR;
      const below = Object.keys(FILES).filter((file) => file.startsWith(`${name}/`));
      if (below.length === 0) return -ENOENT;
      return [...new Set(below.map((file) => file.slice(name.length + 1).replace(/\/.*$/, "/")))].sort();
    },
    write: (fd, text) => {
      if (fd === 1) out += text;
      else err += text;
      return 0;
    },
  });
  const { code } = check(kernel, { do: "check", options: {}, operands, ...options });
  return { code, out, err };
}

describe("check", () => {
  test("takes a folder for the policies in it and below", () => {
    const { code, out, err } = checked(["p"]);
    expect(code).toBe(78);
    expect(out).toBe("ok: p/right.yaml\nok: p/warned.yaml\n");
    expect(err).toContain("p/deep/wrong.yml:2:1");
    expect(err).not.toContain("notes.txt");
  });
  test("counts a warning as a mistake when it is strict", () => {
    expect(checked(["p/warned.yaml"]).code).toBe(0);
    expect(checked(["p/warned.yaml"], { strict: true })).toMatchObject({ code: 78, out: "" });
    expect(checked(["p/right.yaml"], { strict: true }).code).toBe(0);
  });
  test("prints one JSON document with every issue, files that cannot be read included", () => {
    const { code, out, err } = checked(["p", "nope.yaml"], { format: "json" });
    expect([code, err]).toEqual([78, ""]);
    const { ok, files } = JSON.parse(out);
    expect(ok).toBe(false);
    expect(files.map(({ name }: { name: string }) => name)).toEqual([
      "p/deep/wrong.yml",
      "p/right.yaml",
      "p/warned.yaml",
      "nope.yaml",
    ]);
    expect(files[0].issues[0]).toMatchObject({
      code: "unknown-key",
      level: "error",
      line: 2,
      column: 1,
      suggestion: { text: "intent" },
    });
    expect(files[2].issues[0]).toMatchObject({ code: "opened-for-nobody", level: "warning" });
    expect(files[3].issues[0]).toMatchObject({ code: "cannot-read" });
  });
  const issue = {
    code: "bad-value",
    message: "100% wrong,\nreally: yes",
    pointer: "",
    path: "",
    line: 3,
    column: 2,
    length: 4,
  } as const;
  const one = [{ name: "a,b:c.yaml", ok: false, text: undefined, issues: [issue] }];
  test("prints GitHub's annotations, with what they escape", () => {
    expect(asGithub(one)).toBe(
      "::error file=a%2Cb%3Ac.yaml,line=3,col=2,endColumn=6,title=bad-value::100%25 wrong,%0Areally: yes\n",
    );
  });
  test("prints SARIF 2.1.0, a rule for each code", () => {
    const { version, runs } = JSON.parse(asSarif(one));
    expect(version).toBe("2.1.0");
    expect(runs[0].tool.driver.rules.map(({ id }: { id: string }) => id)).toEqual(["bad-value"]);
    expect(runs[0].results[0]).toMatchObject({ ruleId: "bad-value", level: "error" });
    expect(runs[0].results[0].locations[0].physicalLocation.region).toEqual({
      startLine: 3,
      startColumn: 2,
      endColumn: 6,
    });
    expect(JSON.parse(asJson([])).ok).toBe(true);
  });
});

describe("a shutdown's timeline", () => {
  const rows = (text: string) => shutdownTimeline(policyWith(text)).map((row) => row.join(" "));
  test("adds delay and waits up, and ends with the budget", () => {
    const text =
      "signals: { delay: { TERM: 2s } }\nshutdown: { budget: 25s, steps: [{ signal: QUIT, wait: 10s }, { signal: TERM, wait: 5s }, { signal: KILL }] }";
    expect(rows(text)).toEqual([
      "0s SIGTERM comes, and is held back for 2s",
      "2s SIGQUIT",
      "12s SIGTERM",
      "17s SIGKILL",
      "the program's end what is left gets SIGTERM, and SIGKILL 5s later",
      "24750ms whatever is left gets SIGKILL",
      "25s the budget is over: fdinit ends",
    ]);
  });
  test("without steps has the signal alone, rewritten", () => {
    expect(rows("signals: { rewrite: { TERM: QUIT } }")[1]).toStartWith("0s SIGQUIT to the program");
    expect(rows("reaping: { orphans: leave }").at(-1)).toContain("engine's own deadline");
  });
});

describe("a report is coloured", () => {
  const kernel = (variables: Record<string, string>, isTerminal = true) =>
    fakeKernel([], {
      environmentVariable: (name) => (variables[name] === undefined ? undefined : bytesOf(variables[name])),
      ...(isTerminal ? { terminal: () => ({}) as never } : { terminal: () => undefined }),
    });
  test("on a terminal, unless NO_COLOR is set or TERM is dumb", () => {
    expect(lookOf(kernel({}), undefined).isColoured).toBe(true);
    expect(lookOf(kernel({}, false), "auto").isColoured).toBe(false);
    expect(lookOf(kernel({ NO_COLOR: "1" }), undefined).isColoured).toBe(false);
    expect(lookOf(kernel({ NO_COLOR: "" }), undefined).isColoured).toBe(true);
    expect(lookOf(kernel({ TERM: "dumb" }), "auto").isColoured).toBe(false);
    expect(lookOf(kernel({ NO_COLOR: "1" }, false), "always").isColoured).toBe(true);
    expect(lookOf(kernel({}), "never").isColoured).toBe(false);
  });
  test("and cut to COLUMNS; without colour it is the same text", () => {
    const text = "heading\n  outcome  it would start\n  7  file  keep  rule\n";
    expect(dressed(text, { isColoured: false, width: undefined })).toBe(text);
    const coloured = dressed(text, { isColoured: true, width: undefined });
    expect(coloured).toContain("\x1b[32m");
    expect(Bun.stripANSI(coloured)).toBe(text);
    expect(
      dressed(text, { isColoured: false, width: 10 })
        .split("\n")
        .every((line) => line.length <= 10),
    ).toBe(true);
  });
});

describe("doctor", () => {
  const seen = (policy: string, capabilities: string, uid = "0") => {
    let out = "";
    const files: Record<string, string> = {
      "/proc/self/status": `Uid:\t${uid}\t${uid}\nSeccomp:\t2\nNoNewPrivs:\t1\nCapEff:\t${capabilities}\n`,
      "/proc/sys/kernel/osrelease": "6.1.0\n",
    };
    const kernel = fakeKernel([], {
      readFile: (path) => (Object.hasOwn(files, String(path)) ? bytesOf(files[String(path)] ?? "") : -ENOENT),
      readSource: (path) => (path === "p.yaml" ? bytesOf(`version: 1\n${policy}\n`) : -ENOENT),
      pathMode: (path) => (path === "/no" ? -ENOENT : 0o040755),
      write: (_fd, text) => {
        out += text;
        return 0;
      },
    });
    return {
      ...doctor(kernel, { do: "doctor", options: { policy: "p.yaml" }, operands: [], json: true }),
      report: () => JSON.parse(out),
    };
  };
  test("says what it found, and what fdinit does about it", () => {
    const { code, report } = seen("", "0000000000000000");
    expect(code).toBe(0);
    const found = Object.fromEntries(
      report().findings.map(({ what, found }: Record<string, string>) => [what, found]),
    );
    expect(found).toMatchObject({
      kernel: "6.1.0",
      seccomp: "a filter",
      capabilities: "none",
      "new privileges": "forbidden already",
    });
  });
  test("says which capability, directory or port a policy lacks here", () => {
    const policy =
      'fds: { open: { web: { listen: "*:80" } } }\nservices: { app: { user: 7, cwd: /no, nice: -5, fds: { pass: { web: 3 } } } }';
    const { code, report } = seen(policy, "0000000000000000");
    expect(code).toBe(77);
    for (const word of ["CAP_SETUID", "CAP_SETGID", "CAP_SYS_NICE", "CAP_NET_BIND_SERVICE", '"/no"'])
      expect(report().problems.join("\n")).toContain(word);
    expect(seen("services: { app: { user: 7 } }", "000001ffffffffff").code).toBe(0);
  });
});
