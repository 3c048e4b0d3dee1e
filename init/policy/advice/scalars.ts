// Translates values that people write elsewhere into the policy's: systemd's "5min", Compose's "1m30s", octal
// modes, signals without SIG, addresses of other servers. Only proposes: judge.ts tries each before it is said.

import { SIGNAL_NAMES } from "../../sys/signals/signal-names.ts";
import { CAPABILITY_NAMES } from "../meaning/capabilities.ts";
import { nearestWord } from "../wording/nearest.ts";

/** A value as it was read, and its text in the file, which still has the zeros and the base of a number. */
export interface Written {
  readonly value: unknown;
  readonly raw: string;
}

/** Values that may have been meant, the likeliest first. `phrase` is what the language accepts there. */
export function scalarForms({ value, raw }: Written, phrase: string, key: string): unknown[] {
  if (typeof value === "object" && value !== null) return [];
  const text = cleaned(typeof value === "string" ? value : raw);
  const same = typeof value === "string" && text !== value ? [text] : [];
  return [...same, ...formsFor(text, value, phrase, key)];
}

function formsFor(text: string, value: unknown, phrase: string, key: string): unknown[] {
  if (phrase.startsWith("a duration")) return durations(text);
  if (phrase.startsWith("two durations")) return pausesOf(text);
  if (phrase.startsWith("a count within")) return limitsOf(text);
  if (phrase.startsWith("an octal")) return octal(text);
  if (phrase === "true or false") return yesOrNo(text);
  if (phrase.startsWith("a signal")) return signals(text, phrase);
  if (phrase.startsWith("a capability")) return capabilities(text);
  if (/^(an address|a socket address)/.test(phrase)) return addresses(text);
  if (
    phrase.startsWith("a descriptor number or a range") ||
    phrase.startsWith("a descriptor number, a range")
  )
    return descriptorSets(text);
  if (phrase.startsWith("a user")) return [text.split(":").slice(0, 2).join(":")];
  if (phrase.startsWith("an absolute path")) return paths(text);
  if (phrase.startsWith("an exit")) return [...exitsBySignal(text), ...numbers(text)];
  if (/^a (number|whole number|descriptor number, or)/.test(phrase)) return numbers(text);
  if (phrase === "1") return /^v?1(\.0*)?$/.test(text) ? [1] : [];
  if (/^(a text|a variable|a name)/.test(phrase))
    return typeof value === "string" ? [] : [textOf(text, value)];
  return words(text, phrase, key);
}

/** Characters that look like a space and are none (U+00A0), and characters without width (U+200B). */
const INVISIBLE = /[\u00a0\u2007\u202f\u200b-\u200d\u2060\ufeff]/g;

export function holdsInvisible(text: string): boolean {
  return text.search(INVISIBLE) >= 0;
}

export function cleaned(text: string): string {
  return text.replace(INVISIBLE, (space) => (/[\u00a0\u2007\u202f]/.test(space) ? " " : "")).trim();
}

function textOf(text: string, value: unknown): string {
  return value === null || value === undefined ? "" : text;
}

const MS_PER_UNIT: readonly (readonly [RegExp, number])[] = [
  [/^(ms|msecs?|millis|milliseconds?)$/, 1],
  [/^(s|secs?|seconds?)$/, 1000],
  [/^(m|mins?|minutes?)$/, 60_000],
  [/^(h|hr|hrs|hours?)$/, 3_600_000],
  [/^(d|days?)$/, 86_400_000],
];

/** Milliseconds of `25`, `25.5`, `1m30s`, `5min`, `10 sec`, `PT30S`; undefined for anything else. */
function foreignDuration(text: string): number | undefined {
  const plain = /^P(?!$)(\d+D)?(T.+)?$/i.test(text) ? text.replace(/[PT]/gi, "") : text;
  if (/^\d+(\.\d+)?$/.test(plain)) return Number(plain) * 1000;
  let ms = 0;
  const rest = plain
    .toLowerCase()
    .replace(/(\d+(?:\.\d+)?)\s*([a-z]+)\s*/g, (part, count: string, unit: string) => {
      const known = MS_PER_UNIT.find(([name]) => name.test(unit));
      if (!known) return part;
      ms += Number(count) * known[1];
      return "";
    });
  return rest === "" && plain !== "" ? ms : undefined;
}

/** As policies write it: the largest unit that needs no fraction. */
export function durationText(ms: number): string {
  for (const [unit, size] of [
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1000],
  ] as const)
    if (ms > 0 && ms % size === 0) return `${ms / size}${unit}`;
  return `${ms}ms`;
}

