// Signals as policies write them, to Linux's numbers.

import { RTMAX, RTMIN, SIGNAL_NAMES } from "../../sys/signals/signal-names.ts";

const LOWEST = 1;
const HIGHEST = 64;

const OTHER_NAMES: Readonly<Record<string, string>> = { IOT: "ABRT", CLD: "CHLD", POLL: "IO" };

/** The number of `SIGTERM`, `TERM`, `15`, `"15"`, `SIGRTMIN+3` or `RTMAX-2`; undefined for anything else. */
export function parseSignal(signal: string | number): number | undefined {
  const text = String(signal);
  if (/^[1-9]\d?$/.test(text)) return inRange(Number(text), LOWEST, HIGHEST);
  const name = text.startsWith("SIG") ? text.slice(3) : text;
  const [, base, sign, offset] = /^(RTMIN|RTMAX)(?:([+-])(\d{1,2}))?$/.exec(name) ?? [];
  if (base !== undefined) {
    if (sign !== undefined && sign !== (base === "RTMIN" ? "+" : "-")) return undefined;
    const distance = Number(offset ?? 0);
    return inRange(base === "RTMIN" ? RTMIN + distance : RTMAX - distance, RTMIN, RTMAX);
  }
  const index = SIGNAL_NAMES.split(" ").indexOf(OTHER_NAMES[name] ?? name);
  return index === -1 ? undefined : index + 1;
}

function inRange(number: number, from: number, to: number): number | undefined {
  return number >= from && number <= to ? number : undefined;
}
