import { expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ENGINE_NAME, FDINIT, ROOT } from "../harness/fixtures.ts";
import { leaveNothingBehind, register, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { policy, run, start } from "../harness/run.ts";

leaveNothingBehind();

/** fdinit with exactly these words: no `--` of the harness's own. */
const plain = (...words: string[]) => run({ direct: true, run: [FDINIT, ...words] });

describeWith(["unshare"], "the command line", () => {
  test("without --: the first word that is no option is the program", async () => {
    expect(await plain("echo", "-n", "--policy", "x")).toEqual({ code: 0, stdout: "--policy x", stderr: "" });
    expect((await plain("--intent", "performance", "sh", "-c", "exit 3")).code).toBe(3);
  });
  test("after --: a program named like an option or a subcommand", async () => {
    const directory = temporaryDirectory();
    for (const name of ["version", "help", "check", "--policy", "-h", "--"]) {
      writeFileSync(join(directory, name), '#!/bin/sh\necho "ran ${0##*/} $*"\n');
      chmodSync(join(directory, name), 0o755);
      const env = { PATH: `${directory}:${process.env["PATH"]}` };
      const ended = await run({ run: [name, "x"], env });
      expect(ended).toEqual({ code: 0, stdout: `ran ${name} x\n`, stderr: "" });
    }
  });
  test("version and help answer on standard output with 0", async () => {
    const { version } = await import(join(ROOT, "package.json"));
    for (const word of ["version", "--version", "-V"])
      expect(await plain(word)).toEqual({
        code: 0,
        stdout: `fdinit ${version} (${ENGINE_NAME})\n`,
        stderr: "",
      });
    for (const word of ["help", "--help", "-h"]) {
      const { code, stdout, stderr } = await plain(word);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toContain("usage: fdinit");
    }
  });
  const wrong: Record<string, string[]> = {
    "no words at all": [],
    "-- and no program": ["--"],
    "an unknown option": ["--polcy", "x", "true"],
    "an unknown short option": ["-x", "true"],
    "--policy without a value": ["--policy"],
    "--intent with an empty value": ["--intent=", "true"],
    "an unknown intent": ["--intent", "safety", "true"],
  };
  for (const [name, words] of Object.entries(wrong)) {
    test(`is wrong, 64: ${name}`, async () => {
      const { code, stdout, stderr } = await plain(...words);
      expect({ code, stdout }).toEqual({ code: 64, stdout: "" });
      expect(stderr).toStartWith("fdinit: ");
    });
  }
});

/** fdinit with these words, and a line on its standard input. */
function fed(words: readonly string[]) {
  const running = start({ direct: true, run: [FDINIT, ...words] });
  running.type("from outside\n");
  return running.finished();
}

describeWith(["unshare"], "a policy", () => {
  test("names the program, and the command line takes its place", async () => {
    const options = policy("version: 1\nservices: { app: { command: [sh, -c, 'echo policy; exit 4'] } }\n");
    expect(await plain(...options)).toEqual({ code: 4, stdout: "policy\n", stderr: "" });
    expect(await plain(...options, "echo", "words")).toEqual({ code: 0, stdout: "words\n", stderr: "" });
  });
  test("sets variables, the working directory and standard input of its service", async () => {
    const directory = temporaryDirectory();
    const options = policy(
      `version: 1\nservices:\n  app:\n    command: [sh, -c, 'pwd; echo "$A $B"; readlink /proc/self/fd/0']\n    cwd: ${directory}\n    env: { A: new, PATH: /usr/bin:/bin }\n    stdin: devnull\n`,
    );
    const ended = await run({ direct: true, run: [FDINIT, ...options], env: { A: "old", B: "kept" } });
    expect(ended).toEqual({ code: 0, stdout: `${directory}\nnew kept\n/dev/null\n`, stderr: "" });
  });
  test("keeps its settings for a command of the command line, which has fdinit's standard input and is not started again", async () => {
    const directory = temporaryDirectory();
    const settings = `cwd: ${directory}, env: { A: kept }, stdin: devnull, restart: { policy: always, backoff: 1ms..1ms }`;
    const told = 'pwd; echo "$A"; cat; exit 3';
    const ran = await fed([
      ...policy(`version: 1\nservices: { app: { command: ["false"], ${settings} } }\n`),
      ...["sh", "-c", told],
    ]);
    expect(ran).toEqual({ code: 3, stdout: `${directory}\nkept\nfrom outside\n`, stderr: "" });
    const override =
      "override: { stdin: devnull, restart: { policy: onFailure, backoff: 1ms..1ms, limit: 1/1m } }";
    const again = await fed([
      ...policy(`version: 1\nservices: { app: { command: ["false"], ${settings}, ${override} } }\n`),
      ...["sh", "-c", told],
    ]);
    expect(again).toMatchObject({ code: 3, stdout: `${directory}\nkept\n`.repeat(2) });
  });
  test("with several services takes a command only by run, which starts one of them alone", async () => {
    const directory = temporaryDirectory();
    const options = policy(
      `version: 1\nservices:\n  db: { command: [sleep, "1000"] }\n  web: { command: [sh, -c, "pwd; exit 5"], cwd: ${directory}, dependsOn: { db: ready }, stop: { signal: SIGINT } }\n`,
    );
    const refused = await plain(...options, "true");
    expect(refused).toMatchObject({ code: 64, stdout: "" });
    expect(refused.stderr).toContain("fdinit run db true");
    expect(await plain("run", ...options, "web")).toEqual({ code: 5, stdout: `${directory}\n`, stderr: "" });
    const inPlace = ["run", ...options, "web", "--", "sh", "-c", "pwd; cat"];
    expect(await fed(inPlace)).toEqual({
      code: 0,
      stdout: `${directory}\nfrom outside\n`,
      stderr: "",
    });
    const unknown = await plain("run", ...options, "wbe");
    expect(unknown).toMatchObject({ code: 64, stdout: "" });
    expect(unknown.stderr).toContain('did you mean "web"?');
  });
  test("may be one of the embedded ones, by name", async () => {
    for (const name of ["nginx", "postgres"])
      expect({ name, ...(await run({ options: ["--policy", name], run: ["echo", "ran"] })) }).toMatchObject({
        name,
        code: 0,
        stdout: "ran\n",
      });
  });
  test("is found by FDINIT_POLICY, over which --policy wins", async () => {
    const [, file = ""] = policy("version: 1\nservices: { app: { command: [echo, variable] } }\n");
    const env = { FDINIT_POLICY: file };
    expect((await run({ direct: true, run: [FDINIT], env })).stdout).toBe("variable\n");
    const options = policy("version: 1\nservices: { app: { command: [echo, option] } }\n");
    expect((await run({ direct: true, run: [FDINIT, ...options], env })).stdout).toBe("option\n");
  });
  test("that is invalid starts nothing and exits 78 with the place", async () => {
    const [option = "", file = ""] = policy("version: 1\nfds:\n  inherited:\n    defualt: close\n");
    const { code, stdout, stderr } = await plain(option, file, "echo", "started");
    expect({ code, stdout }).toEqual({ code: 78, stdout: "" });
    expect(stderr).toStartWith(`fdinit: ${file}:4:5: `);
    expect(stderr).toContain("default");
  });
  test("that cannot be read exits 78", async () => {
    const directory = temporaryDirectory();
    const big = join(directory, "big.yaml");
    writeFileSync(big, `# ${"x".repeat(1 << 20)}\nversion: 1\n`);
    const empty = join(directory, "empty.yaml");
    writeFileSync(empty, "");
    const fifo = join(directory, "fifo");
    Bun.spawnSync(["mkfifo", fifo]);
    // A writer that writes nothing: without one it would be waited for.
    register(Bun.spawn(["sh", "-c", ': >"$0"', fifo]));
    for (const file of ["/nonexistent.yaml", directory, big, empty, fifo, "nginks"]) {
      const { code, stdout, stderr } = await plain("--policy", file, "echo", "started");
      expect({ file, code, stdout }).toEqual({ file, code: 78, stdout: "" });
      expect(stderr).toStartWith("fdinit: ");
    }
  });
  test("with a dependency on a service that is not there is refused", async () => {
    expect(
      (await plain(...policy("version: 1\nservices: { a: { dependsOn: { b: started } } }\n"), "true")).code,
    ).toBe(78);
  });
});
