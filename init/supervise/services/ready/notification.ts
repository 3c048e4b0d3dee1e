// One message of sd_notify(3), read: lines of KEY=VALUE. Unknown keys are left alone, as systemd leaves them; a known key with
// a value that means nothing is reported, and the rest of the message counts. Of a key that stands twice the first counts. Pure.

import { textOf } from "../../../sys/text/bytes.ts";
import { visible } from "../../../sys/text/visible.ts";

/** The most bytes of a message: systemd's own bound (PIPE_BUF). */
export const MOST_BYTES = 4096;
/** The most characters of a STATUS that are kept. */
const MOST_STATUS = 256;
/** The longest time that a message may ask for. */
const MOST_MS = 24 * 3_600_000;
/** The kernel gives no process a higher number (PID_MAX_LIMIT). */
const HIGHEST_PID = 4_194_304;
/** MAX_ERRNO of the kernel. */
const HIGHEST_ERRNO = 4095;
/** sd_pid_notify_with_fds(3): the name of descriptors that come without one. */
const UNNAMED = "stored";
const LONGEST_FD_NAME = 255;

export interface Notification {
  readonly isReady: boolean;
  readonly isReloading: boolean;
  readonly isStopping: boolean;
  /** As it may be shown; empty takes it away. */
  readonly status?: string;
  readonly errno?: number;
  readonly mainPid?: number;
  readonly extendMs?: number;
  readonly watchdog?: "alive" | "failed";
  readonly watchdogMs?: number;
  /** The descriptors of the message are to be stored; `isWatched`: until they hang up. */
  readonly store?: { readonly name: string; readonly isWatched: boolean };
  /** The stored descriptors of this name are to be closed. */
  readonly remove?: string;
  /** Lines that mean nothing, as they may be shown. */
  readonly malformed: readonly string[];
}

/** The message, or why none of it counts. */
export function parseNotification(bytes: Uint8Array): Notification | string {
  const end = bytes.at(-1) === 0 ? bytes.length - 1 : bytes.length;
  const content = bytes.subarray(0, end);
  if (content.length === 0) return "it is empty";
  if (content.includes(0)) return "it has a NUL in it";
  const malformed: string[] = [];
  const values = new Map<string, string>();
  for (const line of textOf(content).split("\n")) {
    if (line === "") continue;
    const equals = line.indexOf("=");
    if (equals < 1) malformed.push(shown(line));
    else if (!values.has(line.slice(0, equals))) values.set(line.slice(0, equals), line.slice(equals + 1));
  }
  return new Reader(values, malformed).read();
}

class Reader {
  private readonly values: ReadonlyMap<string, string>;
  private readonly malformed: string[];

  constructor(values: ReadonlyMap<string, string>, malformed: string[]) {
    this.values = values;
    this.malformed = malformed;
  }

  read(): Notification {
    const status = this.values.get("STATUS");
    return {
      isReady: this.isSet("READY"),
      isReloading: this.isSet("RELOADING"),
      isStopping: this.isSet("STOPPING"),
      ...(status === undefined ? {} : { status: cut(visible(status), MOST_STATUS) }),
      ...this.number("errno", "ERRNO", (value) => within(value, 1, HIGHEST_ERRNO)),
      ...this.number("mainPid", "MAINPID", (value) => within(value, 1, HIGHEST_PID)),
      ...this.number("extendMs", "EXTEND_TIMEOUT_USEC", milliseconds),
      ...this.watchdog(),
      ...this.number("watchdogMs", "WATCHDOG_USEC", milliseconds),
      ...this.store(),
      malformed: this.malformed,
    };
  }

  private isSet(key: string): boolean {
    const value = this.values.get(key);
    if (value !== undefined && value !== "1") this.complain(key, value);
    return value === "1";
  }

  private number<Field extends string>(
    field: Field,
    key: string,
    meaning: (value: number) => number | undefined,
  ): { [F in Field]?: number } {
    const text = this.values.get(key);
    if (text === undefined) return {};
    const value = /^\d{1,15}$/.test(text) ? meaning(Number(text)) : undefined;
    if (value !== undefined) return { [field]: value } as { [F in Field]?: number };
    this.complain(key, text);
    return {};
  }

  private watchdog(): Pick<Notification, "watchdog"> {
    const value = this.values.get("WATCHDOG");
    if (value === "1") return { watchdog: "alive" };
    if (value === "trigger") return { watchdog: "failed" };
    if (value !== undefined) this.complain("WATCHDOG", value);
    return {};
  }

  private store(): Pick<Notification, "store" | "remove"> {
    const name = this.values.get("FDNAME");
    const isName = name !== undefined && name.length <= LONGEST_FD_NAME && /^[!-9;-~]+$/.test(name);
    if (name !== undefined && !isName) this.complain("FDNAME", name);
    const isStore = this.isSet("FDSTORE");
    const isRemoval = this.isSet("FDSTOREREMOVE");
    if (isRemoval && isName) return { remove: name };
    if (isRemoval) this.malformed.push("FDSTOREREMOVE=1 without FDNAME");
    const isWatched = this.values.get("FDPOLL") !== "0";
    return isStore && !isRemoval ? { store: { name: isName ? name : UNNAMED, isWatched } } : {};
  }

  private complain(key: string, value: string): void {
    this.malformed.push(shown(`${key}=${value}`));
  }
}

function within(value: number, least: number, most: number): number | undefined {
  return value >= least && value <= most ? value : undefined;
}

/** Rounded up, so that no time is shorter than it was asked for. */
function milliseconds(microseconds: number): number | undefined {
  return microseconds > 0 ? Math.min(MOST_MS, Math.ceil(microseconds / 1000)) : undefined;
}

const MOST_SHOWN = 60;

function shown(line: string): string {
  return cut(visible(line), MOST_SHOWN);
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
