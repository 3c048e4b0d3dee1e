// Carries a plan out, step by step, in order. Asks the kernel for nothing the plan does not say.
// Before the spawn every failure stops the launch; after it nothing may, so nothing does.

import type { Launch, Plan, Step } from "../plan/plan.ts";
import { errnoText } from "../sys/errno.ts";
import type { Kernel } from "../sys/kernel.ts";
import { startProgram } from "./program.ts";
import { closeRanges, markRanges } from "./ranges.ts";

/** What could not be done: the stage in words, and the exit code it leads to. */
export interface LaunchFailure {
  readonly code: "kernel" | "descriptor" | "not-found" | "not-executable" | "cannot-start";
  readonly message: string;
}

export type LaunchResult =
  | { readonly ok: true; readonly pid: number; readonly service: string }
  | { readonly ok: false; readonly failure: LaunchFailure };

/** What a launch may know besides the plan. */
export interface LaunchContext {
  readonly kernel: Kernel;
  /** Numbers that fdinit opens itself start here, above anything the runtime may still write to. */
  readonly firstOwn: number;
}

/** Executes the steps up to and including the spawn and its clean-up. */
export function launch(plan: Plan, context: LaunchContext): LaunchResult {
  let started: LaunchResult | undefined;
  for (const step of plan.steps) {
    if (step.do === "spawn") {
      started = spawnStep(step.launch, context);
      if (!started.ok) return started;
    } else {
      const failure = carryOut(step, context);
      if (failure && !started) return { ok: false, failure };
    }
  }
  return started ?? failed("kernel", "the plan starts nothing");
}

function failed(code: LaunchFailure["code"], message: string): LaunchResult {
  return { ok: false, failure: { code, message } };
}

type OtherStep = Exclude<Step, { do: "spawn" }>;

function carryOut(step: OtherStep, context: LaunchContext): LaunchFailure | undefined {
  const { kernel } = context;
  switch (step.do) {
    case "close":
      return rangeFailure(closeRanges(kernel, step), "close");
    case "cloexec":
      return rangeFailure(markRanges(kernel, step), "mark close-on-exec");
    case "devnull":
    case "occupy":
      return replace(step.fd, context);
    case "nofile": {
      const { soft, hard } = step.limit;
      return kernelFailure(kernel.setNofile(step.limit), `set RLIMIT_NOFILE to ${soft}:${hard} (prlimit)`);
    }
    case "subreaper":
      return kernelFailure(kernel.setSubreaper(), "become a subreaper (PR_SET_CHILD_SUBREAPER)");
    case "drop":
      kernel.close(step.fd);
      return undefined;
  }
}

function kernelFailure(result: number, attempt: string): LaunchFailure | undefined {
  return result < 0 ? { code: "kernel", message: `cannot ${attempt}: ${errnoText(-result)}` } : undefined;
}

function rangeFailure(problem: string | undefined, verb: string): LaunchFailure | undefined {
  return problem === undefined
    ? undefined
    : { code: "descriptor", message: `cannot ${verb} what was inherited: ${problem}` };
}

/** Puts a CLOEXEC /dev/null at `fd`, whatever was there. */
function replace(fd: number, { kernel, firstOwn }: LaunchContext): LaunchFailure | undefined {
  const devNull = kernel.openDevNull(firstOwn);
  const failure =
    kernelFailure(devNull, "open /dev/null") ??
    kernelFailure(kernel.duplicateOnto(devNull, fd), `put /dev/null at descriptor ${fd} (dup3)`);
  if (devNull >= 0) kernel.close(devNull);
  return failure;
}

function spawnStep(plan: Launch, context: LaunchContext): LaunchResult {
  const { kernel, firstOwn } = context;
  const wanted = [...plan.pass];
  const temporary: number[] = [];
  if (plan.devNullAsStdin) {
    const stdin = kernel.openDevNull(firstOwn);
    if (stdin < 0) return failed("kernel", `cannot open /dev/null: ${errnoText(-stdin)}`);
    temporary.push(stdin);
    wanted.push({ from: stdin, to: 0 });
  }
  const untangled = untangle(wanted, context, temporary);
  const result =
    typeof untangled === "number"
      ? failed(
          "kernel",
          `cannot copy a descriptor out of the way (F_DUPFD_CLOEXEC): ${errnoText(-untangled)}`,
        )
      : startProgram(kernel, plan, untangled);
  for (const fd of temporary) kernel.close(fd);
  return result;
}

/**
 * What keeps its number only has to lose its mark. The child's dup2 calls follow one another, so one may overwrite what a later one starts from: such a
 * source is copied first to a number that is nobody's target. A negated errno when that fails.
 */
function untangle(
  wanted: Launch["pass"],
  { kernel, firstOwn }: LaunchContext,
  temporary: number[],
): Launch["pass"] | number {
  let least = firstOwn;
  for (const { to } of wanted) least = Math.max(least, to + 1);
  const pass: { from: number; to: number }[] = [];
  for (const { from, to } of wanted) {
    if (from === to) {
      // Not by dup2: libc refuses a number at or above the limit, which may have been lowered since.
      kernel.closeOnExec(from, false);
      continue;
    }
    const isOverwritten = wanted.some((other) => other.to === from);
    const source = isOverwritten ? kernel.duplicateAbove(from, least) : from;
    if (source < 0) return source;
    if (isOverwritten) temporary.push(source);
    pass.push({ from: source, to });
  }
  return pass;
}