function durations(text: string): unknown[] {
  if (/^(infinity|infinite|never|forever|off|unlimited|null|~|)$/i.test(text)) return ["none"];
  const ms = foreignDuration(text);
  return ms === undefined || !Number.isInteger(ms) ? [] : [durationText(ms)];
}

function pausesOf(text: string): unknown[] {
  const ends = text.split(/\s*(?:\.{2,3}|-|–|,|\bto\b)\s*/);
  const [least, most = least] = ends.map((end) => durations(end)[0]);
  return ends.length > 2 || least === undefined || most === undefined ? [] : [`${least}..${most}`];
}

function limitsOf(text: string): unknown[] {
  if (/^[1-9]\d*$/.test(text)) return [`${text}/1m`];
  const [, count, within = ""] = /^(\d+)\s*(?:\/|per|in|within|,|x)\s*(.+)$/i.exec(text) ?? [];
  if (count === undefined) return [];
  const [duration] = durations(/^\d/.test(within) ? within : `1${within}`);
  return duration === undefined ? [] : [`${count}/${duration}`];
}

/** `0o660`, `0660`, `660`; the symbols of `ls -l` and of chmod(1). */
function octal(text: string): unknown[] {
  const [, digits] = /^0?o?([0-7]{1,4})$/.exec(text) ?? [];
  if (digits !== undefined) return [`0${digits.replace(/^0(?=\d{3})/, "").padStart(3, "0")}`];
  const symbols = /^-?([r-][w-][x-])([r-][w-][x-])([r-][w-][x-])$/.exec(text)?.slice(1);
  if (symbols) return [`0${symbols.map(bitsOf).join("")}`];
  const parts = new Map(text.split(",").map((part) => part.split("=") as [string, string | undefined]));
  const isChmod = [...parts].every(([who, bits]) => /^[ugo]$/.test(who) && /^[rwx]*$/.test(bits ?? "?"));
  return isChmod ? [`0${["u", "g", "o"].map((who) => bitsOf(parts.get(who) ?? "")).join("")}`] : [];
}

function bitsOf(symbols: string): number {
  return (symbols.includes("r") ? 4 : 0) + (symbols.includes("w") ? 2 : 0) + (symbols.includes("x") ? 1 : 0);
}

function yesOrNo(text: string): unknown[] {
  const word = text.toLowerCase();
  if (["yes", "on", "y", "1", "true", "enabled"].includes(word)) return [true];
  if (["no", "off", "n", "0", "false", "disabled", "none"].includes(word)) return [false];
  return [];
}

function signals(text: string, phrase: string): unknown[] {
  const word = text.toUpperCase().replace(/[\s_]/g, "");
  const names = SIGNAL_NAMES.split(" ").map((name) => (word.startsWith("SIG") ? `SIG${name}` : name));
  const none = phrase.includes('"ignore"') ? "ignore" : "none";
  const isNone = /^(NONE|OFF|IGN|IGNORE|IGNORED|DROP|NULL|SIGIGN|~|0|)$/.test(word);
  const nearest = nearestWord(word, names);
  const numbered = /^\d+$/.test(word) ? SIGNAL_NAMES.split(" ")[Number(word) - 1] : undefined;
  if (numbered !== undefined) return [`SIG${numbered}`];
  return [...(isNone ? [none] : []), word, ...(nearest === undefined || isNone ? [] : [nearest])];
}

function capabilities(text: string): unknown[] {
  const names = CAPABILITY_NAMES.split(" ");
  if (/^\d+$/.test(text)) return names[Number(text)] === undefined ? [] : [`CAP_${names[Number(text)]}`];
  const word = text.toUpperCase().replace(/[\s-]/g, "_").replace(/^CAP_/, "");
  return [word, nearestWord(word, names)].flatMap((name) => (name === undefined ? [] : [`CAP_${name}`]));
}

/** `8080`, `:8080`, `tcp://host:port`, `8080:80` of Compose, `8080/udp`, a path, `localhost:80`. */
function addresses(text: string): unknown[] {
  const [, scheme = "", rest = ""] = /^(?:(tcp|udp|http|unix|fd)6?:\/\/)?(.*?)\/?$/s.exec(text) ?? [];
  if (rest.startsWith("/") || rest.startsWith("@") || scheme === "unix") return [`unix:${rest}`];
  const [, port, suffix] = /^(?:\*?:)?(?:\d+:)?(\d{1,5})(?:\/(tcp|udp))?$/.exec(rest) ?? [];
  const before = scheme === "udp" || suffix === "udp" ? "udp:" : "";
  if (port !== undefined) return [`${before}*:${port}`];
  const [, host = "", hostPort = ""] = /^(.*):(\d{1,5})$/s.exec(rest) ?? [];
  if (host === "localhost") return [`${before}127.0.0.1:${hostPort}`];
  return host.includes(":") && !host.startsWith("[")
    ? [`${before}[${host}]:${hostPort}`]
    : [`${before}${rest}`];
}

