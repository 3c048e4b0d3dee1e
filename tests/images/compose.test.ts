// The example of images/compose/, built and run by docker-compose as it is written, but for the network that the test's engine has not.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, copyFileSync, cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Engine } from "../harness/docker.ts";
import { FDINIT, IS_QUICKJS, ROOT } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeUnless, missing } from "../harness/needs.ts";
import { until } from "../harness/processes.ts";

leaveNothingBehind();

const reason = IS_QUICKJS
  ? missing("dockerd", "docker-compose", "gcc", "unshare", "root")
  : "it is about the static executable (images@static)";

/** The example leaves these to Docker's bridge, which the engine of a test does without. */
const WITHOUT_NETWORK = { services: { app: { network_mode: "none", build: { network: "none" } } } };

describeUnless(reason, "under Compose", () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await Engine.start();
  }, 120_000);

  afterAll(async () => {
    expect(await engine.stop()).toEqual([]);
  }, 60_000);

  test("the example is healthy before what depends on it starts, and ends by itself inside its grace period", async () => {
    const folder = temporaryDirectory();
    chmodSync(folder, 0o755);
    for (const name of ["static", "scratch", "example", "compose"])
      cpSync(join(ROOT, "images", name), join(folder, name), { recursive: true });
    copyFileSync(FDINIT, join(folder, "static/fdinit"));
    chmodSync(join(folder, "static/fdinit"), 0o755);
    for (const name of ["scratch", "compose"]) chmodSync(join(folder, name, "policy.yaml"), 0o644);
    const server = join(folder, "example/server");
    const compiled = Bun.spawnSync(["gcc", "-static", "-O2", "-o", server, `${server}.c`], {
      timeout: 60_000,
    });
    expect({ code: compiled.exitCode, stderr: compiled.stderr.toString() }).toEqual({ code: 0, stderr: "" });
    expect(engine.buildFolder("fdinit-static", join(folder, "static"))).toMatchObject({ code: 0 });

    const file = join(folder, "compose/compose.yaml");
    const besides = join(folder, "compose/test.yaml");
    writeFileSync(besides, JSON.stringify(WITHOUT_NETWORK));
    const compose = (...words: string[]) => {
      const command = [
        "docker-compose",
        "--ansi=never",
        "-f",
        file,
        "-f",
        besides,
        "-p",
        "example",
        ...words,
      ];
      const { exitCode, stdout, stderr } = Bun.spawnSync(command, {
        stdin: "ignore",
        timeout: 120_000,
        env: { ...process.env, ...engine.environment, DOCKER_HOST: engine.host, DOCKER_BUILDKIT: "0" },
      });
      return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
    };
    const up = compose("up", "--detach");
    expect({ code: up.code, stderr: up.code === 0 ? "" : up.stderr }).toEqual({ code: 0, stderr: "" });
    const container = (service: string) => {
      const label = `label=com.docker.compose.service=${service}`;
      return engine.docker("ps", "--all", "--quiet", "--filter", label).stdout.trim();
    };
    const [app, smoke] = [container("app"), container("smoke")];
    const inspected = (id: string) => JSON.parse(engine.docker("inspect", id).stdout)[0];

    // It was started, and so its dependency was healthy; its exit code and its words are the program's own.
    await until("the dependent has ended", () => inspected(smoke).State.Status === "exited");
    expect(inspected(smoke).State.ExitCode).toBe(0);
    const { stdout, stderr } = engine.docker("logs", smoke);
    expect({ stdout, stderr }).toEqual({
      stdout: expect.stringMatching(/^hello from \d+ below 1, user 65532\n$/),
      stderr: "",
    });
    expect(inspected(app)).toMatchObject({
      State: { Status: "running", Health: { Status: "healthy" } },
      Config: { StopSignal: "SIGTERM", StopTimeout: 12, User: "65532:65532", Entrypoint: ["/fdinit"] },
      HostConfig: { Init: false, ReadonlyRootfs: true, CapDrop: ["ALL"] },
    });

    // Docker has the grace period from Compose, and a program that it had to kill would have 137.
    expect(engine.docker("stop", app)).toMatchObject({ code: 0 });
    expect(inspected(app).State.ExitCode).toBe(0);
  }, 180_000);
});
