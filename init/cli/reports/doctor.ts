// `fdinit doctor`: what this place lets fdinit do, each fact with what fdinit does about it; and whether a policy can be carried
// out here. Looks, and changes nothing.

import { buildPlan } from "../../plan/build.ts";
import { questions } from "../../plan/decide.ts";
import { CAPABILITY_NAMES } from "../../policy/meaning/capabilities.ts";
import type { Policy } from "../../policy/types.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { CLOSE_RANGE_CLOEXEC } from "../../sys/libc/constants.ts";
import { errnoText } from "../../sys/libc/errno.ts";
import { observe } from "../../sys/observe.ts";
import { bytesOf, textOf } from "../../sys/text/bytes.ts";
import { visibleJson } from "../../sys/text/visible.ts";
import { EXIT_REFUSED } from "../exit-codes.ts";
import type { SubcommandLine } from "../invocation.ts";
import { dressed, lookOf } from "../output/look.ts";
import { type Outcome, print } from "../output/print.ts";
import { wordTable } from "../output/table.ts";
import { readPolicy } from "../policy-source/read-policy.ts";
import { policyInWords } from "./describe.ts";
import { parser } from "./parser.ts";

/** A fact about this place, and how fdinit deals with it. `problem`: something that the policy asks for is missing. */
interface Finding {
  readonly what: string;
  readonly found: string;
  readonly does: string;
}

const INIT = 1;
const LONGEST = 1 << 16;

export function doctor(kernel: Kernel, { options, json, color }: SubcommandLine): Outcome {
  const read = readPolicy(kernel, options, parser);
  if (!read.ok) return { code: read.code, complaint: read.message };
  const { policy } = read;
  const findings = surroundings(kernel);
  const problems = obstacles(kernel, policy);
  const code = problems.length === 0 ? 0 : EXIT_REFUSED;
  if (json) {
    const document = { version: 1, policy: policyInWords(policy), findings, problems, exitCode: code };
    return print(kernel, `${visibleJson(document, 2)}\n`, code);
  }
  const look = lookOf(kernel, color);
  const { width } = look;
  const text = [
    wordTable(
      findings.map(({ what, found, does }) => [what, found, does]),
      width,
    ),
    `the policy (${policyInWords(policy)})\n${wordTable(
      (problems.length === 0
        ? ["can be carried out here, as far as can be seen without a start"]
        : problems
      ).map((problem) => [problem]),
      width,
    )}`,
  ].join("\n");
  return print(kernel, dressed(text, { ...look, width: undefined }), code);
}

function surroundings(kernel: Kernel): Finding[] {
  const file = (path: string) => fileText(kernel, path);
  const status = statusOf(kernel);
  const release = file("/proc/sys/kernel/osrelease")?.trim();
  const closeRange = kernel.canCloseRange(CLOSE_RANGE_CLOEXEC);
  const listed = kernel.listDescriptors();
  const { soft, hard } = kernel.nofile();
  const capabilities = capabilitiesOf(status?.get("CapEff") ?? "0");
  const seccomp =
    { 0: "none", 1: "strict", 2: "a filter" }[Number(status?.get("Seccomp") ?? -1)] ?? "not known";
  const cgroup = file("/proc/self/cgroup")?.trim().split("\n").at(-1);
  const libc = libcOf(file("/proc/self/maps"));
  return [
    {
      what: "process",
      found: kernel.pid === INIT ? "PID 1" : `pid ${kernel.pid}`,
      does:
        kernel.pid === INIT
          ? "orphans come to it, and its end ends the container"
          : "a start becomes the subreaper, so that orphans come to it (reaping.subreaper)",
    },
    { what: "engine", found: engineOf(kernel, cgroup), does: "" },
    { what: "kernel", found: release ?? "not known (no /proc)", does: "" },
    {
      what: "close_range(2)",
      found: closeRange === 0 ? "works" : errnoText(-closeRange),
      does:
        closeRange === 0
          ? "one call closes or marks everything"
          : "falls back to /proc/self/fd, then to every number (fds.method)",
    },
    {
      what: "/proc",
      found: listed ? `readable, ${listed.length} descriptors open` : "not mounted, or not readable",
      does: listed
        ? "rules about kinds and paths can be judged"
        : "what a rule asks about paths cannot be determined; intent security refuses then",
    },
    { what: "libc", found: libc, does: "" },
    {
      what: "cgroup",
      found: cgroup === undefined ? "not known" : cgroup,
      does:
        file("/sys/fs/cgroup/memory.events") === undefined
          ? "no memory.events here: the report goes by the exit code"
          : "the report says whether the OOM killer was at work",
    },
    {
      what: "seccomp",
      found: seccomp,
      does:
        seccomp === "a filter" ? "calls that it forbids are answered by falling back, see close_range" : "",
    },
    {
      what: "new privileges",
      found: status?.get("NoNewPrivs") === "1" ? "forbidden already" : "possible",
      does: "services.NAME.noNewPrivileges forbids them",
    },
    {
      what: "open files",
      found: `limit ${soft}, hard ${hard}`,
      does:
        soft > 65_536 ? "security and performance give programs at most 65536" : "programs get it as it is",
    },
    {
      what: "capabilities",
      found: capabilitiesInWords(capabilities),
      does: capabilities.includes("SETUID")
        ? "services.NAME.user works"
        : "services.NAME.user cannot change to another user",
    },
    {
      what: "standard input",
      found: kernel.terminal(0) ? "a terminal" : kernel.descriptorFlags(0) < 0 ? "closed" : "no terminal",
      does: kernel.terminal(0) ? "job control as tty says" : "",
    },
  ];
}

