// What fdinit says: one line, or a few, to standard error as "fdinit: …" or as JSON, and never blocking.

import type { LogLevel, LogPolicy } from "../policy/types.ts";
import { STDERR_FILENO } from "../sys/constants.ts";
import type { Kernel } from "../sys/kernel.ts";
import { visible } from "../sys/visible.ts";

const LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug"];

/** One line, whatever it holds; or several, where fdinit itself has set the line ends. */
export type Message = string | readonly string[];

/** Says a message of a level, when the policy's level lets it through. */
export type Say = (level: LogLevel, message: Message) => void;

/** Lines that standard error would not take; said when it takes the next one. */
let lost = 0;

/** As a policy's `log` has it. */
export function voiceOf(kernel: Kernel, { level: most, format }: LogPolicy): Say {
  const line = format === "json" ? jsonLine : textLine;
  return (level, message) => {
    if (LEVELS.indexOf(level) > LEVELS.indexOf(most)) return;
    // A full pipe that nobody reads loses the line rather than hold up PID 1.
    const before = lost === 0 ? "" : line("warn", `${lost} earlier lines were lost: standard error was full`);
    lost = kernel.writeNow(STDERR_FILENO, before + line(level, message)) ? 0 : lost + 1;
  };
}

/** Until a policy says otherwise. */
export const DEFAULT_LOG: LogPolicy = { level: "warn", format: "text" };

function textLine(_level: LogLevel, message: Message): string {
  return `fdinit: ${shown(message)}\n`;
}

function jsonLine(level: LogLevel, message: Message): string {
  return `${JSON.stringify({ time: new Date().toISOString(), level, message: shown(message) })}\n`;
}

/** Messages hold text from outside: a name with a line end in it makes no line of its own. */
function shown(message: Message): string {
  return typeof message === "string" ? visible(message) : message.map(visible).join("\n");
}
