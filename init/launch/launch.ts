// Carries a plan out, step by step, in order, and does nothing that the plan does not say. A failure before the spawn
// stops the launch. After the spawn the program runs, so a failure is only told.

import type { GivenPipe, Launch, Pass, PolicyKey, Remark, Step } from "../plan/plan.ts";
import type { Kernel, SpawnRequest } from "../sys/kernel.ts";
import { STDIN_FILENO } from "../sys/libc/constants.ts";
import type { LaunchContext } from "./context.ts";
import { startProgram } from "./program.ts";
import { closeRanges, markRanges } from "./ranges.ts";
import type { LaunchFailure, LaunchResult, Prepared } from "./result.ts";
import type { LaunchStage } from "./stages.ts";

export function launchContext(kernel: Kernel, firstOwn: number): LaunchContext {
  return { kernel, firstOwn, opened: new Map(), tokens: [], pipes: [] };
}

/**
 * Executes the steps up to and including the spawn and its clean-up. A step that fails before the spawn ends the
 * launch, and descriptors opened for it are closed again. A step that fails after the spawn is told in `afterwards`.
 */
export function launch(steps: readonly Step[], context: LaunchContext): LaunchResult {
  const tokensBefore = context.tokens.length;
  const afterwards: string[] = [];
  const warnings: Remark[] = [];
  let started: LaunchResult | undefined;
  for (const step of steps) {
    if (step.do === "spawn") {
      started = spawnStep(step.launch, context);
      if (!started.ok) return givenUp(started, steps, tokensBefore, context);
      warnings.push(...(started.warnings ?? []));
    } else {
      const failure = carryOut(step, context);
      if (!failure) continue;
      if (step.do === "subreaper" && !step.isRequired) {
        warnings.push({ message: `${failure.message}: orphans go to another process`, at: SUBREAPER });
        continue;
      }
      if (!started) return givenUp({ ok: false, failure }, steps, tokensBefore, context);
      afterwards.push(failure.message);
    }
  }
  if (!started) return failed("plan", "", "it has no step that starts a program");
  return started.ok ? { ...started, afterwards, warnings } : started;
}

const SUBREAPER: PolicyKey = ["reaping", "subreaper"];

/** Undoes a failed start. The next one must find its addresses free, and no token that no process will ever release. */
function givenUp(
  result: LaunchResult,
  steps: readonly Step[],
  tokensBefore: number,
  context: LaunchContext,
): LaunchResult {
  for (const step of steps) if (step.do === "drop" && typeof step.fd === "string") drop(step.fd, context);
  for (const { fd } of context.tokens.splice(tokensBefore)) context.kernel.close(fd);
  // A later start may succeed (restart). So the steps behind the spawn that concern PID 1 itself come now.
  for (const step of steps) {
    const failure = step.do === "dropPrivileges" && carryOut(step, context);
    if (failure) return { ok: false, failure };
  }
  return result;
}

/** The steps before any start of several services: all of them, or the first failure that matters. */
export function prepare(steps: readonly Step[], context: LaunchContext): Prepared {
  const warnings: Remark[] = [];
  for (const step of steps) {
    const failure = step.do === "spawn" ? undefined : carryOut(step, context);
    if (!failure) continue;
    if (step.do !== "subreaper" || step.isRequired) return { ok: false, failure };
    warnings.push({ message: `${failure.message}: orphans go to another process`, at: SUBREAPER });
  }
  return { ok: true, warnings };
}

function ofService({ service }: Launch, result: LaunchResult): LaunchResult {
  return result.ok ? result : { ok: false, failure: { ...result.failure, service } };
}

function failed(stage: LaunchStage, subject: string, reason: string): LaunchResult {
  return { ok: false, failure: failures().impossible(stage, subject, reason) };
}

// opening, users: loaded where a policy opens descriptors or names a user. failures: loaded where something failed.
const failures = () => require("./failures.ts") as typeof import("./failures.ts");
const opening = () => require("./open.ts") as typeof import("./open.ts");
const users = () => require("./users.ts") as typeof import("./users.ts");
const environmentFiles = () => require("./environment-files.ts") as typeof import("./environment-files.ts");

type OtherStep = Exclude<Step, { do: "spawn" }>;

function carryOut(step: OtherStep, context: LaunchContext): LaunchFailure | undefined {
  const { kernel } = context;
  switch (step.do) {
    case "close":
      return rangeFailure(closeRanges(kernel, step), "close-inherited");
    case "cloexec":
      return rangeFailure(markRanges(kernel, step), "mark-inherited");
    case "devnull":
    case "occupy":
      return replace(step.fd, context);
    case "nofile": {
      const { soft, hard } = step.limit;
      const result = kernel.setNofile(step.limit);
      return result < 0 ? refused(result, "open-files-limit", "prlimit", `${soft}:${hard}`) : undefined;
    }
    case "subreaper":
      return refused(kernel.setSubreaper(), "subreaper", "PR_SET_CHILD_SUBREAPER");
    case "hide":
      return refused(kernel.closeOnExec(step.fd, true), "hide-descriptor", "F_SETFD", step.fd);
    case "open": {
      const failure = opening().open(step.name, step.what, context);
      return failure && { ...failure, at: ["fds", "open", step.name, step.what.open] };
    }
    case "drop":
      drop(step.fd, context);
      return undefined;
    case "dropPrivileges":
      return refused(kernel.dropCapabilities(step.keep), "drop-privileges", "capset");
  }
}

