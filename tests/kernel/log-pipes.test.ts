// The pipes of services with real programs at one end and a real pipe as fdinit's output at the other.

import { afterEach, expect, test } from "bun:test";
import { LogPipes } from "../../init/supervise/services/log/log-pipes.ts";
import { descriptorCalls } from "../../init/sys/descriptors/linux.ts";
import { fakeKernel } from "../unit/fake-kernel.ts";

const SLOW = 100_000;
const opened: number[] = [];
afterEach(() => {
  for (const fd of opened.splice(0)) descriptorCalls.close(fd);
});

function pipe(): readonly [number, number] {
  const pair = descriptorCalls.makePipe();
  if (typeof pair === "number") throw new Error(`pipe2: ${pair}`);
  opened.push(...pair);
  descriptorCalls.setNonBlocking(pair[0]);
  return pair;
}

/** Log pipes whose outputs are pipes of the test, standard output and error each one, or both the same. */
function world(format: "prefix" | "json", isShared: boolean) {
  const out = pipe();
  const err = isShared ? ([out[0], descriptorCalls.duplicateAbove(out[1], 3)] as const) : pipe();
  opened.push(err[1]);
  const real = (fd: number) => (fd === 1 ? out[1] : fd === 2 ? err[1] : fd);
  const kernel = fakeKernel([], {
    ...descriptorCalls,
    writeLines: (fd, lines) => descriptorCalls.writeLines(real(fd), lines),
  });
  const log = new LogPipes(kernel, { format, services: ["a", "bb"], say: () => {} });
  /** One round of the loop; false when nothing is ready. */
  const round = (timeoutMs: number): boolean => {
    const watched = log.watched();
    const ready = descriptorCalls.waitReady(
      watched.map((one) => ({ ...one, fd: real(one.fd) })),
      timeoutMs,
    );
    for (const { fd } of watched) if (ready.includes(real(fd))) log.ready(fd);
    return ready.length > 0;
  };
  const start = (service: string, script: string) => {
    const ends = log.open(service);
    if (typeof ends === "number") throw new Error(`no pipes: ${ends}`);
    const child = Bun.spawn(["sh", "-c", script], { stdin: "ignore", stdout: ends.out, stderr: ends.err });
    for (const fd of [ends.out, ends.err]) descriptorCalls.close(fd);
    return child;
  };
  return { log, out: out[0], round, start };
}

function take(fd: number, length: number): string {
  const got = descriptorCalls.readNow(fd, length);
  return typeof got === "number" ? "" : Buffer.from(got).toString("latin1");
}

test("two programs that flood both outputs lose no line to a slow reader, nor is one split or out of order", async () => {
  const { log, out, round, start } = world("prefix", true);
  // Lines of many lengths, some longer than a pipe takes at once.
  const script = `awk 'BEGIN { for (n = 1; n <= 3000; n++) { s = sprintf("%*s", (n * 37) % 7000, ""); print "out " n s "." ; if (n % 3 == 0) print "err " n > "/dev/stderr" } }'`;
  const children = [start("a", script), start("bb", script)];
  let text = "";
  let rounds = 0;
  while (log.watched().length > 0) {
    expect(rounds++).toBeLessThan(SLOW);
    // The reader is the slower one: it comes when nothing else can go on.
    if (!round(0)) text += take(out, 50_000);
    if (rounds % 50 === 0) await Bun.sleep(0);
  }
  for (let more = take(out, 65_536); more !== ""; more = take(out, 65_536)) text += more;
  await Promise.all(children.map((child) => child.exited));
  const lines = text.split("\n").slice(0, -1);
  for (const prefix of ["a  | ", "bb | "])
    for (const [stream, last, step] of [
      ["out", 3000, 1],
      ["err", 3000, 3],
    ] as const) {
      const own = lines.filter((line) => line.startsWith(`${prefix}${stream} `));
      expect(own.length).toBe(last / step);
      own.forEach((line, index) => {
        const n = (index + 1) * step;
        const wanted = stream === "out" ? `out ${n}${" ".repeat((n * 37) % 7000)}.` : `err ${n}`;
        if (line !== prefix + wanted)
          throw new Error(`${line.slice(0, 60)}… instead of ${wanted.slice(0, 60)}`);
      });
    }
  expect(lines.length).toBe(8000);
}, 60_000);

test("a program waits while the output takes nothing, and fdinit does not", async () => {
  const { out, round, start } = world("prefix", false);
  const child = start("a", "yes | head -c 3000000; echo end >&2");
  let quiet = 0;
  while (quiet < 5) quiet = round(20) ? 0 : quiet + 1;
  expect(child.exitCode).toBeNull();
  let total = 0;
  while (child.exitCode === null) {
    while (round(0)) {}
    total += take(out, 65_536).length;
    await Bun.sleep(0);
  }
  expect(child.exitCode).toBe(0);
  expect(total).toBeGreaterThan(3_000_000);
}, 30_000);

test("a program whose output's reader is gone gets SIGPIPE, and EPIPE where the runner was started with SIGPIPE ignored", async () => {
  const { out, round, start } = world("json", false);
  descriptorCalls.close(out);
  const child = start("a", "exec yes");
  while (child.exitCode === null && child.signalCode === null) {
    round(10);
    await Bun.sleep(0);
  }
  // npx ignores SIGPIPE, and a program inherits that; yes(1) then ends with code 1.
  expect(["SIGPIPE", 1]).toContain(child.signalCode ?? child.exitCode ?? "runs");
}, 20_000);
