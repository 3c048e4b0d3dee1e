// The pipes of services against outputs that take what a test lets them: nothing is lost, mixed or split, and while an
// output takes nothing, nothing is read.

import { describe, expect, test } from "bun:test";
import { LogPipes } from "../../../init/supervise/services/log/log-pipes.ts";
import { EAGAIN, EMFILE, ENOSPC, EPIPE } from "../../../init/sys/libc/errno.ts";
import { bytesOf, concatenate, textOf } from "../../../init/sys/text/bytes.ts";
import { fakeKernel } from "../fake-kernel.ts";
import { Random } from "../random.ts";

const TIME = "2026-12-01T00:00:00.000Z";

/** Pipes with what services wrote into them, and two outputs that take so many bytes each time they are asked. */
function world(format: "prefix" | "json", services: readonly string[] = ["web", "worker"]) {
  const pipes = new Map<number, { bytes: Uint8Array; isClosed: boolean; writer: number }>();
  const closed: number[] = [];
  const said: string[] = [];
  const outputs = {
    1: { text: "", room: Number.POSITIVE_INFINITY, errno: 0 },
    2: { text: "", room: Number.POSITIVE_INFINITY, errno: 0 },
  };
  let next = 10;
  const kernel = fakeKernel([], {
    makePipe: () => {
      const pair = [next++, next++] as const;
      pipes.set(pair[0], { bytes: new Uint8Array(0), isClosed: false, writer: pair[1] });
      return pair;
    },
    setNonBlocking: () => 0,
    close: (fd) => {
      closed.push(fd);
      return 0;
    },
    readNow(fd, length) {
      const pipe = pipes.get(fd);
      if (!pipe) throw new Error(`${fd} is no pipe`);
      if (closed.includes(fd)) throw new Error(`${fd} is closed`);
      const got = pipe.bytes.slice(0, length);
      pipe.bytes = pipe.bytes.slice(got.length);
      return got.length > 0 ? got : pipe.isClosed ? got : -EAGAIN;
    },
    writeLines(fd, lines) {
      const output = outputs[fd as 1 | 2];
      if (output.errno !== 0) return { taken: 0, isBegun: false, errno: output.errno };
      const end = lines.length <= output.room ? lines.length : lines.lastIndexOf(10, output.room) + 1;
      output.text += textOf(lines.subarray(0, end));
      output.room -= end;
      return { taken: end, isBegun: false, errno: end === lines.length ? 0 : EAGAIN };
    },
  });
  const log = new LogPipes(kernel, {
    format,
    services,
    say: (_, text) => said.push(text),
    clock: () => TIME,
  });
  const start = (service: string) => {
    const ends = log.open(service);
    if (typeof ends === "number") throw new Error(`no pipes: ${ends}`);
    const at = (end: number) =>
      [...pipes].find(([, { writer }]) => writer === end) as [
        number,
        { bytes: Uint8Array; isClosed: boolean },
      ];
    return { out: at(ends.out), err: at(ends.err) };
  };
  const put = ([, pipe]: [number, { bytes: Uint8Array }], text: string | Uint8Array) => {
    pipe.bytes = concatenate(pipe.bytes, typeof text === "string" ? bytesOf(text) : text);
  };
  /** As ppoll(2) would answer, until nothing is ready any more. */
  const settle = () => {
    for (let round = 0; round < 10_000; round++) {
      const ready = log.watched().filter(({ fd, write }) => {
        if (write) return outputs[fd as 1 | 2].room > 100 || outputs[fd as 1 | 2].errno !== 0;
        const pipe = pipes.get(fd);
        return pipe !== undefined && (pipe.bytes.length > 0 || pipe.isClosed);
      });
      if (ready.length === 0) return;
      for (const { fd } of ready) log.ready(fd);
    }
    throw new Error("the watcher never rests");
  };
  return { log, kernel, pipes, outputs, closed, said, start, put, settle };
}

