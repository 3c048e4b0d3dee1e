// Ends and times in words, for messages and the report. Pure.

import { signalName } from "../sys/signals/signal-names.ts";

/** wait(2)'s status: `exited with code 1`, `was killed by SIGKILL`. */
export function codeInWords(status: number): string {
  const signal = status & 0x7f;
  if (signal === 0) return `exited with code ${(status >> 8) & 0xff}`;
  return `was killed by ${signalName(signal)}${(status & 0x80) === 0 ? "" : " (core dumped)"}`;
}

/** `250 ms`, `12.3 s`, `4 min 10 s`, `3 h 2 min`. */
export function durationInWords(ms: number): string {
  // Each rounded first: what becomes a whole one belongs to the next unit.
  const wholeMs = Math.round(ms);
  if (wholeMs < 1000) return `${wholeMs} ms`;
  const tenths = Math.round(ms / 100);
  if (tenths < 600) return `${tenths / 10} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return joined(Math.floor(seconds / 60), "min", seconds % 60, "s");
  const minutes = Math.round(seconds / 60);
  return joined(Math.floor(minutes / 60), "h", minutes % 60, "min");
}

function joined(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}
