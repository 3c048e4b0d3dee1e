// What fdinit says: one line, or a few, to standard error as "fdinit: …", and never blocking.

import type { LogLevel } from "../policy/types.ts";
import type { Kernel } from "../sys/kernel.ts";

const STDERR = 2;

/** Lines that standard error would not take; said when it takes the next one. */
let lost = 0;

/** Says a message on standard error. A full pipe that nobody reads loses it rather than hold up PID 1. */
export function say(kernel: Kernel, message: string): void {
  const before = lost === 0 ? "" : `fdinit: ${lost} earlier lines were lost: standard error was full\n`;
  lost = kernel.writeNow(STDERR, `${before}fdinit: ${printable(message)}\n`) ? 0 : lost + 1;
}

/** Says what nothing stops for, unless the policy wants to hear of errors only. */
export function warn(kernel: Kernel, level: LogLevel, warnings: readonly string[]): void {
  if (level === "error") return;
  for (const warning of warnings) say(kernel, warning);
}

/** Control characters but the line end and tab made visible: a file's text must not drive the terminal. */
function printable(text: string): string {
  return text.replace(
    /[^\P{Cc}\n\t]/gu,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}
