// The lines of services with the executable as PID 1.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeWith } from "../harness/needs.ts";
import { children, until, wchan } from "../harness/processes.ts";
import { policy, run, start } from "../harness/run.ts";

leaveNothingBehind();

function options(lines: string, services: Record<string, readonly string[]>): string[] {
  const entries = Object.entries(services).map(([name, command]) => [name, { command, type: "oneshot" }]);
  const document = {
    version: 1,
    intent: "simplicity",
    fds: { inherited: { default: "close" } },
    log: { services: lines },
    services: Object.fromEntries(entries),
  };
  return policy(JSON.stringify(document));
}

describeWith(["unshare"], "the lines of services", () => {
  test("arrive whole, in order and all of them, on the output of their stream", async () => {
    const count = (name: string) => [
      "sh",
      "-c",
      `seq 1 20000 | sed 's/^/${name} /'; echo ${name} done >&2; printf last`,
    ];
    const { code, stdout, stderr } = await run({
      run: [],
      options: options("prefix", { a: count("a"), bb: count("bb") }),
    });
    expect(code).toBe(0);
    const numbers = Array.from({ length: 20_000 }, (_, index) => index + 1);
    const lines = stdout.split("\n");
    for (const [name, prefix] of [
      ["a", "a  | "],
      ["bb", "bb | "],
    ] as const) {
      const own = lines.filter((line) => line.startsWith(prefix)).map((line) => line.slice(prefix.length));
      expect(own).toEqual([...numbers.map((number) => `${name} ${number}`), "last"]);
    }
    expect(lines.length).toBe(40_003);
    expect(stderr.split("\n").sort()).toEqual(["", "a  | a done", "bb | bb done"]);
  });

  test("are JSON, each a document", async () => {
    const { stdout } = await run({
      run: [],
      options: options("json", { a: ["printf", "x\\n\\377\\033\\n"], b: ["echo", "y"] }),
    });
    const documents = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, string>);
    expect(documents.filter(({ service }) => service === "a").map(({ line }) => line)).toEqual([
      "x",
      "\ufffd\u001b",
    ]);
    for (const { time, stream } of documents) {
      expect(stream).toBe("stdout");
      expect(Math.abs(Date.parse(time as string) - Date.now())).toBeLessThan(60_000);
      expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    }
  });

  test("wait in their pipes while nobody reads, and PID 1 still obeys", async () => {
    const fifo = join(temporaryDirectory(), "output");
    const running = start({
      run: [],
      options: options("prefix", { a: ["yes"] }),
      before: `mkfifo ${fifo}; exec 1<>${fifo}`,
    });
    const pid = await running.pid();
    // A child that has just been started may be gone again: fdinit's own steps make some.
    await until("the service is held up", () =>
      children(pid).some((child) => wchan(child).includes("pipe_write")),
    );
    process.kill(pid, "SIGTERM");
    expect((await running.ended()).stderr).not.toContain("internal error");
  });
});
