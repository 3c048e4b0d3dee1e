// The Dockerfiles of images/static, built as they are written: an image of one file, and a program on scratch with nothing
// but that file, its policy and itself. The same file from a folder of the machine, in an image that knows nothing of it.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, copyFileSync, cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Engine } from "../harness/docker.ts";
import { FDINIT, IS_QUICKJS, ROOT } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeUnless, missing } from "../harness/needs.ts";
import { until } from "../harness/processes.ts";

leaveNothingBehind();

const reason = IS_QUICKJS
  ? missing("dockerd", "busybox", "gcc", "unshare", "root")
  : "it is about the static executable (images@static)";
const HARDENED = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--pids-limit=8"];

describeUnless(reason, "the images of the static executable", () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await Engine.start();
    const folder = temporaryDirectory();
    cpSync(join(ROOT, "images/static"), folder, { recursive: true });
    copyFileSync(FDINIT, join(folder, "fdinit"));
    chmodSync(join(folder, "fdinit"), 0o755);
    expect(engine.buildFolder("fdinit-static", folder)).toMatchObject({ code: 0 });
  }, 120_000);

  afterAll(async () => {
    expect(await engine.stop()).toEqual([]);
  }, 60_000);

  test("fdinit-static is one file that runs by itself", () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    expect(engine.run(...HARDENED, "fdinit-static")).toEqual({
      code: 0,
      stdout: `fdinit ${version} (QuickJS)\n`,
      stderr: "",
    });
    expect(engine.run("fdinit-static", "/nonexistent").code).toBe(127);
  }, 60_000);

  test("from a folder of the machine it is the init of an image that has none", () => {
    const folder = temporaryDirectory();
    chmodSync(folder, 0o755);
    copyFileSync(FDINIT, join(folder, "fdinit"));
    chmodSync(join(folder, "fdinit"), 0o755);
    const Dockerfile = "FROM scratch\nCOPY busybox /busybox\n";
    const built = engine.buildWith("other", Dockerfile, { busybox: Bun.which("busybox") ?? "" });
    expect(built).toMatchObject({ code: 0 });
    const mount = [`--volume=${folder}:/fdinit:ro`, "--user=65532:65532", "--entrypoint=/fdinit/fdinit"];
    const seen = engine.run(
      ...HARDENED,
      ...mount,
      "other",
      "--",
      "/busybox",
      "sh",
      "-c",
      "cat /proc/1/comm; exit 6",
    );
    expect(seen).toEqual({ code: 6, stdout: "fdinit\n", stderr: "" });
  }, 60_000);

  test("a program on scratch is built with its policy checked, runs hardened and ends with its own code", async () => {
    const folder = temporaryDirectory();
    for (const name of ["static", "scratch", "example"])
      cpSync(join(ROOT, "images", name), join(folder, name), { recursive: true });
    for (const path of ["scratch/policy.yaml"]) chmodSync(join(folder, path), 0o644);
    const server = join(folder, "example/server");
    const source = join(ROOT, "images/example/server.c");
    const compiled = Bun.spawnSync(["gcc", "-static", "-O2", "-o", server, source], { timeout: 60_000 });
    expect({ code: compiled.exitCode, stderr: compiled.stderr.toString() }).toEqual({ code: 0, stderr: "" });
    chmodSync(server, 0o755);
    const built = engine.buildFolder("app", folder, join(folder, "static/Dockerfile.app"));
    expect(built).toMatchObject({ code: 0 });
    const started = engine.docker("run", "--detach", "--network=none", ...HARDENED, "app");
    expect(started).toMatchObject({ code: 0 });
    const id = started.stdout.trim();
    await until("the server answers", () => engine.docker("exec", id, "/server", "get").code === 0);
    const before = performance.now();
    expect(engine.docker("stop", "--time=30", id).code).toBe(0);
    expect(performance.now() - before).toBeLessThan(15_000);
    const { code } = engine.ended(id);
    expect([0, 143]).toContain(code);
  }, 120_000);
});
