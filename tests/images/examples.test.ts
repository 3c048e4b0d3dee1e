// Every Dockerfile of images/, built as it is written and run hardened. Nothing can be pulled here, so
// the base images are stand-ins under the same names: their shells, users and C libraries, not their packages.

import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { portableTarget } from "../../scripts/portable.ts";
import { put } from "../harness/bare.ts";
import { Engine } from "../harness/docker.ts";
import { ROOT } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeUnless, missing } from "../harness/needs.ts";
import { until } from "../harness/processes.ts";
import { libraries } from "../harness/rootfs.ts";
import { missingFor } from "../harness/targets.ts";

leaveNothingBehind();

const IMAGES = join(ROOT, "images");
const HARDENED = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--pids-limit=8"];

interface Example {
  readonly name: string;
  readonly base: string | undefined;
  /** The user that the program runs as. */
  readonly user: number;
  readonly program: string;
}

const EXAMPLES: readonly Example[] = [
  { name: "debian", base: "debian:12-slim", user: 1000, program: "/usr/local/bin/server" },
  { name: "alpine", base: "alpine:3.22", user: 1000, program: "/usr/local/bin/server" },
  {
    name: "distroless",
    base: "gcr.io/distroless/static-debian12:nonroot",
    user: 65532,
    program: "/app/server",
  },
  { name: "scratch", base: undefined, user: 65532, program: "/server" },
];

function withBusybox(root: string): void {
  put(root, Bun.which("busybox") ?? "", "/bin/busybox");
  for (const applet of ["sh", "cp", "ls"]) symlinkSync("busybox", join(root, "bin", applet));
}

function write(root: string, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** The files of each base image that matter here. `server` is the compiled program. */
const STAND_INS: Readonly<Record<string, (root: string, server: string) => string>> = {
  "debian:12-slim": (root) => {
    put(root, "/bin/dash", "/bin/sh");
    for (const library of libraries("/bin/dash")) put(root, library, library);
    return "ENV PATH=/usr/local/bin:/usr/bin:/bin";
  },
  "alpine:3.22": (root) => {
    withBusybox(root);
    write(root, "/etc/ld-musl-x86_64.path", "/nonexistent\n");
    return "ENV PATH=/usr/local/bin:/usr/bin:/bin";
  },
  "gcr.io/distroless/static-debian12:nonroot": (root) => {
    write(root, "/etc/passwd", "nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n");
    return "USER 65532\nENV PATH=/usr/bin:/bin";
  },
  // gcc compiled beforehand: what is tried is the Dockerfile, not gcc.
  "gcc:14": (root, server) => {
    withBusybox(root);
    put(root, server, "/compiled");
    write(root, "/usr/local/bin/gcc", "#!/bin/sh\nexec /bin/cp /compiled /src/server\n");
    chmodSync(join(root, "usr/local/bin/gcc"), 0o755);
    return "ENV PATH=/usr/local/bin:/bin";
  },
};

const reason = missing("dockerd", "busybox", "gcc", "unshare", "root") ?? missingFor(portableTarget());

describeUnless(reason, "the example image", () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await Engine.withFdinit();
    for (const name of Object.keys(STAND_INS)) standIn(name);
  }, 120_000);

  afterAll(async () => {
    expect(await engine.stop()).toEqual([]);
    expect(readFileSync("/proc/mounts", "latin1")).not.toContain("fdinit-docker-");
  }, 60_000);

  function compiled(): string {
    const server = join(temporaryDirectory(), "server");
    const built = Bun.spawnSync([
      "gcc",
      "-static",
      "-O2",
      "-Wall",
      "-Wextra",
      "-o",
      server,
      join(IMAGES, "example/server.c"),
    ]);
    expect({ code: built.exitCode, stderr: built.stderr.toString() }).toEqual({ code: 0, stderr: "" });
    return server;
  }

  function standIn(name: string): void {
    const context = temporaryDirectory();
    mkdirSync(join(context, "root"));
    const more = STAND_INS[name]?.(join(context, "root"), compiled());
    writeFileSync(join(context, "Dockerfile"), `FROM scratch\nCOPY root/ /\n${more}\n`);
    expect(engine.buildFolder(name, context)).toMatchObject({ code: 0 });
  }

  /** images/ as a build sees it, with the compiled program where the plain Dockerfiles expect it. */
  function context(): string {
    const folder = temporaryDirectory();
    for (const { name } of EXAMPLES) cpSync(join(IMAGES, name), join(folder, name), { recursive: true });
    mkdirSync(join(folder, "example"));
    copyFileSync(join(IMAGES, "example/server.c"), join(folder, "example/server.c"));
    copyFileSync(compiled(), join(folder, "example/server"));
    chmodSync(join(folder, "example/server"), 0o755);
    return folder;
  }

  for (const { name, user, program } of EXAMPLES) {
    for (const file of ["Dockerfile", "Dockerfile.multistage"]) {
      test(`${name}/${file} serves a request, hardened, and stops with code 0`, async () => {
        const folder = context();
        const tag = `app-${name}`;
        const built = engine.buildFolder(tag, folder, join(folder, name, file));
        expect({ code: built.code, stderr: built.code === 0 ? "" : built.stdout + built.stderr }).toEqual({
          code: 0,
          stderr: "",
        });
        const id = await engine.detached(...HARDENED, tag);
        const answer = () => engine.docker("exec", id, program, "get");
        // runc's own threads count towards --pids-limit while it joins the container, so that it may have to try again.
        const answered = await until("it answers", () => {
          const { code, stdout } = answer();
          return code === 0 && stdout;
        });
        expect(answered).toMatch(new RegExp(`^hello from \\d+ below 1, user ${user}\n$`));
        expect(engine.docker("stop", "--time=30", id).code).toBe(0);
        expect(engine.ended(id)).toEqual({ code: 0, stdout: "ready\n", stderr: "" });
        expect(engine.docker("image", "rm", tag).code).toBe(0);
      }, 60_000);
    }
  }

  test("of the folder itself says its version, and can be made without a Dockerfile", () => {
    expect(engine.run("fdinit").stdout).toStartWith("fdinit ");
    const archive = join(ROOT, "dist", "fdinit-portable-linux-x64.tar");
    expect(engine.docker("import", archive, "imported").code).toBe(0);
    const Dockerfile =
      'FROM alpine:3.22\nCOPY --from=imported /fdinit /fdinit\nENTRYPOINT ["/fdinit/fdinit", "--"]\n';
    expect(engine.build("from-imported", { Dockerfile }).code).toBe(0);
    expect(engine.run("from-imported", "sh", "-c", "exit 7").code).toBe(7);
  }, 60_000);

  test("with a policy that is wrong does not build", () => {
    const Dockerfile =
      'FROM fdinit\nCOPY policy.yaml /etc/fdinit/policy.yaml\nRUN ["/fdinit/fdinit", "check"]\n';
    const built = engine.build("wrong", { Dockerfile, "policy.yaml": "version: 1\nintents: security\n" });
    expect(built.code).not.toBe(0);
    expect(built.stdout + built.stderr).toContain('did you mean "intent"?');
  }, 60_000);
});