const STANDARD: Readonly<Record<string, number>> = { stdin: 0, stdout: 1, stderr: 2 };

function descriptorSets(text: string): unknown[] {
  if (Object.hasOwn(STANDARD, text)) return [STANDARD[text]];
  const [, from, , to] = /^(\d+)\s*(\.{2,3}|-|–|:|\bto\b)\s*(\d*)$/.exec(text) ?? [];
  if (from !== undefined) return [`${from}-${to}`];
  const [, least] = /^(?:>=\s*)?(\d+)\s*\+?$/.exec(text) ?? [];
  if (least !== undefined) return /[+>]/.test(text) ? [`${least}-`] : [Number(least)];
  const items = text.split(/\s*,\s*/);
  if (items.length > 1 && items.every((item) => /^\d+(-\d*)?$/.test(item)))
    return [items.map((item) => (item.includes("-") ? item : Number(item)))];
  return [];
}

function paths(text: string): unknown[] {
  if (/^(no|off|false|null|~|)$/i.test(text)) return ["none"];
  return /^(stdout|stderr)$/.test(text) ? [`/dev/${text}`] : [text.replace(/^file:\/\//, "")];
}

const PER_SIZE: Readonly<Record<string, number>> = { "": 1, k: 1000, ki: 1024, m: 1e6, mi: 1024 ** 2 };

function numbers(text: string): unknown[] {
  if (/^(unlimited|infinity|-1)$/i.test(text)) return ["max"];
  const [, count = "", unit = ""] = /^(-?\d[\d_]*)\s*(ki?|mi?)?b?$/i.exec(text) ?? [];
  return count === "" ? [] : [Number(count.replaceAll("_", "")) * (PER_SIZE[unit.toLowerCase()] ?? 1)];
}

/** The exit code of a program that a signal ended, which is what `exit.map` is about. */
function exitsBySignal(text: string): unknown[] {
  const name = text.toUpperCase().replace(/^SIG/, "");
  const number = SIGNAL_NAMES.split(" ").indexOf(name) + 1;
  return number === 0 ? [] : [128 + number];
}

/** Words of other programs for one of ours. */
const SYNONYMS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  policy: {
    no: "never",
    false: "never",
    off: "never",
    true: "always",
    "unless-stopped": "always",
    "on-abnormal": "onFailure",
  },
  level: {
    warning: "warn",
    verbose: "info",
    trace: "debug",
    fatal: "error",
    critical: "error",
    quiet: "error",
  },
  format: { plain: "text", console: "text", logfmt: "text" },
  action: { allow: "keep", pass: "keep", deny: "refuse", reject: "refuse", drop: "close" },
  default: { allow: "keep", pass: "keep", deny: "refuse", reject: "refuse", drop: "close" },
  orphans: { kill: "terminate", ignore: "leave" },
  access: {
    r: "read",
    w: "write",
    rw: "readWrite",
    "r+": "readWrite",
    a: "append",
    "read-write": "readWrite",
  },
  stdin: { null: "devnull", none: "devnull", "/dev/null": "devnull", closed: "devnull" },
  type: { simple: "default", exec: "default", tcp: "stream", udp: "dgram", datagram: "dgram" },
  family: { ipv4: "inet", ipv6: "inet6", ip: "inet", af_inet: "inet", af_unix: "unix", local: "unix" },
};

/** The words that a phrase lists: `one of: a, b` or `a number, "inherit" or "max"`. */
function wordsIn(phrase: string): string[] {
  return phrase.startsWith("one of: ")
    ? (phrase.slice(8).split(";")[0] ?? "").split(", ")
    : [...phrase.matchAll(/"([a-z]+)"/g)].map(([, word]) => word ?? "");
}

function words(text: string, phrase: string, key: string): unknown[] {
  const known = wordsIn(phrase);
  const synonym = SYNONYMS[key]?.[text.toLowerCase()];
  const nearest = nearestWord(text, known);
  return [synonym, nearest].filter((word) => word !== undefined);
}
