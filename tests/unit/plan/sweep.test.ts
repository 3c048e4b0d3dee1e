import { describe, expect, test } from "bun:test";
import { buildPlan } from "../../../init/plan/build.ts";
import { questions } from "../../../init/plan/decide.ts";
import { builtInPolicy } from "../../../init/policy/meaning/built-in.ts";
import type { FdsPolicy, Intent } from "../../../init/policy/types.ts";
import type { Rung } from "../../../init/sys/facts.ts";
import type { Kernel } from "../../../init/sys/kernel.ts";
import { CLOSE_RANGE_CLOEXEC } from "../../../init/sys/libc/constants.ts";
import { EINVAL, ENOSYS, EPERM } from "../../../init/sys/libc/errno.ts";
import { observe } from "../../../init/sys/observe.ts";
import { fakeKernel } from "../fake-kernel.ts";

const COMMAND = { program: new Uint8Array([120]), arguments: { commandLineFrom: 1 } };
const DENIED = { canCloseRange: () => -EPERM };
const HIDDEN = { listDescriptors: () => undefined };
const HIGH = { nofile: () => ({ soft: 1024, hard: 1_048_576 }) };

interface Situation {
  readonly intent?: Intent;
  readonly fds?: Partial<Omit<FdsPolicy, "inherited">>;
  readonly inherited?: Partial<FdsPolicy["inherited"]>;
  readonly kernel?: Partial<Kernel>;
}

/** The plan for what a kernel answers, by the questions of the policy itself. */
function planned({ intent = "security", fds, inherited, kernel }: Situation) {
  const base = builtInPolicy(intent);
  const policy = {
    ...base,
    fds: { ...base.fds, ...fds, inherited: { ...base.fds.inherited, ...inherited } },
  };
  const facts = observe(fakeKernel([0, 1, 2, 3, 4, 5], kernel), [5], questions(policy));
  return buildPlan(policy, facts, COMMAND);
}

function rungs(given: Situation): readonly Rung[] | undefined {
  const result = planned(given);
  if (!result.ok) throw new Error(JSON.stringify(result.refusals));
  for (const step of result.plan.steps) if ("rungs" in step) return step.rungs;
  return undefined;
}

function refusals(given: Situation): string[] {
  const result = planned(given);
  return result.ok ? [] : result.refusals.map(({ code, message }) => `${code}: ${message}`);
}

function warnings(given: Situation): readonly string[] {
  const result = planned(given);
  return result.ok ? result.plan.warnings.map(({ message }) => message) : ["refused"];
}

describe("fds.method auto", () => {
  test("takes the best rung that works, and keeps those below it for when it fails after all", () => {
    expect(rungs({})).toEqual(["closeRange", "procfs", "scan"]);
    expect(rungs({ kernel: DENIED })).toEqual(["procfs", "scan"]);
    expect(rungs({ kernel: { ...DENIED, ...HIDDEN } })).toEqual(["scan"]);
    expect(rungs({ kernel: HIDDEN })).toEqual(["closeRange", "procfs", "scan"]);
  });
  test("closes by close_range where only its flag is unknown, and marks without it", () => {
    const kernel: Partial<Kernel> = { canCloseRange: (flags) => (flags & CLOSE_RANGE_CLOEXEC ? -EINVAL : 0) };
    expect(rungs({ kernel })).toEqual(["closeRange", "procfs", "scan"]);
    expect(rungs({ kernel, intent: "performance" })).toEqual(["procfs", "scan"]);
  });
});

