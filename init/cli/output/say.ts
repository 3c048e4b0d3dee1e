// Writes fdinit's messages: one line, or a few, to standard error as "fdinit: …" or as JSON, and never blocks.

import type { LaunchStage } from "../../launch/stages.ts";
import type { LogLevel, LogPolicy } from "../../policy/types.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { STDERR_FILENO } from "../../sys/libc/constants.ts";
import { visible } from "../../sys/text/visible.ts";

const LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug"];

/** One line, whatever it holds; or several, where fdinit itself has set the line ends; or one about a stage of the launch. */
export type Message = string | readonly string[] | StagedMessage;

/** As JSON the line has the stage's code beside its text. */
export interface StagedMessage {
  readonly text: string | readonly string[];
  readonly stage: LaunchStage;
}

/** Says a message of a level, when the policy's level lets it through. */
export type Say = (level: LogLevel, message: Message) => void;

/** The part of a policy's `log` that is about fdinit's own messages. */
export type Voice = Pick<LogPolicy, "level" | "format">;

/** Lines that standard error would not take; said when it takes the next one. */
let lost = 0;

let lineOf = textLine;

/** As a policy's `log` has it. */
export function voiceOf(kernel: Kernel, { level: most, format }: Voice): Say {
  const line = format === "json" ? jsonLine : textLine;
  lineOf = line;
  return (level, message) => {
    if (LEVELS.indexOf(level) > LEVELS.indexOf(most)) return;
    // A full pipe without a reader loses the line, so that PID 1 never waits.
    const isHeard = kernel.writeNow(STDERR_FILENO, wordsOfLoss() + line(level, message));
    lost = isHeard ? 0 : lost + 1;
  };
}

function wordsOfLoss(): string {
  return lost === 0 ? "" : lineOf("warn", `${lost} earlier lines were lost: standard error was full`);
}

/** At the end, where nothing else is said that would tell of it; answers the code. */
export function lastWords(kernel: Kernel, code: number): number {
  if (lost > 0 && kernel.writeNow(STDERR_FILENO, wordsOfLoss())) lost = 0;
  return code;
}

/** Until a policy says otherwise. */
export const DEFAULT_LOG: Voice = { level: "warn", format: "text" };

/** The lines of a message, without what only a document shows. */
export function linesOf(message: Message): readonly string[] {
  if (typeof message === "string") return [message];
  return "text" in message ? linesOf(message.text) : message;
}

function textLine(_level: LogLevel, message: Message): string {
  return `fdinit: ${shown(message)}\n`;
}

function jsonLine(level: LogLevel, message: Message): string {
  const stage = typeof message === "object" && "stage" in message ? { stage: message.stage } : {};
  return `${JSON.stringify({ time: new Date().toISOString(), level, message: shown(message), ...stage })}\n`;
}

/** Messages hold text from outside: a name with a line end in it makes no line of its own. */
function shown(message: Message): string {
  return linesOf(message).map(visible).join("\n");
}
