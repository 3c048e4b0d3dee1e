import { afterAll, beforeAll, expect, test } from "bun:test";
import { Containerd } from "../harness/ctr.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";

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
      expect(await containerd.killed(containerd.rootfs, "/bin/sh")).toEqual({
        started: 0,
        beside: 5,
        said: expect.stringContaining("33"),
        deleted: 0,
      });
    }, 60_000);
  },
);
