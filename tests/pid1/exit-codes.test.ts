import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { type Ended, policy, run, type Start } from "../harness/run.ts";

leaveNothingBehind();

const hex = (text: string) => Buffer.from(text).toString("hex");

/** The codes of which no shell makes anything else, and those that mean something to fdinit itself. */
const CODES = [0, 1, 2, 7, 42, 63, 64, 70, 77, 78, 99, 100, 125, 126, 127, 128, 129, 143, 200, 254, 255];
// Without 17 to 23 and 28 (they end nothing), and 32 and 33 (libc's own).
const DEADLY = [...Array(64).keys()]
  .map((index) => index + 1)
  .filter((signal) => !(signal >= 17 && signal <= 23) && signal !== 28 && signal !== 32 && signal !== 33);

describeWith(["unshare"], "fdinit exits", () => {
  test("with the program's own code", async () => {
    for (const code of CODES) expect((await run({ run: ["sh", "-c", `exit ${code}`] })).code).toBe(code);
  });
  test("with the program's own code when not PID 1", async () => {
    for (const code of CODES)
      expect((await run({ as: "child", run: ["sh", "-c", `exit ${code}`] })).code).toBe(code);
  });
  test("with 128 + n when signal n ended the program", async () => {
    const before = "ulimit -c 0";
    for (const signal of DEADLY.filter((number) => number <= 31)) {
      const { code } = await run({ before, run: ["sh", "-c", `kill -${signal} $$; exit 1`] });
      expect({ signal, code }).toEqual({ signal, code: 128 + signal });
    }
  });
  test("with the first program's code, whatever other children end with", async () => {
    const ended = await run({ run: ["sh", "-c", "(sh -c 'exit 9' &) ; (sh -c 'kill -9 $$' &); exit 5"] });
    expect(ended.code).toBe(5);
  });
  test("at once when the program ends and leaves others running, which end with PID 1", async () => {
    expect((await run({ run: ["sh", "-c", "sleep 1000 >&- 2>&- & exit 6"] })).code).toBe(6);
  });
});

describeWith(["gcc", "unshare"], "fdinit exits with 128 + n", () => {
  test("for real-time signals too", async () => {
    for (const signal of DEADLY.filter((number) => number > 31)) {
      const send = `${fixture("send")} $$ ${signal}; exit 1`;
      expect({ signal, ...(await run({ run: ["sh", "-c", send] })) }.code).toBe(128 + signal);
    }
  });
});

/** Files that cannot be executed, each in its way. */
function obstacles(): Record<string, string> {
  const directory = temporaryDirectory();
  const file = (name: string, text: string, mode = 0o755) => {
    const path = join(directory, name);
    writeFileSync(path, text);
    chmodSync(path, mode);
    return path;
  };
  mkdirSync(join(directory, "empty"));
  mkdirSync(join(directory, "full"));
  symlinkSync(join(directory, "loop"), join(directory, "loop"));
  return {
    directory,
    empty: join(directory, "empty"),
    loop: join(directory, "loop"),
    notExecutable: file("data", "echo ran\n", 0o644),
    noInterpreter: file("lost", "#!/nonexistent/interpreter -x\n"),
    dosLines: file("dos", "#!/bin/sh\r\necho ran\r\n"),
    noHashBang: file("plain", 'echo ran "$0" "$@"\n'),
    nothing: file("nothing", ""),
    // A 64-bit executable of no machine
    wrongMachine: file(
      "alien",
      `\x7fELF\x02\x01\x01${"\0".repeat(9)}\x02\0\xfe\x7f\x01\0\0\0${"\0".repeat(40)}`,
    ),
    found: file("full/tool", "#!/bin/sh\necho found\n"),
  };
}

const outcome = ({ code, stdout, stderr }: Ended) => ({ code, stdout, says: stderr.startsWith("fdinit: ") });
const REFUSED = (code: number) => ({ code, stdout: "", says: true });
const try_ = async (program: string, more: Partial<Start> = {}) =>
  outcome(await run({ run: [program, "a b", ""], ...more }));

