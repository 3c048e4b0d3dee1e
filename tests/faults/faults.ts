// Every system call of a start, a wait and a shutdown, failing with each errno of its man page, one at a time:
// what PID 1 does then. With the static executable, whose every call is fdinit's own.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SYS } from "../../init/sys/libc/abi/x86_64.ts";
import { fixture } from "../harness/fixtures.ts";

export interface Scenario {
  readonly name: string;
  /** The scenario in words, for the table. */
  readonly about: string;
  readonly policy?: string;
  /** A script for sh, the program. */
  readonly script: string;
  readonly code: number;
}

const SOCKET = "/tmp/fdinit-fault.sock";

export const SCENARIOS: readonly Scenario[] = [
  { name: "start", about: "a start without a policy, and its end", script: "exit 3", code: 3 },
  {
    name: "policy",
    about: "a policy that opens a socket, names a user and limits, and writes a report",
    policy: JSON.stringify({
      version: 1,
      fds: {
        inherited: { rules: [{ match: { kind: "cgroup" }, action: "refuse" }] },
        open: {
          web: { listen: `unix:${SOCKET}`, mode: "0600" },
          pipe: { file: "/dev/null", access: "read" },
        },
      },
      services: {
        app: { user: "65534:65534", umask: "0022", fds: { pass: { web: 3, pipe: 4 }, protocol: "systemd" } },
      },
      report: "/dev/null",
    }),
    script: "exit 3",
    code: 3,
  },
  {
    name: "signal",
    about: "a signal passed on while the program runs, and an orphan",
    // It gives up after two seconds: then the signal was lost.
    script:
      "trap 'exit 5' USR1; (sleep 0 &); kill -USR1 1; n=0; while [ $n -lt 200 ]; do sleep 0.01; n=$((n+1)); done; exit 6",
    code: 5,
  },
  {
    name: "watched",
    about: "a program and an orphan whose ends are logged and reported",
    policy: JSON.stringify({ version: 1, reaping: { log: "all" }, report: "/dev/null" }),
    script: "(sh -c 'exit 2' &); exit 3",
    code: 3,
  },
  {
    name: "shutdown",
    about: "a shutdown with steps and a budget, of a program that ignores SIGTERM",
    policy: JSON.stringify({
      version: 1,
      shutdown: { budget: "500ms", steps: [{ signal: "SIGTERM", wait: "50ms" }, { signal: "SIGKILL" }] },
    }),
    script: "trap '' TERM; kill -TERM 1; n=0; while [ $n -lt 500 ]; do sleep 0.01; n=$((n+1)); done",
    code: 137,
  },
];

/** Of <asm-generic/errno-base.h> and <asm-generic/errno.h>. */
const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  EBADF: 9,
  ECHILD: 10,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  ENODEV: 19,
  ENOTDIR: 20,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  ENOSPC: 28,
  EROFS: 30,
  ELOOP: 40,
  ENOSYS: 38,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  EADDRINUSE: 98,
  ENOBUFS: 105,
} as const;
export type ErrnoName = keyof typeof ERRNO;
/** The host makes children by clone(2) (engine/host.c), which fdinit itself never calls. */
const CALLS = { ...SYS, clone: 56 };
type Call = keyof typeof CALLS;

const OPENING: readonly ErrnoName[] = [
  "EACCES",
  "EINTR",
  "ELOOP",
  "EMFILE",
  "ENFILE",
  "ENOENT",
  "ENOMEM",
  "EPERM",
  "EROFS",
];

/** The errors that each may answer by the man pages (section 2), where that can happen to fdinit; EPERM and ENOSYS also stand for a seccomp profile. */
const MAY_ANSWER: Partial<Record<Call, readonly ErrnoName[]>> = {
  read: ["EAGAIN", "EINTR", "EIO"],
  write: ["EAGAIN", "EINTR", "EIO", "ENOSPC"],
  close: ["EINTR", "EIO"],
  fstat: ["ENOMEM", "EPERM"],
  newfstatat: ["EACCES", "ENOENT", "ENOMEM"],
  statx: ["EACCES", "ENOENT", "ENOMEM", "ENOSYS", "EPERM"],
  fstatfs: ["EINTR", "EIO", "ENOSYS"],
  getdents64: ["EIO", "ENOENT", "EPERM"],
  ioctl: ["EINTR", "EIO", "ENOTTY", "EPERM"],
  fcntl: ["EBADF", "EINVAL", "EMFILE", "EPERM"],
  openat: OPENING,
  openat2: [...OPENING, "EAGAIN", "EINVAL", "ENOSYS"],
  readlinkat: ["EACCES", "EINVAL", "EIO", "ENOENT", "ENOMEM"],
  faccessat: ["EACCES", "EIO", "ENOENT", "ENOMEM"],
  rt_sigaction: ["EINVAL"],
  rt_sigprocmask: ["EINVAL"],
  rt_sigtimedwait: ["EAGAIN", "EINTR", "EPERM", "ENOSYS"],
  signalfd4: ["EMFILE", "ENFILE", "ENODEV", "ENOMEM", "EPERM"],
  ppoll: ["EINTR", "ENOMEM", "EPERM", "ENOSYS"],
  clone: ["EAGAIN", "ENOMEM", "EPERM"],
  wait4: ["EINTR", "EINVAL", "ENOSYS", "EPERM"],
  waitid: ["EINTR", "EINVAL", "ENOSYS", "EPERM"],
  kill: ["EPERM"],
  prctl: ["EINVAL", "EPERM"],
  prlimit64: ["EPERM", "EINVAL"],
  close_range: ["EINVAL", "EMFILE", "ENOMEM", "ENOSYS", "EPERM"],
  socket: ["EACCES", "EAFNOSUPPORT", "EMFILE", "ENFILE", "ENOBUFS", "EPERM"],
  bind: ["EACCES", "EADDRINUSE", "ENOENT", "EROFS"],
  connect: ["EACCES", "EAGAIN"],
  listen: ["EADDRINUSE", "EOPNOTSUPP"],
  getsockopt: ["ENOBUFS"],
  dup3: ["EINTR", "EMFILE"],
  umask: [],
  ftruncate: ["EINTR", "EIO", "EINVAL"],
  fchown: ["EPERM", "EIO", "EROFS"],
  fchmod: ["EPERM", "EIO", "EROFS"],
  mkdirat: ["EACCES", "EPERM", "EROFS"],
  unlinkat: ["EACCES", "EPERM", "EROFS"],
  fchdir: ["EACCES"],
};

