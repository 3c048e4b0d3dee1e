// Why a program did not start: the key of the policy that is at fault, and what is missing where EPERM and EACCES leave it open:
// a capability, a mount without noexec, a mode, a folder that may not be entered. Reads only; a start that succeeds never
// comes here.

import type { LaunchFailure } from "../../launch/result.ts";
import type { LaunchStage } from "../../launch/stages.ts";
import type { PolicyKey } from "../../plan/plan.ts";
import { CAPABILITY_NAMES } from "../../policy/meaning/capabilities.ts";
import type { Policy } from "../../policy/types.ts";
import { nearestWord } from "../../policy/wording/nearest.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { EACCES, EPERM } from "../../sys/libc/errno.ts";
import { textOf } from "../../sys/text/bytes.ts";
import { EXIT_CANNOT_EXECUTE, EXIT_NOT_FOUND, EXIT_REFUSED, launchExit } from "../exit-codes.ts";
import { SUBCOMMANDS } from "../invocation.ts";
import type { StagedMessage } from "../output/say.ts";
import { placedComplaint, policyText } from "./place.ts";

/** `programAt`: where the program's name stands on the command line, when it stands there. */
export function launchFailure(
  kernel: Kernel,
  policy: Policy,
  failure: LaunchFailure,
  { programAt }: { readonly programAt?: number },
): [code: number, message: StagedMessage] {
  const { stage } = failure;
  const message = withNames(failure.message);
  const isProgram = stage === "find-program" || stage === "execute";
  const hint =
    stage === "find-program"
      ? subcommandHint(kernel, programAt)
      : permissionHint(kernel, { ...failure, message });
  const at = isProgram && programAt !== undefined ? [] : keysOf(failure);
  const text = placedComplaint(policyText(kernel, policy), codeOf(stage), { message, at, hint });
  return [launchExit(stage), { stage, text }];
}

/** The code that `fdinit help` explains: one for each exit code, and one more for a program that cannot be executed. */
function codeOf(stage: LaunchStage): string {
  if (stage === "execute") return "not-executable";
  switch (launchExit(stage)) {
    case EXIT_NOT_FOUND:
      return "not-found";
    case EXIT_REFUSED:
      return "descriptor";
    case EXIT_CANNOT_EXECUTE:
      return "cannot-start";
    default:
      return "kernel";
  }
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

interface AtFault {
  /** The keys of a service that ask for the stage; any of them may be written. */
  readonly keys?: readonly PolicyKey[];
  /** The capability that it needs. */
  readonly capability?: string;
}

const STAGES: Readonly<Partial<Record<LaunchStage, AtFault>>> = {
  "find-user": { keys: [["user"], ["groups"]] },
  "find-program": { keys: [["command", 0]] },
  "read-variables": { keys: [["envFile"]] },
  execute: { keys: [["command", 0]] },
  user: { keys: [["user"]], capability: "SETUID" },
  group: { keys: [["user"]], capability: "SETGID" },
  groups: { keys: [["groups"], ["user"]], capability: "SETGID" },
  nice: { keys: [["nice"]], capability: "SYS_NICE" },
  "oom-score": { keys: [["oomScoreAdj"]] },
  limit: { keys: [["limits", "nofile"], ["limits"]], capability: "SYS_RESOURCE" },
  "bounding-set": { keys: [["capabilities"]], capability: "SETPCAP" },
  "keep-capabilities": { keys: [["capabilities"]] },
  capabilities: { keys: [["capabilities"]], capability: "SETPCAP" },
  "ambient-capabilities": { keys: [["capabilities", "ambient"]] },
  "working-directory": { keys: [["cwd"]] },
  session: { keys: [["setsid"]] },
  "process-group": { keys: [["signals", "to"]] },
  "parent-death-signal": { keys: [["pdeathsig"]] },
  "no-new-privileges": { keys: [["noNewPrivileges"]] },
  "pass-descriptor": { keys: [["fds", "pass"]] },
  "open-files-limit": { capability: "SYS_RESOURCE" },
  "drop-privileges": { capability: "SETPCAP" },
};

/** The keys of stages that are about PID 1. */
const OF_PID_1: Readonly<Partial<Record<LaunchStage, PolicyKey>>> = {
  "open-files-limit": ["limits", "nofile"],
  subreaper: ["reaping", "subreaper"],
  "drop-privileges": ["dropPrivileges"],
};

function keysOf({ stage, message, at, service, call }: LaunchFailure): PolicyKey[] {
  if (at) {
    const isOwner = stage === "open" && (call?.endsWith("chown") || /no (user|group) "/.test(message));
    return isOwner ? [[...at.slice(0, -1), "owner"], at] : [at];
  }
  const own = OF_PID_1[stage];
  if (own) return [own];
  if (service === undefined) return [];
  const keys = STAGES[stage]?.keys ?? [];
  // A group may stand in either key: a service that has `groups` is told of that one.
  const isGroup = stage === "find-user" && message.includes("no group ");
  return (isGroup ? [...keys].reverse() : keys).map((key) => ["services", service, ...key]);
}

function permissionHint(kernel: Kernel, failure: LaunchFailure): string | undefined {
  const { stage, message, errno, call = "" } = failure;
  if (errno !== EPERM && errno !== EACCES) return undefined;
  if (stage === "open") return openingHint(kernel, call);
  if (stage === "groups" && fileText(kernel, "/proc/self/setgroups")?.trim() === "deny")
    return "this user namespace forbids it (/proc/self/setgroups is deny)";
  if (stage === "limit" || stage === "open-files-limit") {
    const [, hard] = /:(\d+) \(/.exec(message) ?? [];
    const most = Number(fileText(kernel, "/proc/sys/fs/nr_open") ?? Number.NaN);
    if (hard !== undefined && Number(hard) > most)
      return `the kernel allows at most ${most} (fs.nr_open), whatever the capabilities`;
  }
  if (stage === "oom-score") return lacking(kernel, "SYS_RESOURCE", "a lower value than fdinit's own");
  const { capability } = STAGES[stage] ?? {};
  if (capability !== undefined) return lacking(kernel, capability, "it");
  return pathHint(kernel, message);
}

/** By the call that opening a descriptor stopped at: `bind *:80`, `give it to app, chown`. */
function openingHint(kernel: Kernel, call: string): string | undefined {
  const [, port] = /^bind .*:(\d+)$/.exec(call) ?? [];
  if (port !== undefined)
    return Number(port) < 1024 ? lacking(kernel, "NET_BIND_SERVICE", "a port below 1024") : undefined;
  return call.endsWith("chown") ? lacking(kernel, "CHOWN", "it") : pathHint(kernel, `(${call})`);
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

/** A folder that fdinit may enter and the service's user perhaps not. */
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