describeWith(["unshare"], "a program that cannot be started", () => {
  test("is not found: 127", async () => {
    for (const name of ["no-such-program-anywhere", "/nonexistent/program", "./no-such-file", ""])
      expect({ name, ...(await try_(name)) }).toEqual({ name, ...REFUSED(127) });
    expect(await try_(join(obstacles()["noHashBang"] ?? "", "below-a-file"))).toEqual(REFUSED(127));
  });
  test("is there, but cannot be executed: 126", async () => {
    const { directory = "", notExecutable = "", loop = "", wrongMachine = "" } = obstacles();
    for (const path of [directory, notExecutable, loop])
      expect({ path, ...(await try_(path)) }).toEqual({ path, ...REFUSED(126) });
    expect((await try_(wrongMachine)).code).toBeOneOf([126, 2, 127]);
  });
  test("needs an interpreter that is not there: 126, and the message names it", async () => {
    const { noInterpreter = "", dosLines = "" } = obstacles();
    const lost = await run({ run: [noInterpreter] });
    expect(outcome(lost)).toEqual(REFUSED(126));
    expect(lost.stderr).toContain("/nonexistent/interpreter");
    const dos = await run({ run: [dosLines] });
    expect(outcome(dos)).toEqual(REFUSED(126));
    expect(dos.stderr).toContain("DOS");
  });
  test("is found in PATH but may not be executed: 126, unless a later directory has a better one", async () => {
    const { directory = "", empty = "" } = obstacles();
    expect(await try_("data", { env: { PATH: `${empty}:${directory}:/usr/bin:/bin` } })).toEqual(
      REFUSED(126),
    );
    const better = temporaryDirectory();
    writeFileSync(join(better, "data"), "#!/bin/sh\necho better\n", { mode: 0o755 });
    const env = { PATH: `${directory}:${better}:/usr/bin:/bin` };
    expect(await try_("data", { env })).toEqual({ code: 0, stdout: "better\n", says: false });
  });
  test("has a name too long for any file system", async () => {
    expect((await try_("x".repeat(300))).code).toBeOneOf([126, 127]);
    expect((await try_(`/${"x".repeat(5000)}`)).code).toBeOneOf([126, 127]);
  });
});

describeWith(["unshare", "root"], "a program on a file system mounted noexec", () => {
  test("cannot be executed: 126", async () => {
    const directory = temporaryDirectory();
    const before = `mount -t tmpfs -o noexec none ${directory}; printf '#!/bin/sh\\n' > ${directory}/p; chmod 755 ${directory}/p`;
    expect(await try_(`${directory}/p`, { before })).toEqual(REFUSED(126));
  });
});

describeWith(["unshare"], "a program is found", () => {
  test("as a script without #!, run by /bin/sh with its own name and arguments", async () => {
    const { noHashBang = "", nothing = "" } = obstacles();
    const found = { code: 0, stdout: `ran ${noHashBang} a b \n`, says: false };
    expect(await try_(noHashBang)).toEqual(found);
    expect(await try_(nothing)).toEqual({ code: 0, stdout: "", says: false });
  });
  test("in an empty entry of PATH, which means the working directory", async () => {
    const { directory = "" } = obstacles();
    const cwd = join(directory, "full");
    const found = { code: 0, stdout: "found\n", says: false };
    for (const PATH of [`:/usr/bin:/bin`, `/usr/bin:/bin:`, `/usr/bin::/bin`, "."])
      expect({ PATH, ...(await tool(PATH, cwd)) }).toEqual({ PATH, ...found });
    expect(await tool("/usr/bin:/bin", cwd)).toEqual(REFUSED(127));
  });
  test("relative to the working directory, when its name has a slash", async () => {
    const { directory = "" } = obstacles();
    expect(await try_("full/tool", { cwd: directory })).toEqual({ code: 0, stdout: "found\n", says: false });
  });
  test("relative to the service's working directory, when the policy gives one", async () => {
    const { directory = "" } = obstacles();
    const options = policy(`version: 1\nservices: { app: { command: [./tool], cwd: ${directory}/full } }\n`);
    expect(await try_("./tool", { options })).toEqual({ code: 0, stdout: "found\n", says: false });
  });
});

/** PATH is set for fdinit alone: unshare itself has to be found. */
async function tool(path: string, cwd: string) {
  const before = `PATH=${path}`;
  return outcome(await run({ before, cwd, run: ["tool"] }));
}

describeWith(["gcc", "unshare"], "with PATH", () => {
  test("unset, the usual directories are searched", async () => {
    const ended = await run({ launch: ["clearenv"], run: ["sh", "-c", "echo ran"] });
    expect(ended).toEqual({ code: 0, stdout: "ran\n", stderr: "" });
  });
  test("empty, only the working directory is", async () => {
    const { directory = "" } = obstacles();
    const launch = ["clearenv", `env=${hex("PATH=")}`];
    expect((await run({ launch, run: ["sh", "-c", ":"] })).code).toBe(127);
    expect(await try_("tool", { launch, cwd: join(directory, "full") })).toEqual({
      code: 0,
      stdout: "found\n",
      says: false,
    });
  });
});
