// Opening what fds.open names: which calls, which flags, and what a failure says and leaves behind.

import { describe, expect, test } from "bun:test";
import { launchContext } from "../../../init/launch/launch.ts";
import { open } from "../../../init/launch/open.ts";
import { parseListenAddress } from "../../../init/policy/meaning/addresses.ts";
import type { Opening } from "../../../init/policy/types.ts";
import type { Kernel } from "../../../init/sys/kernel.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  O_APPEND,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../../../init/sys/libc/constants.ts";
import {
  EACCES,
  EADDRINUSE,
  EAFNOSUPPORT,
  EINVAL,
  ELOOP,
  EMFILE,
  EMLINK,
  ENOENT,
  ENOSYS,
  ENXIO,
  EPERM,
  errnoText,
} from "../../../init/sys/libc/errno.ts";
import { bytesOf } from "../../../init/sys/text/bytes.ts";
import { fakeKernel } from "../fake-kernel.ts";

const STANDARD = [0, 1, 2, 5];

type Listener = Extract<Opening, { open: "listen" }>;

function listen(written: string, more: Partial<Listener> = {}): Listener {
  const parsed = parseListenAddress(written);
  if (!parsed.ok) throw new Error(parsed.message);
  const { address } = parsed;
  return {
    open: "listen",
    written,
    address,
    type: "stream",
    backlog: 7,
    reusePort: false,
    mode: 0o600,
    ...more,
  };
}

/** Opens it under the name `http`; after a failure nothing may be open that was not before. */
function opened(what: Opening, overrides: Partial<Kernel> = {}) {
  const kernel = fakeKernel(STANDARD, overrides);
  const context = launchContext(kernel, 6);
  const failure = open("http", what, context);
  const fds = [...kernel.open.keys()].filter((fd) => !STANDARD.includes(fd));
  if (failure !== undefined) {
    expect(failure.stage).toBe("open");
    expect(fds).toEqual([]);
    expect(context.opened.size).toBe(0);
  }
  return {
    failure,
    problem: failure?.message,
    fds,
    calls: kernel.calls,
    names: Object.fromEntries(context.opened),
    tokens: context.tokens,
  };
}

const PASSWD: Partial<Kernel> = {
  readFile: (path) => (path === "/etc/passwd" ? bytesOf("app:x:1000:1001::/:\n") : -ENOENT),
};
const OWNER = { owner: { user: "app" } };

describe("a listener", () => {
  test("at an IPv4 address is bound, then listens with its backlog", () => {
    const { problem, names, fds, calls } = opened(listen("10.0.0.1:80"));
    expect([problem, names, fds]).toEqual([undefined, { http: 3 }, [3]]);
    expect(calls).toEqual([
      `makeSocket ${AF_INET} ${SOCK_STREAM}`,
      `setSocketOption ${SOL_SOCKET} ${SO_REUSEADDR} 1`,
      'bind {"family":"inet","host":[10,0,0,1],"port":80}',
      "listen 7",
    ]);
  });
  test("at all addresses is one IPv6 socket for both families, at an IPv6 address for IPv6 alone", () => {
    const only = (written: string) =>
      opened(listen(written)).calls.filter((call) => /makeSocket|setSocketOption 41/.test(call));
    const option = `setSocketOption ${IPPROTO_IPV6} ${IPV6_V6ONLY}`;
    expect(only("*:80")).toEqual([`makeSocket ${AF_INET6} ${SOCK_STREAM}`, `${option} 0`]);
    expect(only("[::]:80")).toEqual([`makeSocket ${AF_INET6} ${SOCK_STREAM}`, `${option} 1`]);
  });
  test("at all addresses is IPv4's where the kernel has no IPv6", () => {
    const sockets: number[] = [];
    const bound: unknown[] = [];
    const { problem, names } = opened(listen("*:80"), {
      makeSocket(domain) {
        sockets.push(domain);
        return domain === AF_INET6 ? -EAFNOSUPPORT : 30;
      },
      bind(fd, address) {
        bound.push([fd, address]);
        return 0;
      },
    });
    expect([problem, names, sockets]).toEqual([undefined, { http: 30 }, [AF_INET6, AF_INET]]);
    expect(bound).toEqual([[30, { family: "inet", host: [0, 0, 0, 0], port: 80 }]]);
  });
  test("at an IPv6 address is nothing else where the kernel has no IPv6", () => {
    const { problem } = opened(listen("[::1]:80"), { makeSocket: () => -EAFNOSUPPORT });
    expect(problem).toBe('cannot open listener "http" (socket): EAFNOSUPPORT: address family not supported');
  });
  test("shares its port when it is to, and waits for no old connections to end", () => {
    const { calls } = opened(listen("0.0.0.0:80", { reusePort: true }));
    expect(calls).toContain(`setSocketOption ${SOL_SOCKET} ${SO_REUSEPORT} 1`);
  });
  test("for datagrams does not listen, and does not share its address", () => {
    const { calls } = opened(listen("udp:0.0.0.0:53", { type: "dgram" }));
    expect(calls[0]).toBe(`makeSocket ${AF_INET} ${SOCK_DGRAM}`);
    expect(calls).toContain(`setSocketOption ${SOL_SOCKET} ${SO_REUSEADDR} 0`);
    expect(calls.some((call) => call.startsWith("listen"))).toBe(false);
  });

  test.each<[string, Partial<Kernel>, string, number]>([
    ["makeSocket", { makeSocket: () => -EMFILE }, "socket", EMFILE],
    ["setSocketOption", { setSocketOption: () => -EINVAL }, "setsockopt", EINVAL],
    ["bind", { bind: () => -EADDRINUSE }, "bind 0.0.0.0:80", EADDRINUSE],
    ["listen", { listen: () => -EADDRINUSE }, "listen 0.0.0.0:80", EADDRINUSE],
  ])("that fails in %s says where, and leaves nothing open", (_, overrides, call, errno) => {
    const { failure } = opened(listen("0.0.0.0:80"), overrides);
    expect(failure).toMatchObject({ stage: "open", call, errno });
    expect(failure?.message).toBe(`cannot open listener "http" (${call}): ${errnoText(errno)}`);
  });
  test("at an address in use is not taken for stale: nothing is connected to, nothing removed", () => {
    const { calls } = opened(listen("0.0.0.0:80"), { bind: () => -EADDRINUSE });
    expect(calls.filter((call) => /connect|unlink/.test(call))).toEqual([]);
  });
});

