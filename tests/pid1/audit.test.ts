// `fdinit audit` of real processes: what they inherited and what they opened themselves, by whose policy they are judged, and that
// a suggested policy starts the program when it is used as it is.

import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { FDINIT } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { policy, run } from "../harness/run.ts";

leaveNothingBehind();

interface Judged {
  readonly fd: number;
  readonly openedBy: { readonly by: string } | null;
}

/** Runs `script` with a descriptor 7 of its parent's; `$AUDITED` is a process that inherited it. */
function withInherited(script: string, cwd = temporaryDirectory()) {
  const whole = `exec 7</etc/passwd; sleep 100 & AUDITED=$!; export AUDITED; ${script}\nkill $AUDITED`;
  const { exitCode, stdout, stderr } = Bun.spawnSync(["sh", "-c", whole], { cwd, stdin: "ignore" });
  return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

test("a descriptor that the parent has too was inherited", () => {
  const { stdout } = withInherited(`'${FDINIT}' audit --json --pid $AUDITED`);
  const { descriptors } = JSON.parse(stdout) as { descriptors: Judged[] };
  expect(descriptors.find(({ fd }) => fd === 7)?.openedBy).toMatchObject({ by: "inherited" });
});

test.skipIf(Bun.which("python3") === null)("one that is close-on-exec the program opened itself", () => {
  const script = `import os, subprocess, sys
os.dup2(os.open("/etc/hosts", os.O_RDONLY), 9, inheritable=False)
sys.exit(subprocess.run(sys.argv[1:] + ["--pid", str(os.getpid())]).returncode)`;
  const audit = [FDINIT, "audit", "--json"];
  const { stdout } = Bun.spawnSync(["python3", "-c", script, ...audit], { stdin: "ignore" });
  const { descriptors } = JSON.parse(stdout.toString()) as { descriptors: Judged[] };
  expect(descriptors.find(({ fd }) => fd === 9)?.openedBy).toMatchObject({ by: "itself" });
});

test("a suggested policy starts the program with what it had, when it is used as it is", () => {
  const cwd = temporaryDirectory();
  writeFileSync(join(cwd, "app.sh"), 'readlink /proc/$$/fd/7; pwd; [ -n "$AGAIN" ] || exec sleep 100\n');
  const start = `sh ./app.sh 'a b' '\${X}' >/dev/null & APP=$!
until [ "$(cat /proc/$APP/comm)" = sleep ]; do :; done
'${FDINIT}' audit --suggest --pid $APP > suggested.yaml; echo audit $?
kill $APP
'${FDINIT}' check suggested.yaml; echo check $?
# The program has become sleep: the policy starts that.
'${FDINIT}' --policy suggested.yaml & INIT=$!
until CHILD=$(cat /proc/$INIT/task/$INIT/children) && [ -n "$CHILD" ] && [ "$(cat /proc/\${CHILD% }/comm)" = sleep ]; do :; done
readlink /proc/\${CHILD% }/fd/7; readlink /proc/\${CHILD% }/cwd; kill $INIT; wait $INIT; echo ended $?`;
  const { stdout, stderr } = withInherited(start, cwd);
  expect(stderr).toBe("");
  expect(stdout.trim().split("\n")).toEqual([
    "audit 0",
    "ok: suggested.yaml",
    "check 0",
    "/etc/passwd",
    cwd,
    "ended 143",
  ]);
});

describeWith(["unshare"], "inside a container", () => {
  test("another process is judged by the policy that PID 1 runs by", async () => {
    const options = policy("version: 1\nfds: { inherited: { default: keep } }\n");
    const { stdout, code } = await run({
      options,
      run: [
        "sh",
        "-c",
        `exec 5</etc/passwd; sleep 100 & '${FDINIT}' audit --pid $!; code=$?; kill $!; exit $code`,
      ],
    });
    expect(stdout).toContain(`policy   ${options[1]}, intent security`);
    expect(code).toBe(0);
  });
});
