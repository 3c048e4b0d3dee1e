import { afterEach, expect, test } from "bun:test";
import { fixture } from "../harness/fixtures.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { COUNT_ZOMBIES } from "../harness/processes.ts";
import { Runc, ready, withoutSigurg } from "../harness/runc.ts";

const containers: Runc[] = [];
// Registered before the general clean-up, so that it runs first: bundles are removed after their containers.
afterEach(() => {
  for (const container of containers.splice(0)) container.remove();
});
leaveNothingBehind();

function container(
  args: readonly string[],
  more: object = {},
  files: Record<string, string> = {},
  linux: object = {},
): Runc {
  const made = new Runc(["/fdinit/fdinit", ...args], more, files, linux);
  containers.push(made);
  return made;
}

describeWith(["runc", "busybox", "gcc", "root"], "under runc fdinit", () => {
  test("exits with the program's code, 128 + n, 126 and 127", async () => {
    const codes: [readonly string[], number][] = [
      [["--", "true"], 0],
      [["--", "sh", "-c", "exit 42"], 42],
      [["--", "sh", "-c", "kill -9 $$"], 137],
      [["--", "/etc"], 126],
      [["--", "nonexistent"], 127],
      [["--nonsense"], 64],
      [["--policy", "/nonexistent", "true"], 78],
    ];
    for (const [args, code] of codes) {
      const ended = await container(args).run();
      expect({ args, code: ended.code }).toEqual({ args, code });
    }
  }, 60_000);
  test("is PID 1, and leaves limits and groups of the container as they are", async () => {
    const script = "echo $PPID; ulimit -Sn; ulimit -Hn; id -G";
    const more = { user: { uid: 1000, gid: 1001, additionalGids: [7, 42] } };
    const { code, stdout } = await container(["--", "sh", "-c", script], more).run();
    expect({ code, stdout }).toEqual({ code: 0, stdout: "1\n777\n4096\n1001 7 42\n" });
  });
  test("starts in a user namespace, where root is another user outside", async () => {
    const script = "id -u; cat /proc/self/uid_map; exit 7";
    const made = container(["--", "sh", "-c", script], {}, {}, Runc.USER_NAMESPACE);
    const { code, stdout, stderr } = await made.run();
    expect({ code, words: stdout.split(/\s+/).filter(Boolean), stderr }).toEqual({
      code: 7,
      words: ["0", "0", "100000", "65536"],
      stderr: "",
    });
  });
  test("forwards what runc kill sends", async () => {
    const made = container(["--", "recorder"]);
    const rest = await ready(made.start());
    for (const signal of ["TERM", "HUP", "USR1"]) expect(made.command("kill", signal).code).toBe(0);
    expect(made.command("kill", "KILL").code).toBe(0);
    const { code, stdout } = await rest();
    expect(code).toBe(137);
    expect(withoutSigurg(stdout).split("\n").filter(Boolean).sort()).toEqual(["1 0 0", "10 0 0", "15 0 0"]);
  });
  test("ends with the program that TERM ends", async () => {
    const made = container(["--", "hold"]);
    const rest = await ready(made.start());
    expect(made.command("kill", "TERM").code).toBe(0);
    expect((await rest()).code).toBe(143);
  });
  const PRESERVE = ["--preserve-fds", "3"];
  const SHOW =
    "for p in self 1; do for fd in /proc/$p/fd/*; do echo $p ${fd##*/} $(readlink $fd); done; done";
  /** runc itself behind a launcher that leaves these open. */
  const leaving = (...words: string[]) => [fixture("launch"), ...words, "--", "/usr/bin/env"];
  const ALL = leaving("fd=3:dir:/usr", "fd=4:listen", "fd=5:file:/etc/passwd");

  test("closes the socket that runc --preserve-fds passes, in the program and in PID 1", async () => {
    const wrap = leaving("fd=3:listen", "fd=4:listen", "fd=5:eventfd");
    const { code, stdout } = await container(["--", "sh", "-c", SHOW]).run(PRESERVE, wrap);
    expect(code).toBe(0);
    expect(stdout).not.toContain("socket");
    expect(stdout).not.toMatch(/^self .*eventfd/m);
  });
  test("refuses a directory and a file of the host, and names both", async () => {
    const { code, stdout, stderr } = await container(["--", "sh", "-c", SHOW]).run(PRESERVE, ALL);
    expect({ code, stdout }).toEqual({ code: 77, stdout: "" });
    expect(stderr).toMatch(/descriptor 3 .*usr/);
    expect(stderr).toMatch(/descriptor 5 .*passwd/);
    expect(stderr).not.toMatch(/descriptor 4 /);
  });
  test("closes them where a rule says so", async () => {
    const policy = "version: 1\nfds: { inherited: { rules: [{ match: { fd: 3- }, action: close }] } }\n";
    const made = container(
      ["--policy", "/policy.yaml", "--", "sh", "-c", SHOW],
      {},
      { "policy.yaml": policy },
    );
    const { code, stdout } = await made.run(PRESERVE, ALL);
    expect(code).toBe(0);
    expect(stdout).not.toMatch(/usr|socket|passwd/);
  });
  test("keeps them under intent simplicity, and none of them in PID 1", async () => {
    const { stdout } = await container(["--intent", "simplicity", "--", "sh", "-c", SHOW]).run(PRESERVE, ALL);
    expect(stdout).toMatch(/^self 3 .*usr$/m);
    expect(stdout).toMatch(/^self 4 socket:/m);
    expect(stdout).toMatch(/^self 5 .*passwd$/m);
    expect(stdout).not.toMatch(/^1 \d+ (.*usr|socket.*|.*passwd)$/m);
  });
  test("lets runc exec beside it, and reaps what that leaves behind", async () => {
    const made = container(["--", "hold"]);
    const process = made.start();
    const rest = await ready(process);
    // The shell of exec ends and leaves an orphan, which PID 1 adopts.
    const orphan = made.command("exec", "sh", "-c", "(sh -c 'exit 3' &); echo left");
    expect(orphan).toMatchObject({ code: 0, stdout: "left\n" });
    let found = "";
    for (let look = 0; look < 200 && found !== "0\n"; look++)
      found = made.command("exec", ...COUNT_ZOMBIES).stdout;
    expect(found).toBe("0\n");
    void process.stdin.end();
    expect((await rest()).code).toBe(0);
  });
});