describe("a chosen fds.method", () => {
  const METHODS = ["closeRange", "procfs", "scan"] as const;
  for (const method of METHODS) {
    test(`${method} is the only one tried`, () => {
      expect(rungs({ fds: { method } })).toEqual([method]);
      expect(rungs({ fds: { method }, intent: "performance" })).toEqual([method]);
    });
  }
  test("closeRange that does not work is refused, with the errno, whatever the intent", () => {
    for (const intent of ["security", "performance"] as const) {
      const kernel = { canCloseRange: () => -ENOSYS };
      expect(refusals({ fds: { method: "closeRange" }, intent, kernel })).toEqual([
        expect.stringMatching(/^descriptor: fds\.method is closeRange, and close_range.*ENOSYS/),
      ]);
    }
  });
  test("closeRange is nothing to refuse where nothing is closed or marked", () => {
    const keeps = { fds: { method: "closeRange" }, intent: "simplicity", kernel: DENIED } as const;
    expect(refusals(keeps)).toEqual([]);
  });
  test("procfs that cannot be read is refused, whatever the intent", () => {
    for (const intent of ["security", "performance", "simplicity"] as const)
      expect(refusals({ fds: { method: "procfs" }, intent, kernel: HIDDEN })).toEqual([
        expect.stringMatching(/^descriptor: fds\.method is procfs, and \/proc\/self\/fd cannot be read/),
      ]);
  });
  test("procfs and scan never ask whether close_range works, and scan reads no /proc", () => {
    const forbidden = () => {
      throw new Error("asked");
    };
    for (const intent of ["security", "performance", "simplicity"] as const) {
      const kernel = { canCloseRange: forbidden };
      expect(refusals({ fds: { method: "procfs" }, intent, kernel })).toEqual([]);
      const neither = { ...kernel, listDescriptors: forbidden };
      expect(refusals({ fds: { method: "scan" }, intent, kernel: neither })).toEqual([]);
    }
  });
});

describe("fds.scanLimit, when more may be open than is looked at", () => {
  const bounded = (intent: Intent, fds: Situation["fds"] = {}): Situation => ({
    intent,
    fds,
    kernel: { ...DENIED, ...HIDDEN, ...HIGH },
  });
  test("security starts nothing", () => {
    expect(refusals(bounded("security"))).toEqual([
      expect.stringMatching(/^descriptor: descriptors from 65536 up were not looked at: .*EPERM.*scanLimit/),
    ]);
    expect(refusals(bounded("security", { scanLimit: 100 })).join()).toContain("from 100 up");
  });
  test("performance and simplicity go on and say which numbers they did not look at", () => {
    expect(warnings(bounded("performance", { scanLimit: 100 }))).toEqual([
      expect.stringContaining("descriptors from 100 up were not looked at"),
    ]);
    expect(warnings(bounded("simplicity", { scanLimit: 100 }))).toEqual([
      expect.stringContaining("descriptors from 100 up were not looked at"),
    ]);
  });
  test("a bound as high as the hard limit leaves nothing out", () => {
    expect(refusals(bounded("security", { scanLimit: 1_048_576 }))).toEqual([]);
    for (const intent of ["performance", "simplicity"] as const)
      expect(warnings(bounded(intent, { scanLimit: 1_048_576 }))).toEqual([]);
  });
  test("ranges that end below it are not bounded by it", () => {
    const rules = [{ match: { fd: [{ first: 3, last: 50 }] }, action: "close" }] as const;
    const inherited = { default: "keep", rules } as const;
    const given = { ...bounded("simplicity", { scanLimit: 100 }), inherited };
    // Only the default's keep cannot see everything.
    expect(warnings(given)).toHaveLength(1);
  });
  test("the step carries the bound, and whether numbers may be left out", () => {
    const bounds = ({ intent = "security", fds = {}, kernel = {} }: Situation) => {
      const result = planned({ intent, fds, kernel });
      const step = result.ok ? result.plan.steps.find((step) => "rungs" in step) : undefined;
      return step && "rungs" in step ? [step.scanLimit, step.mayMiss] : [];
    };
    expect(bounds(bounded("performance", { scanLimit: 100 }))).toEqual([100, true]);
    expect(bounds({ intent: "performance", fds: { scanLimit: 100 } })).toEqual([100, false]);
    expect(bounds({ fds: { scanLimit: 100_000, method: "scan" } })).toEqual([100_000, false]);
  });
});
