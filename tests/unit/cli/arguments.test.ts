import { describe, expect, test } from "bun:test";
import { readArguments } from "../../../init/cli/arguments.ts";
import { findPolicy } from "../../../init/cli/policy-source/find-policy.ts";
import { readSubcommand } from "../../../init/cli/read-subcommand.ts";
import { report } from "../../../init/cli/reports/reports.ts";
import { EISDIR, ENOENT, ETIMEDOUT } from "../../../init/sys/libc/errno.ts";
import { bytesOf } from "../../../init/sys/text/bytes.ts";
import { fakeKernel } from "../fake-kernel.ts";

const read = (line: string, variables: Record<string, string> = {}) =>
  readArguments(
    line === "" ? [] : line.split(" "),
    (name) => variables[name],
    () => ({ readSubcommand }),
  );

describe("the command line", () => {
  test.each([
    ["", { do: "run", options: {} }],
    ["app -x --policy y", { do: "run", options: {}, programAt: 1 }],
    ["-- app", { do: "run", options: {}, programAt: 2 }],
    ["-- check", { do: "run", options: {}, programAt: 2 }],
    ["--", { do: "run", options: {} }],
    ["--policy p.yaml app", { do: "run", options: { policy: "p.yaml" }, programAt: 3 }],
    ["--policy=p=q app", { do: "run", options: { policy: "p=q" }, programAt: 2 }],
    ["--intent simplicity -- app", { do: "run", options: { intent: "simplicity" }, programAt: 4 }],
    ["- x", { do: "run", options: {}, programAt: 1 }],
    ["--help", { do: "help", options: {}, operands: [] }],
    ["-V", { do: "version", options: {}, operands: [] }],
    ["version", { do: "version", options: {}, operands: [] }],
    ["check -- -a", { do: "check", options: {}, operands: ["-a"] }],
    ["plan", { do: "plan", options: {}, operands: [] }],
    [
      "--policy p plan --json -- app --json",
      { do: "plan", options: { policy: "p" }, operands: ["app", "--json"], json: true, programAt: 6 },
    ],
    ["plan app -x", { do: "plan", options: {}, operands: ["app", "-x"], programAt: 2 }],
    ["plan --", { do: "plan", options: {}, operands: [] }],
    ["audit --pid=7 --suggest", { do: "audit", options: {}, operands: [], pid: 7, suggest: true }],
    ["audit --intent simplicity", { do: "audit", options: { intent: "simplicity" }, operands: [] }],
    ["policies nginx", { do: "policies", options: {}, operands: ["nginx"] }],
    ["status --json", { do: "status", options: {}, operands: [], json: true }],
    [
      "stop --timeout 5s --no-wait a b",
      { do: "stop", options: {}, operands: ["a", "b"], timeout: "5s", noWait: true },
    ],
    [
      "--policy p restart --control=/s a",
      { do: "restart", options: { policy: "p" }, operands: ["a"], control: "/s" },
    ],
    ["health --quiet", { do: "health", options: {}, operands: [], quiet: true }],
    ["-- stop a", { do: "run", options: {}, programAt: 2 }],
    [
      "check --strict --format=json a",
      { do: "check", options: {}, operands: ["a"], strict: true, format: "json" },
    ],
    ["help 77", { do: "help", options: {}, operands: ["77"] }],
    [
      "convert Dockerfile --from dockerfile",
      { do: "convert", options: {}, operands: ["Dockerfile"], from: "dockerfile" },
    ],
    ["check --help", { do: "help", options: {}, operands: ["check"] }],
    ["--policy p check a b", { do: "check", options: { policy: "p" }, operands: ["a", "b"] }],
  ] as const)("%j", (line, invocation) => {
    expect(read(line)).toEqual(invocation as never);
  });

  test.each([
    "--polcy x",
    "-x app",
    "--policy",
    "--policy=",
    "--intent fast app",
    "check --json",
    "check --format xml",
    "completion bash zsh",
    "audit --pid 0",
    "audit --pid x",
    "audit --pid",
    "audit 7",
    "audit --json --suggest",
    "plan --json=yes",
    "plan --intent fast",
    "schema policy",
    "policies a b",
    "stop",
    "signal web",
    "signal web HUP more",
    "start --timeout soon web",
    "status web",
    "health --quiet=yes",
  ])("complains about %j", (line) => {
    expect(read(line).do).toBe("complain");
  });

  test("takes variables where no option is given, and an empty one for unset", () => {
    const variables = { FDINIT_POLICY: "v.yaml", FDINIT_INTENT: "performance" };
    expect(read("app", variables)).toMatchObject({ options: { policy: "v.yaml", intent: "performance" } });
    expect(read("--policy o --intent security app", variables)).toMatchObject({
      options: { policy: "o", intent: "security" },
    });
    expect(read("app", { FDINIT_POLICY: "", FDINIT_INTENT: "" })).toMatchObject({ options: {} });
    expect(read("app", { FDINIT_INTENT: "x" }).do).toBe("complain");
  });
});