describe("a Unix socket", () => {
  const what = listen("unix:/run/a.sock", { mode: 0o660 });
  const failing = (call: string, errno: number): Partial<Kernel> => ({ bindPath: () => ({ call, errno }) });

  test("is bound with its mode, and with its owner, before it listens", () => {
    expect(opened(what).calls).toEqual([
      `makeSocket ${AF_UNIX} ${SOCK_STREAM}`,
      `bindPath /run/a.sock {"type":${SOCK_STREAM},"mode":432}`,
      "listen 7",
    ]);
    const { calls, problem } = opened({ ...what, ...OWNER }, PASSWD);
    expect(problem).toBeUndefined();
    expect(calls[1]).toEndWith('"mode":432,"owner":{"uid":1000,"gid":1001}}');
  });
  test("with an abstract name has no mode, no owner and no file", () => {
    const { calls } = opened(listen("unix:@a", { type: "seqpacket" }));
    expect(calls).toEqual([
      `makeSocket ${AF_UNIX} ${SOCK_SEQPACKET}`,
      'bind {"family":"unix","path":"@a"}',
      "listen 7",
    ]);
    const { problem } = opened(listen("unix:@a"), { bind: () => -EADDRINUSE });
    expect(problem).toContain("EADDRINUSE");
  });
  test("that cannot be bound or given away says so, and is closed", () => {
    expect(opened(what, failing("bind", EADDRINUSE)).problem).toBe(
      'cannot open listener "http" (bind unix:/run/a.sock): EADDRINUSE: address already in use',
    );
    expect(opened(what, failing("bind", ELOOP)).problem).toContain(
      "(links are not followed where a directory is not root's alone)",
    );
    expect(opened({ ...what, ...OWNER }, { ...PASSWD, ...failing("chown", EPERM) }).problem).toContain(
      "(give it to app, chown): EPERM",
    );
    expect(opened({ ...what, ...OWNER }).problem).toContain('no user "app" in /etc/passwd');
  });
});

