// fdinit as the init that a Docker engine mounts into containers (dockerd --init-path, docker run --init): in
// an image that has the C library fdinit needs, and in one that does not.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Engine } from "../harness/docker.ts";
import { FDINIT, IS_QUICKJS } from "../harness/fixtures.ts";
import { leaveNothingBehind } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";

leaveNothingBehind();

const IMAGE = "fdinit-drop-in";
const BARE = "--entrypoint=";

describeWith(["dockerd", "busybox", "gcc", "unshare", "root"], "as dockerd's init", () => {
  const directory = mkdtempSync(join(tmpdir(), "fdinit-init-"));
  const init = join(directory, "docker-init");
  let engine: Engine;

  beforeAll(async () => {
    copyFileSync(FDINIT, init);
    engine = await Engine.start(`--init-path=${init}`);
    expect(engine.build(IMAGE)).toMatchObject({ code: 0 });
  }, 120_000);

  afterAll(async () => {
    expect(await engine.stop()).toEqual([]);
    rmSync(directory, { recursive: true });
  }, 60_000);

  test("docker info takes it for an init it knows", () => {
    const { code, stderr } = engine.docker("info");
    expect(code).toBe(0);
    expect(stderr).not.toContain("init");
  });

  test("docker run --init runs a program behind it, with the program's code", () => {
    const script = "echo $PPID; cat /proc/1/comm; exit 42";
    expect(engine.run("--init", BARE, IMAGE, "sh", "-c", script)).toEqual({
      code: 42,
      stdout: "1\ndocker-init\n",
      stderr: "",
    });
    expect(engine.run("--init", BARE, IMAGE, "nonexistent").code).toBe(127);
    expect(engine.run("--init", BARE, IMAGE, "sh", "-c", "kill -9 $$").code).toBe(137);
  }, 60_000);

  test("docker stop ends a program that does not handle SIGTERM, at once", async () => {
    const id = await engine.detached("--init", "--interactive", BARE, IMAGE, "hold");
    const before = performance.now();
    expect(engine.docker("stop", "--time=30", id).code).toBe(0);
    expect(performance.now() - before).toBeLessThan(15_000);
    expect(engine.ended(id).code).toBe(143);
  }, 60_000);

  test("orphans are reaped", async () => {
    const id = await engine.detached("--init", "--interactive", BARE, IMAGE, "orphans", "100");
    await engine.hasReaped(id);
    engine.docker("kill", id);
    engine.ended(id);
  }, 60_000);

  test("an image without the C library it needs is told so by the engine; the static executable needs none", () => {
    const Dockerfile = `FROM ${IMAGE} AS whole\nFROM scratch\nCOPY --from=whole /bin/ /bin/\nENV PATH=/bin\n`;
    expect(engine.build(`${IMAGE}-static`, { Dockerfile })).toMatchObject({ code: 0 });
    expect(engine.run(`${IMAGE}-static`, "true").code).toBe(0);
    const { code } = engine.run("--init", `${IMAGE}-static`, "true");
    expect(code === 0).toBe(IS_QUICKJS);
  }, 60_000);
});
