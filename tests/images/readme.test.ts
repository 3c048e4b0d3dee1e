// README's block "Use", followed as a newcomer would: its files written as they stand, its commands
// run in their order. debian:12-slim is a stand-in, since nothing can be pulled here.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { put } from "../harness/bare.ts";
import { Engine } from "../harness/docker.ts";
import { FDINIT, ROOT } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeUnless, missing } from "../harness/needs.ts";
import { until } from "../harness/processes.ts";
import { libraries } from "../harness/rootfs.ts";

leaveNothingBehind();

const README = readFileSync(join(ROOT, "README.md"), "utf8");
const USE = README.slice(
  README.indexOf("\n## Use\n"),
  README.indexOf("\n## ", README.indexOf("\n## Use\n") + 1),
);

/** The text of the first fenced block of a language in README's section "Use". */
function block(language: string): string {
  const [, text] = new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(USE) ?? [];
  if (text === undefined) throw new Error(`README's Use has no block of ${language}`);
  return text;
}

/** The command of the prose below the blocks. */
const [, OTHER = ""] = /`(docker run app sh [^`]*)`/.exec(USE) ?? [];

/** The commands of the sh block, without their comments. */
const commands = block("sh")
  .trim()
  .split("\n")
  .map((line) => line.replace(/\s+#.*/, ""));

describeUnless(missing("dockerd", "busybox", "unshare", "root"), "README's Use", () => {
  let engine: Engine;
  let folder: string;

  beforeAll(async () => {
    engine = await Engine.start();
    standIn();
  }, 120_000);

  afterAll(async () => {
    expect(await engine.stop()).toEqual([]);
  }, 60_000);

  function standIn(): void {
    const context = temporaryDirectory();
    const root = join(context, "root");
    for (const path of ["bin", "etc", "run", "tmp", "usr/local/bin"])
      mkdirSync(join(root, path), { recursive: true });
    put(root, Bun.which("busybox") ?? "", "/bin/sleep");
    put(root, Bun.which("busybox") ?? "", "/bin/sh");
    put(root, Bun.which("busybox") ?? "", "/bin/ls");
    for (const library of libraries(FDINIT)) put(root, library, library);
    writeFileSync(join(root, "etc/passwd"), "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n");
    writeFileSync(join(root, "etc/group"), "root:x:0:\nnogroup:x:65534:\n");
    const Dockerfile = [
      "FROM scratch",
      "COPY root/ /",
      "ENV PATH=/usr/local/bin:/bin",
      'RUN ["/bin/sh", "-c", "true"]',
    ];
    writeFileSync(join(context, "Dockerfile"), `${Dockerfile.join("\n")}\n`);
    // Every user may read the image's files, with any umask.
    Bun.spawnSync(["chmod", "-R", "a+rX", root]);
    chmodSync(root, 0o755);
    const { code, stdout, stderr } = engine.buildFolder("debian:12-slim", context);
    expect({ code, said: code === 0 ? "" : stdout + stderr }).toEqual({ code: 0, said: "" });
  }

  /** Runs a line of the block in the folder, with this engine and without a network. */
  function follow(line: string): { code: number; stdout: string; stderr: string } {
    const docker = engine.command().join(" ");
    const words = line
      .replace("docker build", `${docker} build --network=none`)
      .replace("docker run", `${docker} run --network=none`)
      .replace("docker stop", `${docker} stop`);
    const { exitCode, stdout, stderr } = Bun.spawnSync(["sh", "-ec", words], {
      cwd: folder,
      stdin: "ignore",
      timeout: 60_000,
      env: { ...process.env, ...engine.environment, DOCKER_BUILDKIT: "0" },
    });
    return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  }

  test("builds, plans, starts and stops with the words that stand there, and runs another command", async () => {
    folder = temporaryDirectory();
    put(folder, FDINIT, "/dist/fdinit");
    const [build, copy, ...rest] = commands;
    expect(build).toMatch(/^npx -y bun@[\d.]+ run build$/);
    expect(follow(copy as string)).toMatchObject({ code: 0 });
    writeFileSync(join(folder, "app/Dockerfile"), block("dockerfile"));
    writeFileSync(join(folder, "app/policy.yaml"), block("yaml"));
    const [image, plan, start, stop, ...others] = rest as [string, string, string, string];
    expect(others).toEqual([]);
    const built = follow(image);
    expect({ code: built.code, said: built.code === 0 ? "" : built.stdout + built.stderr }).toEqual({
      code: 0,
      said: "",
    });
    const planned = follow(plan);
    expect({ code: planned.code, stderr: planned.stderr }).toEqual({ code: 0, stderr: "" });
    expect(planned.stdout).toContain("unix:/run/admin.sock");
    const started = follow(start);
    expect({ code: started.code, stderr: started.stderr }).toEqual({ code: 0, stderr: "" });
    // As the program's own user: root of a container has no CAP_SYS_PTRACE to read another's with.
    const list = ["exec", "--user=nobody", "app", "sh", "-c", "ls -l /proc/[0-9]*/fd"];
    const descriptors = () => engine.docker(...list).stdout;
    await until("the program has the socket at 3", () => / 3 -> socket:/.test(descriptors()));
    const other = follow(OTHER);
    expect({ code: other.code, stderr: other.stderr }).toEqual({ code: 0, stderr: "" });
    expect(other.stdout).toBe("1 socket\n");
    const stopped = follow(stop);
    expect({ code: stopped.code, stderr: stopped.stderr }).toEqual({ code: 0, stderr: "" });
    const ended = engine.ended("app");
    expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 143, stderr: "" });
  }, 60_000);
});
