// Why a program did not start, with what is missing where EPERM and EACCES leave it open: a capability, a mount without noexec, a
// mode, a file instead of a folder. Reads only; who starts a program comes here never.

import type { LaunchFailure } from "../../launch/result.ts";
import type { LaunchStage } from "../../launch/stages.ts";
import { nearestWord } from "../../policy/wording/nearest.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { EACCES, EPERM } from "../../sys/libc/errno.ts";
import { textOf } from "../../sys/text/bytes.ts";
import { launchExit } from "../exit-codes.ts";
import { SUBCOMMANDS } from "../invocation.ts";
import type { StagedMessage } from "../output/say.ts";

/** `programAt`: where the program's name stands on the command line, when it stands there. */
export function launchFailure(
  kernel: Kernel,
  failure: LaunchFailure,
  { programAt }: { readonly programAt?: number },
): [code: number, message: StagedMessage] {
  const { stage, message } = failure;
  const hint = stage === "find-program" ? subcommandHint(kernel, programAt) : permissionHint(kernel, failure);
  return [launchExit(stage), { stage, text: hint === undefined ? message : `${message}; ${hint}` }];
}

/** `fdinit chek policy.yaml`: only the first word can have been meant for a subcommand. */
function subcommandHint(kernel: Kernel, programAt: number | undefined): string | undefined {
  if (programAt !== 1) return undefined;
  const near = nearestWord(textOf(kernel.commandLineArgument(programAt)), SUBCOMMANDS);
  return near === undefined ? undefined : `did you mean the subcommand "${near}"?`;
}

/** The capability that a stage needs. */
const NEEDED: Readonly<Partial<Record<LaunchStage, string>>> = {
  user: "CAP_SETUID",
  group: "CAP_SETGID",
  groups: "CAP_SETGID",
  nice: "CAP_SYS_NICE",
  limit: "CAP_SYS_RESOURCE",
  "open-files-limit": "CAP_SYS_RESOURCE",
  "bounding-set": "CAP_SETPCAP",
  capabilities: "CAP_SETPCAP",
  "drop-privileges": "CAP_SETPCAP",
};

function permissionHint(
  kernel: Kernel,
  { stage, message, errno, call = "" }: LaunchFailure,
): string | undefined {
  if (errno !== EPERM && errno !== EACCES) return undefined;
  if (stage === "open") return openingHint(call);
  if (stage === "groups" && fileText(kernel, "/proc/self/setgroups")?.trim() === "deny")
    return "this user namespace forbids it (/proc/self/setgroups is deny)";
  if (stage === "oom-score") return "a lower value than fdinit's own needs CAP_SYS_RESOURCE";
  const capability = NEEDED[stage];
  if (capability !== undefined) return needs(capability);
  if (stage !== "execute" || errno !== EACCES) return undefined;
  const [, path] = /^cannot execute ("(?:[^"\\]|\\.)*"): /.exec(message) ?? [];
  return path === undefined ? undefined : executionHint(kernel, JSON.parse(path) as string);
}

function needs(capability: string): string {
  return `it needs ${capability}, which fdinit does not have`;
}

/** By the call that opening a descriptor stopped at: `bind *:80`, `give it to app, chown`. */
function openingHint(call: string): string | undefined {
  const [, port] = /^bind .*:(\d+)$/.exec(call) ?? [];
  if (port !== undefined)
    return Number(port) < 1024 ? "ports below 1024 need CAP_NET_BIND_SERVICE" : undefined;
  return call.endsWith("chown") ? needs("CAP_CHOWN") : undefined;
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
