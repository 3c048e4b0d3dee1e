// Why a program did not start, with what is missing where EPERM and EACCES leave it open: a capability, a mount without noexec, a
// mode, a file instead of a folder. Reads only; who starts a program comes here never.

import type { LaunchFailure } from "../../launch/result.ts";
import { nearestWord } from "../../policy/wording/nearest.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { textOf } from "../../sys/text/bytes.ts";
import { LAUNCH_EXIT } from "../exit-codes.ts";
import { SUBCOMMANDS } from "../invocation.ts";

/** `programAt`: where the program's name stands on the command line, when it stands there. */
export function launchFailure(
  kernel: Kernel,
  { code, message }: LaunchFailure,
  { programAt }: { readonly programAt?: number },
): [code: number, message: string] {
  const hint = code === "not-found" ? subcommandHint(kernel, programAt) : permissionHint(kernel, message);
  return [LAUNCH_EXIT[code], hint === undefined ? message : `${message}; ${hint}`];
}

/** `fdinit chek policy.yaml`: only the first word can have been meant for a subcommand. */
function subcommandHint(kernel: Kernel, programAt: number | undefined): string | undefined {
  if (programAt !== 1) return undefined;
  const near = nearestWord(textOf(kernel.commandLineArgument(programAt)), SUBCOMMANDS);
  return near === undefined ? undefined : `did you mean the subcommand "${near}"?`;
}

/** By the system call that a message names in brackets. */
const MISSING: Readonly<Record<string, string>> = {
  setresuid: "CAP_SETUID",
  setresgid: "CAP_SETGID",
  setgroups: "CAP_SETGID",
  setpriority: "CAP_SYS_NICE",
  prlimit64: "CAP_SYS_RESOURCE",
  prlimit: "CAP_SYS_RESOURCE",
  setrlimit: "CAP_SYS_RESOURCE",
  PR_CAPBSET_DROP: "CAP_SETPCAP",
  capset: "CAP_SETPCAP",
  fchown: "CAP_CHOWN",
  chown: "CAP_CHOWN",
};

function permissionHint(kernel: Kernel, message: string): string | undefined {
  if (!/\b(EPERM|EACCES)\b/.test(message)) return undefined;
  const [, call = ""] = /\((\w+)[^()]*\): E(?:PERM|ACCES)/.exec(message) ?? [];
  const [, port] = /\(bind [^)]*:(\d+)\)/.exec(message) ?? [];
  if (port !== undefined)
    return Number(port) < 1024 ? "ports below 1024 need CAP_NET_BIND_SERVICE" : undefined;
  if (call === "setgroups" && fileText(kernel, "/proc/self/setgroups")?.trim() === "deny")
    return "this user namespace forbids it (/proc/self/setgroups is deny)";
  if (message.includes("OOM score")) return "a lower value than fdinit's own needs CAP_SYS_RESOURCE";
  const capability = MISSING[call];
  if (capability !== undefined) return `it needs ${capability}, which fdinit does not have`;
  const [, path] = /^cannot execute ("(?:[^"\\]|\\.)*"): EACCES/.exec(message) ?? [];
  return path === undefined ? undefined : executionHint(kernel, JSON.parse(path) as string);
}

/** <sys/stat.h> */
const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
const ANY_EXECUTE = 0o111;

function executionHint(kernel: Kernel, path: string): string | undefined {
  const mode = kernel.pathMode(path);
  if (mode < 0) return undefined;
  if ((mode & S_IFMT) === S_IFDIR) return "it is a directory";
  if ((mode & ANY_EXECUTE) === 0) return "nobody may execute it: chmod +x";
  const mount = mountOf(fileText(kernel, "/proc/self/mountinfo") ?? "", path);
  return mount?.options.split(",").includes("noexec")
    ? `it lies below ${mount.point}, which is mounted noexec`
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
