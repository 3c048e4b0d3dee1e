import { afterAll, beforeAll, expect, test } from "bun:test";
import { Containerd } from "../harness/ctr.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { until } from "../harness/processes.ts";

leaveNothingBehind();

describeWith(
  ["containerd", "ctr", "runc", "busybox", "gcc", "unshare", "root"],
  "under containerd fdinit",
  () => {
    let containerd: Containerd;
    beforeAll(async () => {
      containerd = await Containerd.start();
    }, 60_000);
    afterAll(() => containerd.stop(), 60_000);

    test("gives ctr run the program's code, and is PID 1", () => {
      const answer = containerd.run("codes", [], "/bin/sh", "-c", "echo $PPID; exit 42");
      expect({ code: answer.code, stdout: answer.stdout }).toEqual({ code: 42, stdout: "1\n" });
      expect(containerd.run("killed", [], "/bin/sh", "-c", "kill -9 $$").code).toBe(137);
      expect(containerd.run("missing", [], "/nonexistent").code).toBe(127);
    });

    test("runs read-only, with containerd's seccomp profile and little memory", () => {
      const options = ["--read-only", "--seccomp", "--memory-limit=16777216"];
      const { code, stderr } = containerd.run("hardened", options, "/bin/sh", "-c", "exit 9");
      expect({ code, stderr }).toEqual({ code: 9, stderr: "" });
    });

    test("forwards what ctr task kill sends, with a program of ctr task exec beside it", async () => {
      const script = "trap 'exit 33' TERM; while :; do sleep 0.05; done";
      const words = ["/fdinit/fdinit", "--", "/bin/sh", "-c", script];
      expect(containerd.ctr("run", "--detach", "--rootfs", containerd.rootfs, "task", ...words).code).toBe(0);
      expect(
        containerd.ctr("task", "exec", "--exec-id", "beside", "task", "/bin/sh", "-c", "exit 5").code,
      ).toBe(5);
      await until("it has ended", () => {
        containerd.ctr("task", "kill", "--signal", "TERM", "task");
        return containerd.ctr("task", "ls").stdout.includes("STOPPED");
      });
      // ctr's own exit code is the task's.
      expect(containerd.ctr("task", "delete", "task").stderr).toContain("33");
      expect(containerd.ctr("container", "delete", "task").code).toBe(0);
    }, 60_000);
  },
);