describe("finding the policy", () => {
  const files = (map: Record<string, Uint8Array | number>) =>
    fakeKernel([], {
      readFile: (path) => (Object.hasOwn(map, path as string) ? (map[path as string] ?? -ENOENT) : -ENOENT),
    });

  test("takes /etc/fdinit/policy.yaml when none is named, and none at all when that is not there", () => {
    const bytes = bytesOf("version: 1");
    const name = "/etc/fdinit/policy.yaml";
    expect(findPolicy(files({ [name]: bytes }), undefined)).toEqual({ ok: true, source: { name, bytes } });
    expect(findPolicy(files({}), undefined)).toEqual({ ok: true, source: undefined });
  });

  test("does not start where the folder is there and the policy is not, and names what is", () => {
    const kernel = (names: string[]) =>
      fakeKernel([], {
        readFile: (path) => (path === "/etc/fdinit" ? new Uint8Array() : -ENOENT),
        listFolder: () => names,
      });
    const message = (names: string[]) => {
      const found = findPolicy(kernel(names), undefined);
      return found.ok ? "" : found.message;
    };
    expect(message(["policy.yml"])).toContain("policy.yml");
    expect(message(["policy.yml"])).toContain("--policy /etc/fdinit/policy.yml");
    expect(message(["..data/", "app.conf"])).toContain('"app.conf"');
    expect(message([])).toContain("empty");
    expect(findPolicy(kernel([]), "nginx").ok).toBe(true);
  });

  test("does not start without one that is there and cannot be read", () => {
    expect(findPolicy(files({ "/etc/fdinit/policy.yaml": -EISDIR }), undefined).ok).toBe(false);
    expect(findPolicy(files({}), "/nope.yaml").ok).toBe(false);
  });

  test("gives up one that never comes", () => {
    const found = findPolicy(files({ "/fifo": -ETIMEDOUT }), "/fifo");
    expect(found.ok === false && found.message).toMatch(/^cannot read the policy "\/fifo": ETIMEDOUT.*10 s/);
  });

  test("knows the embedded ones by name, and names them when asked for another", () => {
    expect(findPolicy(files({}), "nginx")).toMatchObject({ ok: true, source: { name: "nginx" } });
    expect(findPolicy(files({}), "ngnix")).toMatchObject({
      ok: false,
      message: expect.stringContaining("nginx"),
    });
    expect(findPolicy(files({}), "toString").ok).toBe(false);
  });
});

test("help and version go to standard output with exit code 0", () => {
  for (const name of ["help", "version"] as const) {
    const written: [number, string][] = [];
    const kernel = fakeKernel([], { write: (fd, text) => written.push([fd, text]) });
    expect(report(kernel, { do: name, options: {}, operands: [] }, [5])).toEqual({ code: 0 });
    expect(written).toEqual([[1, expect.stringContaining("fdinit")]]);
  }
});
