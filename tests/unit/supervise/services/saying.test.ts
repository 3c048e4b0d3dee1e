// Messages that the supervision of several services and that of one program share: each is made in one place.

import { expect, test } from "bun:test";
import type { Launch, ServicesSupervision, Token } from "../../../../init/plan/plan.ts";
import { sayOomKills } from "../../../../init/supervise/oom-kills.ts";
import { superviseServices } from "../../../../init/supervise/services/loop.ts";
import type { ServicesSurroundings } from "../../../../init/supervise/services/surroundings.ts";
import { TokenWatcher } from "../../../../init/supervise/services/tokens.ts";
import { REAP_RETRY_MS } from "../../../../init/supervise/words.ts";
import type { ChildEnd, Kernel } from "../../../../init/sys/kernel.ts";
import { SIGKILL } from "../../../../init/sys/libc/constants.ts";
import { ENOENT, EPERM } from "../../../../init/sys/libc/errno.ts";
import { bytesOf } from "../../../../init/sys/text/bytes.ts";
import { fakeKernel } from "../../fake-kernel.ts";
import { service, supervisionOf } from "./world.ts";

const APP = 100;

/** The messages of a PID 1 with one service, from its start to its end, and how long it waited each time. */
function life(kernel: Partial<Kernel>, supervision: Partial<ServicesSupervision> = {}) {
  const said: string[] = [];
  const waits: (number | undefined)[] = [];
  const code = superviseServices({
    kernel: fakeKernel([], {
      ...kernel,
      waitReady: (watched, timeoutMs) => {
        waits.push(timeoutMs);
        if (waits.length > 50) throw new Error("it does not end");
        return kernel.waitReady?.(watched, timeoutMs) ?? [];
      },
    }),
    signalFd: 3,
    services: [
      {
        name: "app",
        start: [{ do: "spawn", launch: { service: "app", pass: [], environment: {} } as unknown as Launch }],
        uses: [],
      },
    ],
    supervision: supervisionOf([service("app")], supervision),
    say: (level, message) => said.push(`${level}: ${message}`),
    context: { tokens: [], opened: new Map() },
    supervisorSocket: undefined,
    launch: () => ({ pid: APP }),
    idsOf: () => undefined,
  });
  return { code, said, waits };
}

const end = (status: number): ChildEnd => ({ pid: APP, status, cpuMs: 0, maxRssKiB: 0 });

function oomCounter(count: () => number): Kernel["readFile"] {
  return (path) =>
    path === "/sys/fs/cgroup/memory.events" ? bytesOf(`oom 1\noom_kill ${count()}\n`) : -ENOENT;
}

test("a service that was killed is told of with the OOM killer's count, without a report", () => {
  const ends = [end(SIGKILL)];
  const { code, said } = life({ reap: () => ends.shift() ?? "none", readFile: oomCounter(() => 2) });
  expect(code).toBe(137);
  const told = said.filter((line) => line.includes("OOM killer"));
  expect(told).toEqual([expect.stringMatching(/^warn: .*killed 2 processes of this container/)]);
});

test("a count of the OOM killer that has been said is not said again", () => {
  const said: string[] = [];
  let count = 1;
  const voice = {
    kernel: fakeKernel([], { readFile: oomCounter(() => count) }),
    say: (_level: string, message: string) => said.push(message),
  };
  let known = sayOomKills(voice, 0);
  known = sayOomKills(voice, known);
  expect(said.length).toBe(1);
  count = 3;
  sayOomKills(voice, known);
  expect([said.length, said[1]]).toEqual([2, expect.stringContaining("3 processes")]);
});

test("children that cannot be taken are said once and looked for again after the same pause as with one program", () => {
  const answers: (number | ChildEnd)[] = [-EPERM, -EPERM, end(0)];
  const { said, waits } = life({ reap: () => answers.shift() ?? "none" });
  expect(said.filter((line) => line.includes("cannot take ended children"))).toEqual([
    expect.stringContaining(`EPERM: operation not permitted; trying again every ${REAP_RETRY_MS} ms`),
  ]);
  expect(waits.slice(0, 2)).toEqual([REAP_RETRY_MS, REAP_RETRY_MS]);
});

test("a token that is held since too many starts is closed, and that is said once", () => {
  const tokens: Token[] = Array.from({ length: 17 }, (_, index) => ({ name: "lease", fd: 20 + index }));
  const said: string[] = [];
  const kernel = fakeKernel(Array.from({ length: 20 }, (_, index) => 20 + index));
  const watcher = new TokenWatcher({
    kernel,
    context: { tokens, opened: new Map() },
    say: (level: string, message: string) => said.push(`${level}: ${message}`),
  } as unknown as ServicesSurroundings);
  expect(watcher.watched().map(({ fd }) => fd)).toEqual(Array.from({ length: 16 }, (_, index) => 21 + index));
  tokens.push({ name: "lease", fd: 37 });
  expect(watcher.watched()[0]?.fd).toBe(22);
  expect([kernel.open.has(20), kernel.open.has(21), kernel.open.has(22)]).toEqual([false, false, true]);
  expect(said).toEqual([expect.stringMatching(/^warn: token "lease" .* no longer watched$/)]);
});