describe("lines of services", () => {
  test("get the name before them, as wide as the longest, each on the output of its stream", () => {
    const { start, put, settle, outputs } = world("prefix");
    const [web, worker] = [start("web"), start("worker")];
    put(web.out, "a\nb");
    put(worker.err, "oh\n");
    settle();
    expect(outputs[1].text).toBe("web    | a\n");
    expect(outputs[2].text).toBe("worker | oh\n");
    web.out[1].isClosed = true;
    settle();
    expect(outputs[1].text).toBe("web    | a\nweb    | b\n");
  });

  test("are JSON objects whose strings are the bytes, with U+FFFD for what is no UTF-8", () => {
    const { start, put, settle, outputs } = world("json");
    const web = start("web");
    put(web.out, new Uint8Array([0xef, 0xbb, 0xbf, 0x1b, 0xff, 0x22, 0x0d, 0x0a]));
    settle();
    expect(outputs[1].text).toBe(
      `{"time":"${TIME}","service":"web","stream":"stdout","line":"\ufeff\\u001b\ufffd\\"\\r"}\n`,
    );
  });

  test("longer than 64 KiB go on in the next object, or behind the name again", () => {
    for (const format of ["json", "prefix"] as const) {
      const { start, put, settle, outputs } = world(format);
      put(start("web").out, `${"x".repeat(65_536)}yz\n`);
      settle();
      const [first = "", second = ""] = outputs[1].text.split("\n");
      if (format === "prefix") expect([first.length, second]).toEqual([65_545, "web    | …yz"]);
      else expect([JSON.parse(first).partial, JSON.parse(second)]).toMatchObject([true, { line: "yz" }]);
      if (format === "json") expect(second).not.toContain("partial");
    }
  });
});

describe("while an output takes nothing", () => {
  test("its pipes are not read, and the other output's are", () => {
    const { start, put, settle, outputs, pipes, log } = world("prefix");
    const web = start("web");
    outputs[1].room = 0;
    put(web.out, "first\n");
    settle();
    put(web.out, "second\n");
    put(web.err, "seen\n");
    settle();
    expect(outputs).toMatchObject({ 1: { text: "" }, 2: { text: "web    | seen\n" } });
    expect(pipes.get(web.out[0])?.bytes.length).toBe("second\n".length);
    expect(log.watched()).toContainEqual({ fd: 1, write: true });
    expect(log.watched().some(({ fd }) => fd === web.out[0])).toBe(false);
    expect(log.hasLines()).toBe(true);
    outputs[1].room = 1000;
    settle();
    expect(outputs[1].text).toBe("web    | first\nweb    | second\n");
    expect(log.hasLines()).toBe(false);
  });

  test("a flood keeps at most what one read and one batch hold", () => {
    const { start, put, settle, outputs, pipes } = world("json");
    const web = start("web");
    outputs[1].room = 0;
    put(web.out, "\n".repeat(200_000));
    settle();
    expect(200_000 - (pipes.get(web.out[0])?.bytes.length ?? 0)).toBeLessThanOrEqual(16_384);
    outputs[1].room = Number.POSITIVE_INFINITY;
    settle();
    expect(outputs[1].text.split("\n").length).toBe(200_001);
  });
});

test("whatever services write and however much the outputs take, each stream's lines arrive whole and in order", () => {
  const random = new Random(5);
  for (let run = 0; run < 40; run++) {
    const { start, put, settle, outputs } = world("prefix", ["a", "b", "c"]);
    const services = ["a", "b", "c"].map((name) => ({ name, ends: start(name), count: 0, text: "" }));
    for (let step = 0; step < 60; step++) {
      const service = random.pick(services);
      if (random.once(3)) outputs[1].room = random.pick([0, 150, 5000, 100_000]);
      const text = Array.from(
        { length: random.below(40) },
        () => `${service.count++} ${"x".repeat(random.below(90))}\n`,
      ).join("");
      service.text += text;
      const cut = random.below(text.length + 1);
      put(service.ends.out, text.slice(0, cut));
      settle();
      put(service.ends.out, text.slice(cut));
      settle();
    }
    outputs[1].room = Number.POSITIVE_INFINITY;
    for (const { ends } of services) ends.out[1].isClosed = true;
    settle();
    for (const { name, text } of services) {
      const lines = outputs[1].text.split("\n").filter((line) => line.startsWith(`${name} | `));
      expect(lines.map((line) => `${line.slice(4)}\n`).join("")).toBe(text);
    }
  }
});

