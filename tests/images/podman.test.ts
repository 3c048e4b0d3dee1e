// The static executable in Podman: as the init that Podman mounts into a container, whatever C library the image has or has
// not, as PID 1 of an image of its own, from an image that is mounted, behind a launcher that passes sockets, and as the program behind a pod.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { FDINIT, IS_QUICKJS } from "../harness/fixtures.ts";
import { leaveNothingBehind, letLast, temporaryDirectory } from "../harness/leftovers.ts";
import { describeUnless, missing } from "../harness/needs.ts";
import { bareRoot, Podman, whyNoPodman } from "../harness/podman.ts";
import { until } from "../harness/processes.ts";
import { freePort, request } from "../harness/requests.ts";

leaveNothingBehind();

const reason = IS_QUICKJS
  ? (missing("podman", "runc", "busybox", "unshare", "root") ?? whyNoPodman())
  : "it is about the static executable (images@static)";

function put(file: string): void {
  copyFileSync(FDINIT, file);
  chmodSync(file, 0o755);
}

describeUnless(reason, "in Podman", () => {
  let engine: Podman;
  let init = "";

  beforeAll(() => {
    engine = new Podman();
    init = join(engine.helpers, "fdinit");
    put(init);
    expect(engine.import("bare", bareRoot(temporaryDirectory()), "ENV PATH=/bin")).toMatchObject({ code: 0 });
    const own = bareRoot(temporaryDirectory());
    put(join(own, "fdinit"));
    const entry = 'ENTRYPOINT ["/fdinit","--"]';
    expect(engine.import("own", own, "ENV PATH=/bin", entry)).toMatchObject({ code: 0 });
  }, 120_000);

  afterAll(() => {
    expect(engine.stop()).toEqual([]);
  }, 120_000);

  test("--init-path makes it the init of an image without any C library", () => {
    const script = "echo $PPID; cat /proc/1/comm; exit 42";
    const words = ["--init", `--init-path=${init}`, "bare"];
    expect(engine.run(...words, "sh", "-c", script)).toEqual({
      code: 42,
      stdout: "1\npodman-init\n",
      stderr: "",
    });
    expect(engine.run(...words, "sh", "-c", "kill -9 $$").code).toBe(137);
  }, 60_000);

  test("podman stop ends a program behind it at once, with the program's code", async () => {
    const words = ["--detach", "--network=none", "--init", `--init-path=${init}`, "bare"];
    const script = "trap 'exit 33' TERM; echo ready; sleep 1000 & wait";
    const { code, stdout, stderr } = engine.podman("run", ...words, "sh", "-c", script);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const id = stdout.trim();
    await until("the container is ready", () => engine.podman("logs", id).stdout.includes("ready"));
    const before = performance.now();
    expect(engine.podman("stop", "--time=30", id)).toMatchObject({ code: 0 });
    expect(performance.now() - before).toBeLessThan(20_000);
    expect(engine.podman("wait", id).stdout).toBe("33\n");
  }, 90_000);

  test("is PID 1 of an image of its own, under the options that a person hardens with", () => {
    const hardened = [
      "--read-only",
      "--cap-drop=all",
      "--user=1000:1000",
      "--security-opt=no-new-privileges",
    ];
    const script = "echo $PPID; exit 7";
    expect(engine.run(...hardened, "own", "sh", "-c", script)).toEqual({
      code: 7,
      stdout: "1\n",
      stderr: "",
    });
    expect(engine.run("own", "nonexistent").code).toBe(127);
  }, 60_000);

  test("is the program behind a pod, and ends with it", () => {
    put(join(engine.helpers, "catatonit"));
    const { code, stderr } = engine.podman("pod", "create", "--name=pod", "--network=none", "--share=pid");
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(engine.podman("pod", "start", "pod")).toMatchObject({ code: 0 });
    const seen = engine.podman("run", "--rm", "--pod=pod", "bare", "sh", "-c", "cat /proc/1/cmdline; exit 3");
    expect(seen).toMatchObject({ code: 3, stdout: "/catatonit\0-P\0" });
    const version = engine.podman("exec", infraOf("pod"), "/catatonit", "--version");
    expect(version).toMatchObject({ code: 0 });
    expect(version.stdout).toContain("fdinit");
    const before = performance.now();
    expect(engine.podman("pod", "stop", "--time=30", "pod")).toMatchObject({ code: 0 });
    expect(performance.now() - before).toBeLessThan(20_000);
  }, 120_000);

  test("--mount type=image brings it into an image that has none, read-only", () => {
    const words = ["--read-only", "--mount=type=image,source=own,destination=/fdinit"];
    const entry = '--entrypoint=["/fdinit/fdinit","--"]';
    const seen = engine.run(...words, entry, "bare", "sh", "-c", "cat /proc/1/comm; exit 6");
    expect(seen).toEqual({ code: 6, stdout: "fdinit\n", stderr: "" });
  }, 60_000);

  test("a container copies it into a volume, from which it is the init of an image that has none", () => {
    const copy = '--entrypoint=["busybox","cp","/fdinit","/shared/fdinit"]';
    expect(engine.run("--volume=shared:/shared", copy, "own")).toMatchObject({ code: 0, stderr: "" });
    const words = ["--read-only", "--cap-drop=all", "--user=65532:65532", "--volume=shared:/fdinit:ro"];
    const entry = '--entrypoint=["/fdinit/fdinit","--"]';
    const seen = engine.run(...words, entry, "bare", "sh", "-c", "cat /proc/1/comm; exit 6");
    expect(seen).toEqual({ code: 6, stdout: "fdinit\n", stderr: "" });
  }, 60_000);

  describeUnless(missing("systemd-socket-activate"), "behind systemd-socket-activate", () => {
    const tell =
      'echo "$LISTEN_FDS $LISTEN_FDNAMES"; test "$LISTEN_PID" = $$; echo $?; test -S /dev/fd/3; echo $?';

    test.each([
      ["is closed under the default", "version: 1\n", " \n1\n1\n"],
      [
        "is the program's under a rule with its name",
        "version: 1\nfds: { inherited: { rules: [{ match: { name: http }, action: keep }] } }\n",
        "1 http\n0\n0\n",
      ],
    ])("a socket that Podman passes on %s", async (_, text, expected) => {
      const folder = temporaryDirectory();
      const port = freePort();
      writeFileSync(join(folder, "policy.yaml"), text);
      const options = ["run", "--rm", "--network=none", `--volume=${folder}:/etc/fdinit:ro`, "own"];
      const variables = Object.entries(engine.environment).map(
        ([name, value]) => `--setenv=${name}=${value}`,
      );
      const launcher = [
        "systemd-socket-activate",
        ...variables,
        "--fdname=http",
        `--listen=127.0.0.1:${port}`,
      ];
      const running = Bun.spawn([...launcher, ...engine.command(...options, "sh", "-c", tell)], {
        stdio: ["ignore", "pipe", "pipe"],
      });
      letLast(running.pid);
      await until("the launcher listens", async () => (await request(port, "")) !== "refused");
      expect(await new Response(running.stdout).text()).toBe(expected);
      expect(await running.exited).toBe(0);
      const said = await new Response(running.stderr).text();
      expect(said.includes('descriptor 3 ("http" of LISTEN_FDS) is not passed on')).toBe(
        expected.startsWith(" "),
      );
    });
  });

  describe("playing Kubernetes' YAML", () => {
    const policy = `version: 1
services:
  app:
    command: [sh, -c, "sh -c 'sleep 1000 & echo $$!'; trap 'exit 7' TERM; echo ready; sleep 1000 & wait"]
control: { socket: /run/fdinit/control }
report: /dev/termination-log
`;

    test("with shareProcessNamespace fdinit is not PID 1 and adopts orphans; a key of another name is its policy", async () => {
      put(join(engine.helpers, "catatonit"));
      const folder = temporaryDirectory();
      const message = join(folder, "message");
      writeFileSync(message, "");
      const map = {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "policies" },
        data: { app: policy },
      };
      const container = {
        name: "app",
        image: "localhost/own",
        imagePullPolicy: "Never",
        command: ["/fdinit"],
        env: [{ name: "FDINIT_POLICY", value: "/policies/app" }],
        securityContext: { readOnlyRootFilesystem: true },
        volumeMounts: [
          { name: "policies", mountPath: "/policies" },
          { name: "run", mountPath: "/run/fdinit" },
          { name: "message", mountPath: "/dev/termination-log" },
        ],
      };
      const volumes = [
        { name: "policies", configMap: { name: "policies" } },
        { name: "run", emptyDir: {} },
        // The kubelet's part.
        { name: "message", hostPath: { path: message, type: "File" } },
      ];
      const spec = { shareProcessNamespace: true, containers: [container], volumes };
      const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "shared" }, spec };
      const file = join(folder, "pod.yaml");
      writeFileSync(file, [map, pod].map((each) => JSON.stringify(each)).join("\n---\n"));
      const { code, stderr } = engine.podman("kube", "play", "--network=none", file);
      expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });

      const said = () => engine.podman("logs", "shared-app").stdout;
      await until("the program is ready", () => said().endsWith("ready\n"));
      const orphan = said().split("\n")[0];
      const within = (...words: string[]) => engine.podman("exec", "shared-app", ...words).stdout;
      const script = `set -- $(cat /proc/${orphan}/stat); echo $4; cat /proc/$4/comm; cat /proc/1/comm; /fdinit health`;
      const [parent, name, first, health] = within("sh", "-c", script).split("\n");
      expect({ name, first, health }).toEqual({ name: "fdinit", first: "catatonit", health: "healthy" });
      expect(Number(parent)).toBeGreaterThan(1);

      expect(engine.podman("stop", "--time=30", "shared-app")).toMatchObject({ code: 0 });
      expect(engine.podman("inspect", "--format={{.State.ExitCode}}", "shared-app").stdout).toBe("7\n");
      expect(readFileSync(message, "utf8")).toMatch(/^app exited with code 7 after .*; exit code 7\n$/);
    }, 60_000);

    test("a policy behind the kubelet's links is read without root, and so is the one that takes its place", () => {
      const folder = temporaryDirectory();
      // As the kubelet makes it: writable for everybody, and mounted read-only.
      chmodSync(folder, 0o777);
      const publish = (version: string, word: string) => {
        mkdirSync(join(folder, version), { mode: 0o755 });
        const policy = `version: 1\nservices: { app: { command: [busybox, echo, ${word}] } }\n`;
        writeFileSync(join(folder, version, "policy.yaml"), policy);
        // A new link, renamed over the old one.
        symlinkSync(version, join(folder, "..data_tmp"));
        renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
      };
      const said = () => {
        const words = ["--user=65532:65532", `--volume=${folder}:/etc/fdinit:ro`, "--entrypoint=/fdinit"];
        const { stdout, stderr } = engine.run(...words, "own");
        return stdout + stderr;
      };
      publish("..2026_01", "first");
      symlinkSync("..data/policy.yaml", join(folder, "policy.yaml"));
      expect(said()).toBe("first\n");
      publish("..2026_02", "second");
      expect(said()).toBe("second\n");
    }, 60_000);

    test("a start that fails leaves the termination message empty, and says why in the log, which the kubelet then takes", () => {
      const folder = temporaryDirectory();
      writeFileSync(join(folder, "message"), "");
      const one = "version: 1\nservices: { app: { command: [absent] } }\nreport: /dev/termination-log\n";
      writeFileSync(join(folder, "policy.yaml"), one);
      const mounts = ["policy.yaml:/etc/fdinit/policy.yaml:ro", "message:/dev/termination-log"];
      const options = mounts.map((mount) => `--volume=${folder}/${mount}`);
      const { code, stderr } = engine.run(...options, "--entrypoint=/fdinit", "own");
      expect(code).toBe(127);
      expect(stderr).toContain('policy.yaml:2:30: cannot execute "absent": not found in PATH');
      expect(readFileSync(join(folder, "message"), "utf8")).toBe("");
    });
  });

  /** The container behind a pod. */
  function infraOf(pod: string): string {
    const format = "--format={{.InfraContainerID}}";
    return engine.podman("pod", "inspect", format, pod).stdout.trim();
  }
});
