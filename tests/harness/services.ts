// Policies with several services for tests, and gates: files by which a test lets a service go on.

import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FDINIT } from "./fixtures.ts";
import { temporaryDirectory } from "./leftovers.ts";
import { children, until } from "./processes.ts";
import { policy, type Running, type Start, start } from "./run.ts";

export type Services = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Starts fdinit with a policy of these services; `more` are keys of the policy beside them. */
export function up(
  services: Services,
  more: Record<string, unknown> = {},
  how: Partial<Start> = {},
): Running {
  const options = policy(JSON.stringify({ version: 1, ...more, services }));
  // Any user is to read it: some tests start fdinit as another.
  chmodSync(join(options[1] as string, ".."), 0o755);
  return start({ run: [], options, ...how });
}

/** A command of the shell. */
export function sh(script: string): string[] {
  return ["sh", "-c", script];
}

/** A service that says its name and then runs for as long as it is let. */
export function running(name: string, before = ""): string[] {
  return sh(`${before}\necho ${name}; exec sleep 10000`);
}

/** A file that a service waits for. */
export class Gate {
  readonly file: string;

  constructor(directory = temporaryDirectory()) {
    this.file = join(directory, "gate");
  }

  /** The line of a shell script that waits for it. */
  get wait(): string {
    return `until [ -e ${this.file} ]; do sleep 0.01; done`;
  }

  open(): void {
    writeFileSync(this.file, "");
  }
}

/** The names of the services whose main processes are children of this fdinit, by their variable FDINIT_SERVICE. */
export function servicesOf(pid: number): Map<string, number> {
  const found = new Map<string, number>();
  for (const child of children(pid)) {
    const name = variable(child, "FDINIT_SERVICE");
    if (name !== undefined && !found.has(name)) found.set(name, child);
  }
  return found;
}

/** The main process of a service, as soon as it runs. */
export function mainOf(pid: number, name: string): Promise<number> {
  return until(`${name} runs`, () => servicesOf(pid).get(name));
}

export function variable(pid: number, name: string): string | undefined {
  try {
    const found = readFileSync(`/proc/${pid}/environ`, "latin1")
      .split("\0")
      .find((one) => one.startsWith(`${name}=`));
    return found?.slice(name.length + 1);
  } catch {
    return undefined;
  }
}

/** Runs fdinit as a client beside a running one, in its namespaces. */
export async function client(
  pid: number,
  words: readonly string[],
  user?: number,
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const as = user === undefined ? [] : ["--setuid", String(user), "--setgid", String(user)];
  const enter = ["nsenter", "--target", String(pid), "--pid", "--mount", ...as, "--", FDINIT];
  const process = Bun.spawn([...enter, ...words], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([
    new Response(process.stdout).text(),
    new Response(process.stderr).text(),
    process.exited,
  ]);
  return { code, stdout, stderr };
}

/** The lines of a file that services write to; none while it is not there. */
export function lines(file: string): string[] {
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : [];
}