describe("an output whose reader is gone", () => {
  test("is what the services find: their pipes are closed, those of later starts too, and the other output goes on", () => {
    const { start, put, settle, outputs, closed, log } = world("prefix");
    const web = start("web");
    outputs[1].errno = EPIPE;
    put(web.out, "lost\n");
    put(web.err, "kept\n");
    settle();
    expect(closed).toEqual([web.out[0]]);
    const again = start("web");
    expect(closed).toContain(again.out[0]);
    put(again.err, "more\n");
    settle();
    expect(outputs[2].text).toBe("web    | kept\nweb    | more\n");
    expect(log.hasLines()).toBe(false);
  });

  test("is told from one that is full for good: its lines are lost, which is said once, and the services go on", () => {
    const { start, put, settle, outputs, closed, said } = world("prefix");
    const web = start("web");
    outputs[1].errno = ENOSPC;
    put(web.out, "a\n");
    settle();
    put(web.out, "b\n");
    settle();
    expect([said.length, closed.length]).toEqual([1, 0]);
    expect(said[0]).toContain("ENOSPC");
    outputs[1].errno = 0;
    put(web.out, "c\n");
    settle();
    expect(outputs[1].text).toBe("web    | c\n");
  });
});

test("flush takes what is in the pipes, lines without a newline too, and leaves what the output does not take", () => {
  const { start, put, outputs, log, closed } = world("prefix");
  const [web, worker] = [start("web"), start("worker")];
  put(web.out, "a\nb");
  put(worker.out, "c\n");
  outputs[2].room = 0;
  put(web.err, "lost\n");
  log.flush(0);
  expect(outputs[1].text.split("\n").sort()).toEqual(["", "web    | a", "web    | b", "worker | c"]);
  expect(outputs[2].text).toBe("");
  expect(closed.length).toBe(4);
});

test("flush waits for an output that takes no more, and no longer than it may", () => {
  const { start, put, outputs, log, kernel } = world("prefix");
  const web = start("web");
  let now = 0;
  outputs[1].room = 0;
  outputs[2].room = 0;
  kernel.now = () => now;
  kernel.waitReady = (watched) => {
    now += 100;
    if (now === 300) outputs[1].room = 1000;
    return watched.map(({ fd }) => fd);
  };
  put(web.out, "late\n");
  put(web.err, "lost\n");
  log.flush(1000);
  expect([outputs[1].text, outputs[2].text, now]).toEqual(["web    | late\n", "", 1000]);
});

test("a service that leaves processes behind at each start keeps the pipes of its last sixteen", () => {
  const { start, put, settle, outputs, closed } = world("prefix");
  const starts = Array.from({ length: 20 }, () => start("web"));
  expect(closed).toEqual(starts.slice(0, 4).flatMap(({ out, err }) => [out[0], err[0]]));
  put((starts[4] as (typeof starts)[0]).out, "old\n");
  settle();
  expect(outputs[1].text).toBe("web    | old\n");
});

test("a start without descriptors left gets the error, and no half of its pipes stays", () => {
  let left = 1;
  const { kernel } = world("prefix");
  const makePipe = kernel.makePipe;
  const closed: number[] = [];
  const scarce = fakeKernel([], {
    ...kernel,
    makePipe: () => (left-- > 0 ? makePipe() : -EMFILE),
    close: (fd) => closed.push(fd),
  });
  const log = new LogPipes(scarce, { format: "json", services: ["web"], say: () => {} });
  expect(log.open("web")).toBe(-EMFILE);
  expect(closed.length).toBe(2);
  expect(log.watched()).toEqual([]);
});
