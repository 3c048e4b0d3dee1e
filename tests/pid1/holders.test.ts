// Keep-alive tokens, and who still has a pipe of a service that has ended, with the executable as PID 1.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { FDINIT } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith, UNSHARE } from "../harness/needs.ts";
import { children, descriptors, hasEnded, until, untilWaiting } from "../harness/processes.ts";
import { policy, run, start } from "../harness/run.ts";

leaveNothingBehind();

const lease = (more = {}) =>
  policy(
    JSON.stringify({
      version: 1,
      fds: { open: { lease: { token: true } } },
      services: { app: { fds: { pass: { lease: 5 } } } },
      ...more,
    }),
  );

describeWith(["gcc", "unshare"], "a keep-alive token", () => {
  test("is gone with the tree when its last holder ends", async () => {
    const { code, stderr } = await run({ run: ["sh", "-c", "exit 4"], options: lease() });
    expect(code).toBe(4);
    expect(stderr).toBe(
      'fdinit: token "lease" is gone: the last process that held it has ended, and the tree is gone\n',
    );
  });

  test("is reported at once, while the service runs on, when something closed it on the way", async () => {
    const script = "exec 5>&-; echo ready; read line";
    const running = await start({ run: ["sh", "-c", script], options: lease() }).ready();
    const pid = await running.pid();
    const payload = await running.payload();
    await until("PID 1 has closed its end", () => !Object.values(descriptors(pid)).some(isPipe));
    // It looks at the tree afterwards, which has to be there until then.
    await untilWaiting(pid);
    expect(hasEnded(payload)).toBe(false);
    const { stderr } = await running.finished();
    expect(stderr).toBe(
      `fdinit: token "lease" is gone, but 1 process of the tree is alive (something between closed its descriptors): 2 (sh -c ${script})\n`,
    );
  });

  test("outlives the service in a grandchild, and its holder is named", async () => {
    const script = "sleep 1000 >/dev/null 2>&1 </dev/null & exit 3";
    const options = lease({ reaping: { orphans: "terminate" } });
    const { code, stderr } = await run({ run: ["sh", "-c", script], options });
    expect(code).toBe(3);
    expect(stderr).toMatch(
      /^fdinit: app has ended, and token "lease" \(pipe:\[\d+\]\) is still open in process 3 \(.*sleep.*\) as 5\n/,
    );
    expect(stderr).toEndWith("and the tree is gone\n");
  });

  test("never wakes PID 1 for ever, even when a holder writes to it", async () => {
    const script = "echo noise >&5; echo ready; read line";
    const running = await start({ run: ["sh", "-c", script], options: lease() }).ready();
    const pid = await running.pid();
    const switches = () => /voluntary_ctxt_switches:\s*(\d+)/.exec(statusOf(pid))?.[1];
    await until("it waits again", () => children(pid).length === 1);
    let before = switches();
    await until("it is quiet", () => {
      const now = switches();
      const same = now === before;
      before = now;
      return same;
    });
    expect((await running.finished()).stderr).toContain('token "lease" is gone');
  });
});

function statusOf(pid: number): string {
  return Bun.spawnSync(["cat", `/proc/${pid}/status`]).stdout.toString();
}

function isPipe(link: string): boolean {
  return link.startsWith("pipe:");
}

/** Standard output is a pipe, which the harness's own is not. */
function piped(command: readonly string[]) {
  const words = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  return run({ run: ["sh", "-c", `${words} | cat`], direct: true, as: "child" });
}

describeWith(["gcc", "unshare"], "the deadlock finder", () => {
  test("names who still has standard output open when the service has ended", async () => {
    const script = "sleep 0.2 2>/dev/null </dev/null & exit 0";
    const waiting = policy("version: 1\nreaping: { orphans: wait }\n");
    const { stderr } = await piped([...UNSHARE, FDINIT, ...waiting, "--", "sh", "-c", script]);
    expect(stderr).toMatch(
      /^fdinit: main has ended, and its standard output \(pipe:\[\d+\]\) is still open in process 3 \(.*sleep.*\) as 1\n$/,
    );
  });

  test("says nothing when nobody has, when who has is asked to end, and when fdinit's end is everybody's", async () => {
    const asked = [FDINIT, "--", "sh", "-c", "sleep 1000 </dev/null & exit 0"];
    expect((await piped([...UNSHARE, ...asked])).stderr).toBe("");
    const quiet = "sleep 1000 >/dev/null 2>&1 </dev/null & exit 0";
    expect((await run({ run: ["sh", "-c", quiet] })).stderr).toBe("");
    const leaving = [FDINIT, "--intent", "simplicity", "--", "sh", "-c", "sleep 1000 </dev/null & exit 0"];
    expect((await piped([...UNSHARE, ...leaving])).stderr).toBe("");
  });

  test("says so where fdinit is not PID 1 and leaves orphans behind", async () => {
    // It ends by itself once nobody reads any more what it writes: the reader reads on until fdinit has spoken.
    const script = "while echo alive; do sleep 0.1; done </dev/null 2>/dev/null & exit 0";
    const leaving = [FDINIT, "--intent", "simplicity", "--", "sh", "-c", script];
    const words = leaving.map((word) => `"${word}"`).join(" ");
    const over = join(temporaryDirectory(), "over");
    const read = `{ ${words}; : >${over}; } | { read line; echo $line; until [ -e ${over} ]; do read line; done; }`;
    const { stdout, stderr } = await run({ run: ["sh", "-c", read], direct: true, as: "child" });
    expect(stdout).toBe("alive\n");
    expect(stderr).toMatch(/still open in process \d+ \(sh -c .*\) as 1/);
  });
});

describeWith(["gcc", "unshare", "python3"], "the deadlock finder, of what is in flight,", () => {
  test("names the process whose socket holds it", async () => {
    // The read end's reader would wait for ever: the write end is in a socket's queue, in nobody's table.
    const program = `import os, socket, array, time
a, b = socket.socketpair()
a.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [5]))])
os.close(5)
if os.fork() == 0:
  os.dup2(os.open("/dev/null", os.O_RDWR), 1); os.dup2(1, 2); os.dup2(1, 0); time.sleep(1000)
os._exit(0)`;
    const { stderr } = await run({ run: ["python3", "-c", program], options: lease() });
    expect(stderr).toMatch(
      /app has ended, and token "lease" \(pipe:\[\d+\]\) is still open in process \d+ \(\S*python3 .*\) in flight over one of its sockets \(SCM_RIGHTS\)/s,
    );
  });
});
