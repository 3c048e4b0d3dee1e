// Why a program did not start: the key of the policy that is at fault, and what is missing where EPERM and EACCES leave it open:
// a capability, a mount without noexec, a mode, a folder that may not be entered. Reads only; a start that succeeds never
// comes here.

import type { LaunchFailure } from "../../launch/result.ts";
import type { PolicyKey } from "../../plan/plan.ts";
import { CAPABILITY_NAMES } from "../../policy/meaning/capabilities.ts";
import type { Policy } from "../../policy/types.ts";
import { nearestWord } from "../../policy/wording/nearest.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { EACCES } from "../../sys/libc/errno.ts";
import { textOf } from "../../sys/text/bytes.ts";
import { LAUNCH_EXIT } from "../exit-codes.ts";
import { SUBCOMMANDS } from "../invocation.ts";
import type { Message } from "../output/say.ts";
import { placedComplaint, policyText } from "./place.ts";

/** `programAt`: where the program's name stands on the command line, when it stands there. */
export function launchFailure(
  kernel: Kernel,
  policy: Policy,
  failure: LaunchFailure,
  { programAt }: { readonly programAt?: number },
): [code: number, message: Message] {
  const { code } = failure;
  const message = withNames(failure.message);
  const hint = code === "not-found" ? subcommandHint(kernel, programAt) : permissionHint(kernel, message);
  const isOfCommandLine = programAt !== undefined && (code === "not-found" || code === "not-executable");
  const at = isOfCommandLine ? [] : keysOf(failure);
  return [LAUNCH_EXIT[code], placedComplaint(policyText(kernel, policy), code, { message, at, hint })];
}

/** The kernel has numbers for capabilities, and people have names. */
function withNames(message: string): string {
  return message.replace(/\bcapability (\d+)\b/, (number, index: string) => {
    const name = CAPABILITY_NAMES.split(" ")[Number(index)];
    return name === undefined ? number : `CAP_${name}`;
  });
}

/** `fdinit chek policy.yaml`: only the first word can have been meant for a subcommand. */
function subcommandHint(kernel: Kernel, programAt: number | undefined): string | undefined {
  if (programAt !== 1) return undefined;
  const near = nearestWord(textOf(kernel.commandLineArgument(programAt)), SUBCOMMANDS);
  return near === undefined ? undefined : `did you mean the subcommand "${near}"?`;
}

interface Call {
  /** The keys of a service that ask for the call; any of them may be written. */
  readonly keys?: readonly (readonly string[])[];
  /** The capability that it needs. */
  readonly capability?: string;
}

/** By the system call that a message names in brackets. */
const CALLS: Readonly<Record<string, Call>> = {
  setresuid: { keys: [["user"]], capability: "SETUID" },
  setresgid: { keys: [["user"]], capability: "SETGID" },
  setgroups: { keys: [["groups"], ["user"]], capability: "SETGID" },
  setpriority: { keys: [["nice"]], capability: "SYS_NICE" },
  prlimit64: { keys: [["limits", "nofile"], ["limits"]], capability: "SYS_RESOURCE" },
  prlimit: { capability: "SYS_RESOURCE" },
  PR_CAPBSET_DROP: { keys: [["capabilities"]], capability: "SETPCAP" },
  PR_SET_KEEPCAPS: { keys: [["capabilities"]] },
  PR_CAP_AMBIENT_RAISE: { keys: [["capabilities", "ambient"]] },
  capset: { keys: [["capabilities"]], capability: "SETPCAP" },
  chdir: { keys: [["cwd"]] },
  setsid: { keys: [["setsid"]] },
  setpgid: { keys: [["signals", "to"]] },
  PR_SET_PDEATHSIG: { keys: [["pdeathsig"]] },
  PR_SET_NO_NEW_PRIVS: { keys: [["noNewPrivileges"]] },
  dup3: { keys: [["fds", "pass"]] },
  fcntl: { keys: [["fds", "pass"]] },
  chown: { capability: "CHOWN" },
  fchown: { capability: "CHOWN" },
};

/** `cannot become user 7 (setresuid): EPERM`, `(give it to app, chown)`. */
function callIn(message: string): string {
  return /\((?:[^()]*, )?(\w+)[^()]*\): E[A-Z0-9]+/.exec(message)?.[1] ?? "";
}

function keysOf({ code, message, at, service }: LaunchFailure): PolicyKey[] {
  if (at) {
    const isOwner = at[1] === "open" && /\(no (user|group) |, chown\)/.test(message);
    return isOwner ? [[...at.slice(0, -1), "owner"], at] : [at];
  }
  if (service === undefined) return [];
  const of = (...keys: readonly string[][]): PolicyKey[] => keys.map((key) => ["services", service, ...key]);
  if (code !== "cannot-start") return of(["command", "0"], ["command"]).map(withNumber);
  if (message.includes(": no user ")) return of(["user"]);
  if (message.includes(": no group ")) return of(["groups"], ["user"]);
  if (message.includes("OOM score")) return of(["oomScoreAdj"]);
  return of(...(CALLS[callIn(message)]?.keys ?? []).map((key) => [...key]));
}

function withNumber(key: PolicyKey): PolicyKey {
  return key.map((step) => (step === "0" ? 0 : step));
}