export interface Outcome {
  readonly scenario: string;
  readonly call: string;
  /** 1 for its first call of that name. */
  readonly nth: number;
  readonly errno: ErrnoName;
  /** "as ever"; "said": the same end, and a line; "refused N": exit code N and a line; else what is wrong. */
  readonly did: string;
}

/** Own exit codes that docs/exit-codes.md knows. */
const DOCUMENTED = [64, 70, 77, 78, 126, 127];
const SECONDS = 12;

export const WRONG = /^(hang|silent|source|internal)/;

export class Driver {
  readonly #folder = mkdtempSync(join(tmpdir(), "fdinit-faults-"));
  readonly #executable: string;
  /** Lines that the scenario says in any case. */
  #undisturbed = 0;

  constructor(executable: string) {
    this.#executable = executable;
  }

  /** Tries every fault of a scenario, or each nth of them, `atOnce` at a time. */
  async outcomes(scenario: Scenario, atOnce: number, eachNth = 1): Promise<Outcome[]> {
    const faults = (await this.#faultsOf(scenario)).filter((_, index) => index % eachNth === 0);
    const found: Outcome[] = [];
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let fault = faults[next++]; fault; fault = faults[next++])
        found.push({ scenario: scenario.name, ...fault, did: await this.#tryOut(scenario, fault) });
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    return found.sort((a, b) => order(faults, a) - order(faults, b));
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
    rmSync(SOCKET, { force: true });
  }

  /** Those of the calls that an undisturbed run makes. Each name's calls are counted: of many, the first four and the last. */
  async #faultsOf(scenario: Scenario): Promise<Omit<Outcome, "did" | "scenario">[]> {
    const log = join(this.#folder, "log");
    const run = await this.#run(scenario, log, "-");
    if (run.code !== scenario.code)
      throw new Error(`${scenario.name} undisturbed: exit code ${run.code}, ${run.stderr}`);
    this.#undisturbed = linesOf(run.stderr).length;
    const counts = new Map<number, number>();
    for (const number of readFileSync(log, "latin1").trim().split("\n").map(Number))
      counts.set(number, (counts.get(number) ?? 0) + 1);
    const names = new Map<number, Call>(
      Object.entries(CALLS).map(([name, number]) => [number, name as Call]),
    );
    return [...counts].flatMap(([number, count]) => {
      const call = names.get(number);
      const errnos = call === undefined ? [] : (MAY_ANSWER[call] ?? []);
      const places = [...new Set([1, 2, 3, 4, count].filter((nth) => nth <= count))];
      return places.flatMap((nth) => errnos.map((errno) => ({ call: call as string, nth, errno })));
    });
  }

  async #tryOut(
    scenario: Scenario,
    { call, nth, errno }: Omit<Outcome, "did" | "scenario">,
  ): Promise<string> {
    const fault = `${CALLS[call as Call]}:${nth}:${ERRNO[errno]}`;
    const { code, stderr } = await this.#run(scenario, "/dev/null", fault);
    const lines = linesOf(stderr);
    const isOurs = lines.every((line) => /^(fdinit: | {4})/.test(line));
    if (code === 124) return `hang: ${stderr}`;
    if (!isOurs) return `source: ${stderr}`;
    if (stderr.includes("internal error")) return `internal: ${stderr}`;
    if (code === scenario.code) return lines.length === this.#undisturbed ? "as ever" : "said";
    return lines.length > 0 && (DOCUMENTED.includes(code) || code === 6)
      ? code === 6
        ? "said"
        : `refused ${code}`
      : `silent: exit code ${code} ${stderr}`;
  }

  async #run({ name, policy, script }: Scenario, log: string, fault: string) {
    const file = join(this.#folder, `${name}.yaml`);
    if (policy !== undefined) writeFileSync(file, policy);
    const options = policy === undefined ? [] : ["--policy", file];
    const child = Bun.spawn(
      [fixture("fault"), log, String(SECONDS), fault, this.#executable, ...options, "--", "sh", "-c", script],
      { stdin: "ignore", stdout: "ignore", stderr: "pipe", cwd: "/", env: { PATH: process.env["PATH"] } },
    );
    const stderr = await new Response(child.stderr).text();
    return { code: await child.exited, stderr };
  }
}

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

function order(faults: readonly Omit<Outcome, "did" | "scenario">[], one: Outcome): number {
  return faults.findIndex(
    ({ call, nth, errno }) => call === one.call && nth === one.nth && errno === one.errno,
  );
}