function fileText(kernel: Kernel, path: string): string | undefined {
  const bytes = kernel.readFile(path, LONGEST);
  return typeof bytes === "number" ? undefined : textOf(bytes);
}

/** /proc/self/status by its names. */
function statusOf(kernel: Kernel): Map<string, string> | undefined {
  const text = fileText(kernel, "/proc/self/status");
  if (text === undefined) return undefined;
  return new Map(text.split("\n").map((line) => line.split(/:\s*/, 2) as [string, string]));
}

function capabilitiesOf(hexadecimal: string): string[] {
  const bits = BigInt(`0x${hexadecimal.trim() || "0"}`);
  return CAPABILITY_NAMES.split(" ").filter((_, number) => ((bits >> BigInt(number)) & 1n) === 1n);
}

function capabilitiesInWords(has: readonly string[]): string {
  const all = CAPABILITY_NAMES.split(" ");
  const missing = all.filter((name) => !has.includes(name));
  if (has.length === 0) return "none";
  if (missing.length === 0) return "all";
  return missing.length < has.length ? `all but ${missing.join(", ")}` : has.join(", ");
}

/** By what each leaves in a container: none of it is certain. */
function engineOf(kernel: Kernel, cgroup: string | undefined): string {
  const isThere = (path: string) => kernel.pathMode(path) >= 0;
  const marks = [
    kernel.environmentVariable("KUBERNETES_SERVICE_HOST") && "Kubernetes",
    isThere("/.dockerenv") && "Docker",
    isThere("/run/.containerenv") && "Podman",
    cgroup?.includes("containerd") && "containerd",
  ].filter((mark) => typeof mark === "string");
  return marks.length === 0 ? "none that leaves a mark" : marks.join(", ");
}

function libcOf(maps: string | undefined): string {
  if (maps === undefined) return "not known";
  if (/\/ld-musl|libc\.musl/.test(maps)) return "musl";
  const [, version = ""] = /libc-(\d+\.\d+)\.so/.exec(maps) ?? [];
  if (/libc[.-]/.test(maps)) return `glibc ${version}`.trim();
  return "linked statically";
}

/** The things that a policy asks for and this place does not give. */
function obstacles(kernel: Kernel, policy: Policy): string[] {
  const problems: string[] = [];
  const needs = (capability: string, why: string) => {
    const has = capabilitiesOf(statusOf(kernel)?.get("CapEff") ?? "0").includes(capability);
    if (!has) problems.push(`${why} needs CAP_${capability}`);
  };
  const facts = observe(kernel, [-1], questions(policy));
  // The command is not checked: a policy may leave it to the command line.
  const planned = buildPlan(policy, facts, { program: new Uint8Array([0x2f]), arguments: { words: ["/"] } });
  if (!planned.ok) problems.push(...planned.refusals.map(({ message }) => message));
  const uid = statusOf(kernel)?.get("Uid")?.split("\t")[0];
  for (const { name, user, groups, nice, oomScoreAdj, command, cwd, limits } of policy.services) {
    if (user !== undefined && user.user !== uid) {
      needs("SETUID", `services.${name}.user`);
      needs("SETGID", `services.${name}.user`);
    } else if (groups !== undefined) needs("SETGID", `services.${name}.groups`);
    if (nice !== undefined && nice < 0) needs("SYS_NICE", `services.${name}.nice below 0`);
    if (oomScoreAdj !== undefined && oomScoreAdj < 0)
      needs("SYS_RESOURCE", `services.${name}.oomScoreAdj below fdinit's own`);
    const hard = limits?.nofile?.hard ?? policy.limits.nofile.hard;
    if (typeof hard === "number" && hard > kernel.nofile().hard)
      needs("SYS_RESOURCE", "limits.nofile.hard above the container's");
    const folder = cwd === undefined ? 0 : kernel.pathMode(cwd);
    if (folder < 0) problems.push(`services.${name}.cwd ${JSON.stringify(cwd)}: ${errnoText(-folder)}`);
    const [program] = command ?? [];
    if (program?.includes("/")) {
      const executable = kernel.canExecute(bytesOf(program));
      if (executable < 0)
        problems.push(`services.${name}.command ${JSON.stringify(program)}: ${errnoText(-executable)}`);
    }
  }
  for (const { name, what } of policy.fds.open) {
    if (what.open !== "listen" || !("port" in what.address)) continue;
    if (what.address.port > 0 && what.address.port < lowestPort(kernel))
      needs("NET_BIND_SERVICE", `fds.open.${name} at port ${what.address.port}`);
  }
  return problems;
}

/** Ports below need a capability. */
function lowestPort(kernel: Kernel): number {
  return Number(fileText(kernel, "/proc/sys/net/ipv4/ip_unprivileged_port_start")?.trim() ?? 1024);
}