function permissionHint(kernel: Kernel, message: string): string | undefined {
  if (!/\b(EPERM|EACCES)\b/.test(message)) return undefined;
  const call = callIn(message);
  const [, port] = /\(bind [^)]*:(\d+)\)/.exec(message) ?? [];
  if (port !== undefined)
    return Number(port) < 1024 ? lacking(kernel, "NET_BIND_SERVICE", "a port below 1024") : undefined;
  if (call === "setgroups" && fileText(kernel, "/proc/self/setgroups")?.trim() === "deny")
    return "this user namespace forbids it (/proc/self/setgroups is deny)";
  const [, hard] = /:(\d+) \(prlimit(?:64)?\)/.exec(message) ?? [];
  const most = Number(fileText(kernel, "/proc/sys/fs/nr_open") ?? Number.NaN);
  if (hard !== undefined && Number(hard) > most)
    return `the kernel allows at most ${most} (fs.nr_open), whatever the capabilities`;
  if (message.includes("OOM score"))
    return lacking(kernel, "SYS_RESOURCE", "a lower value than fdinit's own");
  const { capability } = CALLS[call] ?? {};
  if (capability !== undefined) return lacking(kernel, capability, "it");
  return pathHint(kernel, message);
}

function lacking(kernel: Kernel, capability: string, what: string): string | undefined {
  const [, held] = /^CapEff:\s*([0-9a-f]+)$/m.exec(fileText(kernel, "/proc/self/status") ?? "") ?? [];
  const bit = BigInt(CAPABILITY_NAMES.split(" ").indexOf(capability));
  const has = held !== undefined && ((BigInt(`0x${held}`) >> bit) & 1n) === 1n;
  // With the capability another rule forbids it: a security module, or a seccomp profile.
  return has
    ? `fdinit has CAP_${capability}, so a seccomp profile, a security module or a user namespace forbids it`
    : `${what} needs CAP_${capability}, which fdinit does not have`;
}

/** <sys/stat.h> */
const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
const ANY_EXECUTE = 0o111;
const OTHERS_EXECUTE = 0o001;

/** The path of `cannot execute "/x"`, `the working directory "/x"`, `(open /x)`, `(bind unix:/x)`. */
function pathIn(message: string): string | undefined {
  const [, quoted] = /(?:cannot execute|working directory) ("(?:[^"\\]|\\.)*")/.exec(message) ?? [];
  if (quoted !== undefined) return JSON.parse(quoted) as string;
  return /\((?:open |read |bind unix:)(\/[^)]*)\)/.exec(message)?.[1];
}

function pathHint(kernel: Kernel, message: string): string | undefined {
  const path = pathIn(message);
  if (path === undefined) return undefined;
  const own = message.startsWith("cannot execute") ? executionHint(kernel, path) : undefined;
  return forbiddenFolder(kernel, path) ?? own ?? narrowFolder(kernel, path);
}

/** The folders on the way, from the top, each with the path below it that comes next. */
function foldersTo(path: string): { readonly folder: string; readonly next: string }[] {
  const names = path.split("/");
  return names.slice(1).map((_, count) => ({
    folder: names.slice(0, count + 1).join("/") || "/",
    next: names.slice(0, count + 2).join("/"),
  }));
}

function forbiddenFolder(kernel: Kernel, path: string): string | undefined {
  const found = foldersTo(path).find(({ next }) => kernel.pathMode(next) === -EACCES);
  return found && `fdinit's user may not enter the folder ${JSON.stringify(found.folder)}`;
}

/** What fdinit may enter and the service's user perhaps not. */
function narrowFolder(kernel: Kernel, path: string): string | undefined {
  for (const { folder } of [...foldersTo(path), { folder: path }]) {
    const mode = kernel.pathMode(folder);
    if (mode >= 0 && (mode & S_IFMT) === S_IFDIR && (mode & OTHERS_EXECUTE) === 0)
      return `only its owner and group may enter the folder ${JSON.stringify(folder)} (mode ${modeText(mode)})`;
  }
  return undefined;
}

function modeText(mode: number): string {
  return `0${(mode & 0o7777).toString(8).padStart(3, "0")}`;
}

function executionHint(kernel: Kernel, path: string): string | undefined {
  const mode = kernel.pathMode(path);
  if (mode < 0) return undefined;
  if ((mode & S_IFMT) === S_IFDIR) return "it is a directory";
  if ((mode & ANY_EXECUTE) === 0) return "nobody may execute it: chmod +x";
  const mount = mountOf(fileText(kernel, "/proc/self/mountinfo") ?? "", path);
  if (mount?.options.split(",").includes("noexec"))
    return `it lies below ${mount.point}, which is mounted noexec`;
  return (mode & OTHERS_EXECUTE) === 0
    ? `only its owner or group may execute it (mode ${modeText(mode)})`
    : undefined;
}

/** proc_pid_mountinfo(5): the mount with the longest point above the path. */
function mountOf(mounts: string, path: string): { point: string; options: string } | undefined {
  let best: { point: string; options: string } | undefined;
  for (const line of mounts.split("\n")) {
    const [, , , , point = "", options = ""] = line.split(" ");
    const isAbove = point !== "" && (path === point || path.startsWith(point === "/" ? "/" : `${point}/`));
    if (isAbove && point.length >= (best?.point.length ?? 0)) best = { point, options };
  }
  return best;
}

function fileText(kernel: Kernel, path: string): string | undefined {
  const bytes = kernel.readFile(path, 1 << 20);
  return typeof bytes === "number" ? undefined : textOf(bytes);
}