/** The failure when `result` is a negated errno. */
function refused(
  result: number,
  stage: LaunchStage,
  call: string,
  subject: string | number = "",
): LaunchFailure | undefined {
  return result < 0 ? failures().refused(stage, String(subject), call, -result) : undefined;
}

function rangeFailure(problem: string | undefined, stage: LaunchStage): LaunchFailure | undefined {
  return problem === undefined ? undefined : failures().impossible(stage, "", problem);
}

/** Puts a CLOEXEC /dev/null at `fd`, whatever was there. */
function replace(fd: number, { kernel, firstOwn }: LaunchContext): LaunchFailure | undefined {
  const devNull = kernel.openDevNull(firstOwn);
  const failure =
    refused(devNull, "dev-null", "") ??
    refused(kernel.duplicateOnto(devNull, fd), "replace-descriptor", "dup3", fd);
  if (devNull >= 0) kernel.close(devNull);
  return failure;
}

function drop(fd: number | string, { kernel, opened }: LaunchContext): void {
  const number = typeof fd === "number" ? fd : opened.get(fd);
  if (number === undefined) return;
  kernel.close(number);
  if (typeof fd === "string") opened.delete(fd);
}

type Source = SpawnRequest["pass"][number];

function spawnStep(plan: Launch, context: LaunchContext): LaunchResult {
  const { kernel, firstOwn } = context;
  if (plan.environmentFiles) {
    const { environmentFiles: paths, ...rest } = plan;
    const found = environmentFiles().readEnvironmentFiles(kernel, paths);
    return "problem" in found
      ? ofService(plan, failed("read-variables", plan.service, found.problem))
      : spawnStep({ ...rest, environment: { ...found.variables, ...plan.environment } }, context);
  }
  const found =
    plan.user || plan.groups ? users().findCredentials(kernel, plan.user, plan.groups) : undefined;
  if (typeof found === "string") return ofService(plan, failed("find-user", plan.service, found));
  const wanted: Source[] = [];
  for (const { from, to } of plan.pass) {
    const source = typeof from === "number" ? from : context.opened.get(from);
    if (source === undefined) return failed("find-descriptor", JSON.stringify(from), "it is not open");
    wanted.push({ from: source, to });
  }
  const temporary: number[] = [];
  const devNulls = plan.devNullAsStdin ? [STDIN_FILENO] : [];
  if (plan.devNullOutputs) devNulls.push(...plan.devNullOutputs);
  for (const to of devNulls) {
    const from = kernel.openDevNull(firstOwn);
    const failure = refused(from, "dev-null", "");
    if (failure) return { ok: false, failure };
    temporary.push(from);
    wanted.push({ from, to });
  }
  const untangled = untangle(wanted, context, temporary);
  if (typeof untangled !== "number") context.pipes = pipesAmong(plan.pass, wanted, kernel);
  // A session leader has to let go of the terminal before another session can have it.
  if (plan.terminal && plan.group === "session") kernel.releaseTerminal(STDIN_FILENO);
  const result: LaunchResult =
    typeof untangled === "number"
      ? { ok: false, failure: failures().refused("copy-descriptor", "", "F_DUPFD_CLOEXEC", -untangled) }
      : startProgram(kernel, plan, untangled, found?.credentials);
  for (const fd of temporary) kernel.close(fd);
  if (!result.ok || !found) return result;
  const at: PolicyKey = ["services", plan.service, "user"];
  const warnings: Remark[] = [];
  if (found.warning !== undefined) warnings.push({ message: `${plan.service} ${found.warning}`, at });
  if (!kernel.maySignal(found.credentials.uid))
    warnings.push({ message: noSignals(plan, found.credentials.uid), at });
  return { ...result, warnings };
}

function noSignals({ service }: Launch, uid: number): string {
  const consequence = `no signal reaches ${service}, and only the engine's SIGKILL ends it`;
  return `${service} runs as uid ${uid}, and fdinit has no CAP_KILL: ${consequence} (grant KILL, or start fdinit as that user)`;
}

/** The most pipes that are kept in mind, to be named when they are still open at the end. */
const MOST_PIPES = 64;

function pipesAmong(pass: readonly Pass[], sources: readonly Source[], kernel: Kernel): GivenPipe[] {
  const pipes: GivenPipe[] = [];
  for (let index = 0; index < Math.min(pass.length, MOST_PIPES); index++) {
    const { from, to } = pass[index] as Pass;
    const link = kernel.descriptorLink((sources[index] as Source).from);
    if (!link?.startsWith("pipe:")) continue;
    pipes.push(typeof from === "string" ? { to, name: from, link } : { to, link });
  }
  return pipes;
}

/**
 * The child's dup3 calls follow one another, so one may overwrite what a later one starts from: such a
 * source is copied first to a number that is no target. A negated errno when that fails.
 */
function untangle(
  wanted: readonly Source[],
  { kernel, firstOwn }: LaunchContext,
  temporary: number[],
): Source[] | number {
  let least = firstOwn;
  for (const { to } of wanted) least = Math.max(least, to + 1);
  const pass: Source[] = [];
  for (const { from, to } of wanted) {
    const isOverwritten = from !== to && wanted.some((other) => other.to === from);
    const source = isOverwritten ? kernel.duplicateAbove(from, least) : from;
    if (source < 0) return source;
    if (isOverwritten) temporary.push(source);
    pass.push({ from: source, to });
  }
  return pass;
}
