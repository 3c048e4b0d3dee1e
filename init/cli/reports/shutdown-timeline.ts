// A shutdown as it will go when nothing ends by itself: which signal comes when, and where the budget cuts it off. For `plan`.

import type { Policy } from "../../policy/types.ts";
import { signalName } from "../../sys/signals/signal-names.ts";
import { duration } from "./resolved-keys.ts";

/** [when, what]; without a step there is only the signal that came. */
export function shutdownTimeline({ shutdown, reaping, services }: Policy): string[][] {
  const { on, budgetMs, steps } = shutdown;
  const [{ signals: received }] = services;
  const names = on.map(signalName).join(" or ");
  const delayMs = Math.max(0, ...on.map((signal) => received.delayMs.get(signal) ?? 0));
  const rows: string[][] = [
    ["0s", `${names} comes${delayMs > 0 ? `, and is held back for ${duration(delayMs)}` : ""}`],
  ];
  let at: number | undefined = delayMs;
  if (steps.length === 0) {
    const rewritten = on.map((signal) => {
      const other = received.rewrite.get(signal) ?? signal;
      return other === "ignore" ? "nothing" : signalName(other);
    });
    rows.push([
      duration(delayMs),
      `${rewritten.join(" or ")} to the program; nothing more happens until it ends`,
    ]);
    at = undefined;
  }
  for (const { signal, waitMs } of steps) {
    if (at === undefined) break;
    rows.push([duration(at), signalName(signal)]);
    at = waitMs === undefined ? undefined : at + waitMs;
  }
  if (reaping.orphans === "terminate")
    rows.push([
      "the program's end",
      `what is left gets SIGTERM, and SIGKILL ${duration(reaping.waitMs)} later`,
    ]);
  if (reaping.orphans === "wait") rows.push(["the program's end", "fdinit waits for what is left"]);
  if (budgetMs === undefined) {
    rows.push(["no budget", "the engine's own deadline is the end (10s for docker stop, 30s in Kubernetes)"]);
    return rows;
  }
  const reserve = Math.min(250, budgetMs / 5);
  rows.push(
    [duration(budgetMs - reserve), "whatever is left gets SIGKILL"],
    [duration(budgetMs), "the budget is over: fdinit ends"],
  );
  if (at !== undefined && steps.length > 0)
    rows.push(["spare", `${duration(Math.max(0, budgetMs - at))} of the budget behind the last step`]);
  return rows;
}
