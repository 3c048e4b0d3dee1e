// Starts a program, by default fdinit as PID 1 of a new PID namespace, and watches it from outside.
// Nothing here waits without a deadline, and nothing sleeps for luck: conditions are looked at again
// until they hold.

import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FDINIT, fixture } from "./fixtures.ts";
import { register, temporaryDirectory } from "./leftovers.ts";
import { LONG, UNSHARE } from "./needs.ts";
import { children, until } from "./processes.ts";

/** Longer than anything takes here, even beside busy neighbours. */
export const DEADLINE_MS = LONG ? 60_000 : 15_000;

export interface Start {
  /** The program and its arguments. */
  readonly run: readonly string[];
  /** fdinit's options; ignored when `direct`. */
  readonly options?: readonly string[];
  /** Words for the launcher (tests/fixtures/launch.c), which then stands before fdinit. */
  readonly launch?: readonly string[];
  /** Runs the program itself, without fdinit. */
  readonly direct?: boolean;
  /** "pid1" (default), or "child": an ordinary process, which has to be a subreaper. */
  readonly as?: "pid1" | "child";
  /** Takes the place of dist/fdinit. */
  readonly executable?: string;
  /** Added to the environment; undefined removes. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Shell commands run in the new namespaces before anything else. */
  readonly before?: string;
}

export interface Ended {
  /** The exit code; 128 + n when fdinit itself was killed by signal n. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export function commandLine(start: Start): string[] {
  const { run, options = [], launch, direct = false, as = "pid1", executable = FDINIT, before } = start;
  return [
    ...(as === "pid1" ? UNSHARE : []),
    ...(before === undefined ? [] : ["sh", "-ec", `${before}\nexec "$@"`, "sh"]),
    ...(launch ? [fixture("launch"), ...launch, "--"] : []),
    ...(direct ? run : [executable, ...options, "--", ...run]),
  ];
}

export class Running {
  readonly #start: Start;
  readonly #process: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly #stdout: AsyncIterator<string>;
  readonly #stderr: Promise<string>;
  #rest = "";

  constructor(start: Start) {
    this.#start = start;
    const env = { ...process.env, ...start.env };
    this.#process = register(
      Bun.spawn(commandLine(start), {
        stdin: "pipe",
        stdout: "pipe",
        stderr: "pipe",
        env,
        ...(start.cwd === undefined ? {} : { cwd: start.cwd }),
      }),
    );
    const decoded = this.#process.stdout.pipeThrough(
      new TextDecoderStream() as never,
    ) as ReadableStream<string>;
    this.#stdout = decoded[Symbol.asyncIterator]();
    this.#stderr = new Response(this.#process.stderr).text();
  }

  /** fdinit's pid, seen from here; as soon as it exists, which is before it is fdinit. */
  async pid(): Promise<number> {
    if (this.#start.as === "child") return this.#process.pid;
    return until("PID 1 exists", () => children(this.#process.pid)[0]);
  }

  /** The pid of the program that fdinit started, seen from here. */
  async payload(): Promise<number> {
    const pid = await this.pid();
    return until("the program runs", () => children(pid)[0]);
  }

  /** Writes to its standard input. */
  type(text: string): void {
    this.#process.stdin.write(text);
    void this.#process.stdin.flush();
  }

  /** Reads on until the text has been printed; answers everything up to its end. */
  async printed(text: string): Promise<string> {
    for (;;) {
      const at = this.#rest.indexOf(text);
      if (at >= 0) {
        const seen = this.#rest.slice(0, at + text.length);
        this.#rest = this.#rest.slice(at + text.length);
        return seen;
      }
      const { value, done } = await this.#within(JSON.stringify(text), this.#stdout.next());
      if (done) throw new Error(`not printed: ${JSON.stringify(text)}, but ${JSON.stringify(this.#rest)}`);
      this.#rest += value;
    }
  }

  /** The harness's own child: the launcher that stands before everything else. */
  get launcher(): number {
    return this.#process.pid;
  }

  /** The next line of standard output. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#within("a line", this.#stdout.next());
      if (done) throw new Error(`standard output ended; standard error: ${await this.#stderr}`);
      this.#rest += value;
    }
  }

  async ready(): Promise<this> {
    const line = await this.line();
    if (line !== "ready") throw new Error(`not "ready" but ${JSON.stringify(line)}`);
    return this;
  }

  /** Closes its standard input and waits for its end. */
  finished(): Promise<Ended> {
    void this.#process.stdin.end();
    return this.ended();
  }

  /** Waits for its end; its standard input stays open. */
  async ended(): Promise<Ended> {
    const stdout = this.#remaining();
    const code = await this.#within("its end", this.#process.exited);
    return {
      code,
      stdout: await this.#within("standard output", stdout),
      stderr: await this.#within("standard error", this.#stderr),
    };
  }

  async #remaining(): Promise<string> {
    for (let next = await this.#stdout.next(); !next.done; next = await this.#stdout.next())
      this.#rest += next.value;
    return this.#rest;
  }

  async #within<T>(what: string, promise: Promise<T>): Promise<T> {
    let timer: Timer | undefined;
    const late = new Promise<never>((_, reject) => {
      const give = () => {
        this.#process.kill(9);
        reject(new Error(`waited ${DEADLINE_MS} ms for ${what} of ${commandLine(this.#start).join(" ")}`));
      };
      timer = setTimeout(give, DEADLINE_MS);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Starts it and goes on. */
export function start(what: Start): Running {
  return new Running(what);
}

/** Runs it to its end. */
export function run(what: Start): Promise<Ended> {
  return new Running(what).finished();
}

/** The option that names a file with this policy. */
export function policy(text: string): string[] {
  const file = join(temporaryDirectory(), "policy.yaml");
  writeFileSync(file, text);
  // With any umask: some tests start fdinit as another user.
  chmodSync(file, 0o644);
  return ["--policy", file];
}

/** The stages that lines of `log.format: json` name. */
export function stages(stderr: string): string[] {
  const lines = stderr.split("\n").filter((line) => line.startsWith("{"));
  return lines.flatMap((line) => (JSON.parse(line) as { readonly stage?: string }).stage ?? []);
}