describe("a file", () => {
  const file = (more: object = {}) =>
    ({ open: "file", path: "/a", access: "read", mode: 0o640, ...more }) as Opening;
  test.each([
    ["read", O_RDONLY],
    ["write", O_WRONLY | O_CREAT],
    ["readWrite", O_RDWR | O_CREAT],
    ["append", O_WRONLY | O_CREAT | O_APPEND],
  ] as const)("for %s", (access, flags) => {
    expect(opened(file({ access })).calls).toEqual([`openFile /a ${flags} 640`]);
  });
  test("that is made is given to its owner; one that was there keeps its own", () => {
    const changes = (isNew: boolean) =>
      opened(file({ access: "append", ...OWNER }), {
        ...PASSWD,
        openFile: () => ({ fd: 5, isNew }),
      }).calls;
    expect(changes(true)).toEqual(["changeDescriptorOwner 1000 1001"]);
    expect(changes(false)).toEqual([]);
  });
  test("that cannot be opened or given away says so, and is closed", () => {
    expect(opened(file(), { openFile: () => -EACCES }).problem).toBe(
      'cannot open "http" (open /a): EACCES: permission denied',
    );
    const failing: Partial<Kernel> = {
      ...PASSWD,
      openFile: () => ({ fd: 30, isNew: true }),
      changeDescriptorOwner: () => -EPERM,
    };
    expect(opened(file({ access: "write", ...OWNER }), failing).problem).toContain("chown): EPERM");
  });
  test.each([
    [ELOOP, "links are not followed where a directory is not root's alone"],
    [EMLINK, "it has others"],
    [ENXIO, "a FIFO that nobody reads, or a socket"],
  ])("that the door refuses with %d says why", (errno, reason) => {
    expect(opened(file(), { openFile: () => -errno }).problem).toContain(reason);
  });
});

describe("the other kinds", () => {
  test("a pipe has the named end under its name, and the other under Peer", () => {
    expect(opened({ open: "pipe", end: "read" }).names).toEqual({ http: 3, httpPeer: 4 });
    expect(opened({ open: "pipe", end: "write" }).names).toEqual({ http: 4, httpPeer: 3 });
    expect(opened({ open: "pipe", end: "read" }, { makePipe: () => -EMFILE }).problem).toBe(
      'cannot open pipe "http" (pipe2): EMFILE: too many open files',
    );
  });
  test("a socket pair is of its type", () => {
    const { names, calls } = opened({ open: "socketpair", type: "dgram" });
    expect([names, calls]).toEqual([{ http: 3, httpPeer: 4 }, [`makeSocketPair ${SOCK_DGRAM}`]]);
    expect(opened({ open: "socketpair", type: "stream" }, { makeSocketPair: () => -EMFILE }).problem).toBe(
      'cannot open socketpair "http" (socketpair): EMFILE: too many open files',
    );
  });
  test("a token's write end is what is handed out; the read end is waited for", () => {
    expect(opened({ open: "token" })).toMatchObject({
      names: { http: 4 },
      tokens: [{ name: "http", fd: 3 }],
    });
    expect(opened({ open: "token" }, { makePipe: () => -EMFILE })).toMatchObject({
      problem: 'cannot open token "http" (pipe2): EMFILE: too many open files',
      tokens: [],
    });
  });
  test("a memory file holds the text, or what a file holds", () => {
    const made: [string, string][] = [];
    const makeMemoryFile = (name: string, content: Uint8Array) =>
      made.push([name, new TextDecoder().decode(content)]) + 9;
    opened({ open: "memfd", content: { text: "ü" } }, { makeMemoryFile });
    opened({ open: "memfd", content: { file: "/k" } }, { makeMemoryFile, readFile: () => bytesOf("key") });
    expect(made).toEqual([
      ["http", "ü"],
      ["http", "key"],
    ]);
  });
  test("a memory file says what was in its way", () => {
    const problem = (content: { text: string } | { file: string }, overrides: Partial<Kernel> = {}) =>
      opened({ open: "memfd", content }, overrides).problem;
    expect(problem({ file: "/k" })).toBe('cannot open "http" (read /k): ENOENT: no such file or directory');
    expect(problem({ file: "/k" }, { readFile: (_path, length) => new Uint8Array(length) })).toContain(
      "16 MiB",
    );
    const most = 16 * 1024 * 1024;
    expect(problem({ file: "/k" }, { readFile: () => new Uint8Array(most) })).toBeUndefined();
    expect(problem({ text: "a" }, { makeMemoryFile: () => -ENOSYS })).toContain("(memfd_create): ENOSYS");
  });
  test("/dev/null is /dev/null", () => {
    expect(opened({ open: "devnull" }).names).toEqual({ http: 3 });
    expect(opened({ open: "devnull" }, { openDevNull: () => -ENOENT }).problem).toContain(
      "(open /dev/null): ENOENT",
    );
  });
});
