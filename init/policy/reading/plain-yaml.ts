// The quick way to read a policy: a small part of YAML, in one pass over the lines, without positions. It is the part on
// which two readers of YAML cannot differ. For every other text (anchors, tags, duplicate keys, escapes, errors) the answer
// is undefined, and yaml-document.ts reads the text. Never complains.

const MAX_LENGTH = 64 * 1024;
const MAX_DEPTH = 32;

type Mapping = Record<string, unknown>;

/** An open block collection: the column of its keys or dashes, and what is in it so far. */
type Level =
  | { readonly column: number; readonly items: unknown[] }
  | { readonly column: number; readonly items?: undefined; readonly keys: Mapping };

/** A line, and how far it is read. */
interface Scan {
  readonly line: string;
  at: number;
}

/** A key without a value on its line, which the next line may open. */
interface Opener {
  readonly keys: Mapping;
  readonly key: string;
}

interface Reading {
  readonly levels: Level[];
  opener: Opener | undefined;
  /** The top level's. */
  root: Mapping | undefined;
}

/** The value, or undefined when the text is not of the plain part of YAML. */
export function parsePlainYaml(text: string): { readonly value: unknown } | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const reading: Reading = { levels: [], opener: undefined, root: undefined };
  let marked = false;
  for (const line of text.split("\n")) {
    const scan: Scan = { line, at: 0 };
    skipSpaces(scan);
    if (atEndOrComment(scan)) {
      if (!isComment(line, scan.at)) return undefined;
      continue;
    }
    if (line === "---") {
      if (marked || reading.root) return undefined;
      marked = true;
      continue;
    }
    if (!readLine(scan, reading)) return undefined;
  }
  return reading.root && { value: reading.root };
}

/** False: not plain. */
function readLine(scan: Scan, reading: Reading): boolean {
  const { line } = scan;
  if (line[scan.at] === "-" && line[scan.at + 1] === " ") {
    const items = enter(reading, scan.at, true)?.items;
    if (!items) return false;
    scan.at++;
    skipSpaces(scan);
    if (scan.at >= line.length || line[scan.at] === "#") return false;
    const column = scan.at;
    const key = readKey(scan, true);
    if (key === undefined) {
      scan.at = column;
      const value = readValue(scan);
      reading.opener = undefined;
      items.push(value);
      return value !== undefined;
    }
    const keys: Mapping = {};
    items.push(keys);
    reading.levels.push({ column, keys });
    return readPair(scan, reading, keys, key);
  }
  const level = enter(reading, scan.at, false);
  const key = readKey(scan, true);
  if (!level || level.items || key === undefined) return false;
  return readPair(scan, reading, level.keys, key);
}

/** Reads the value behind a key, and puts both in; the key may not be there twice. */
function readPair(scan: Scan, reading: Reading, keys: Mapping, key: string): boolean {
  if (Object.hasOwn(keys, key)) return false;
  skipSpaces(scan);
  if (atEndOrComment(scan)) {
    keys[key] = null;
    reading.opener = { keys, key };
    return isComment(scan.line, scan.at);
  }
  const value = readValue(scan);
  keys[key] = value;
  reading.opener = undefined;
  return value !== undefined;
}

/** Closes what the column ends and opens what it starts: the level of the line; undefined when the indentation fits nothing. */
function enter(reading: Reading, column: number, isList: boolean): Level | undefined {
  const { levels } = reading;
  let closed = false;
  for (let top = levels.at(-1); top && top.column > column; top = levels.at(-1)) {
    levels.pop();
    closed = true;
  }
  const top = levels.at(-1);
  if (top?.column === column) {
    if ((top.items !== undefined) === isList) return top;
    if (isList) return closed ? undefined : open(reading, column, true);
    levels.pop();
    const below = levels.at(-1);
    return below?.column === column && !below.items ? below : undefined;
  }
  if (reading.root || isList || column !== 0) return closed ? undefined : open(reading, column, isList);
  reading.root = {};
  levels.push({ column, keys: reading.root });
  return levels.at(-1);
}

/** The collection that is the value of the key on the line before. */
function open({ levels, opener }: Reading, column: number, isList: boolean): Level | undefined {
  if (!opener || levels.length >= MAX_DEPTH) return undefined;
  const level: Level = isList ? { column, items: [] } : { column, keys: {} };
  opener.keys[opener.key] = level.items ?? level.keys;
  levels.push(level);
  return level;
}

/** A key, past its colon. Where `endMayFollow`, the line may end behind the colon. */
function readKey(scan: Scan, endMayFollow: boolean): string | undefined {
  const { line } = scan;
  const start = scan.at;
  const quote = line[start];
  let key: string;
  if (quote === '"' || quote === "'") {
    const text = readQuoted(scan);
    if (text === undefined) return undefined;
    key = text;
  } else {
    while (scan.at < line.length && isKeyCharacter(line.charCodeAt(scan.at))) scan.at++;
    key = line.slice(start, scan.at);
  }
  if (!isKeyWord(key) || line[scan.at] !== ":") return undefined;
  scan.at++;
  const isEnd = scan.at >= line.length ? endMayFollow : line[scan.at] === " ";
  return isEnd ? key : undefined;
}

function isKeyWord(word: string): boolean {
  // `shutdown.on` is a key of every other policy; YAML 1.2, which both readers read, has no such truth value.
  if (word === "on") return true;
  // Exit codes: `143` and `"143"` are the same key of an object, for both readers.
  if (/^(?:0|[1-9]\d{0,8})$/.test(word)) return true;
  if (word === "" || word.startsWith("__") || isOddWord(word)) return false;
  const first = word.charCodeAt(0);
  return isLetter(first) || first === UNDERSCORE;
}

/** The rest of a line as a value; undefined: not plain. */
function readValue(scan: Scan): unknown {
  const first = scan.line[scan.at];
  const isPlain = first !== '"' && first !== "'" && first !== "[" && first !== "{";
  if (isPlain) return readPlain(scan);
  const value = first === '"' || first === "'" ? readQuoted(scan) : readFlow(scan, 1);
  if (scan.at >= scan.line.length) return value;
  if (scan.line[scan.at] !== " ") return undefined;
  skipSpaces(scan);
  return atEndOrComment(scan) && isComment(scan.line, scan.at) ? value : undefined;
}

/** A quoted text without escapes, on one line. */
function readQuoted(scan: Scan): string | undefined {
  const { line } = scan;
  const start = scan.at + 1;
  const quote = line.charCodeAt(scan.at);
  for (let at = start; at < line.length; at++) {
    const code = line.charCodeAt(at);
    if (code === quote) {
      if (line.charCodeAt(at + 1) === quote) return undefined;
      scan.at = at + 1;
      return line.slice(start, at);
    }
    if (!isPrintable(code) || code === BACKSLASH) return undefined;
  }
  return undefined;
}

/** An unquoted text up to the end of the line or a comment. */
function readPlain(scan: Scan): unknown {
  const { line } = scan;
  const start = scan.at;
  for (; scan.at < line.length; scan.at++) {
    const character = line[scan.at];
    if (character === "#" && line[scan.at - 1] === " ") break;
    if (!isPrintable(line.charCodeAt(scan.at)) || character === '"' || character === "'") return undefined;
    if (character === ":" && (scan.at + 1 >= line.length || line[scan.at + 1] === " ")) return undefined;
  }
  return isComment(line, scan.at) ? scalarOf(line.slice(start, scan.at).trimEnd()) : undefined;
}

/** `[…]` or `{…}` on one line. */
function readFlow(scan: Scan, depth: number): unknown {
  const { line } = scan;
  const items: unknown[] | undefined = line[scan.at] === "[" ? [] : undefined;
  const keys: Mapping = {};
  const end = items ? "]" : "}";
  if (depth > MAX_DEPTH) return undefined;
  scan.at++;
  skipSpaces(scan);
  if (line[scan.at] === end) {
    scan.at++;
    return items ?? keys;
  }
  for (;;) {
    let key = "";
    if (!items) {
      key = readKey(scan, false) ?? "";
      if (key === "" || Object.hasOwn(keys, key)) return undefined;
      skipSpaces(scan);
    }
    const value = readFlowValue(scan, depth);
    if (value === undefined) return undefined;
    if (items) items.push(value);
    else keys[key] = value;
    skipSpaces(scan);
    const separator = line[scan.at++];
    if (separator === end) return items ?? keys;
    if (separator !== "," || line[scan.at] !== " ") return undefined;
    skipSpaces(scan);
  }
}

function readFlowValue(scan: Scan, depth: number): unknown {
  const { line } = scan;
  const first = line[scan.at];
  if (first === '"' || first === "'") return readQuoted(scan);
  if (first === "[" || first === "{") return readFlow(scan, depth + 1);
  const start = scan.at;
  while (scan.at < line.length && !"[]{},:#\"'\\".includes(line[scan.at] ?? "")) {
    if (!isPrintable(line.charCodeAt(scan.at))) return undefined;
    scan.at++;
  }
  const stop = line[scan.at];
  const isEnd = stop === "," || stop === "]" || stop === "}";
  return isEnd ? scalarOf(line.slice(start, scan.at).trimEnd()) : undefined;
}

/** An unquoted word, number or text that every reader of YAML reads as the same; undefined for any other. */
function scalarOf(word: string): unknown {
  if (word === "true") return true;
  if (word === "false") return false;
  if (word === "null") return null;
  const first = word.charCodeAt(0);
  if (!isDigit(first)) return isPlainText(word, first) ? word : undefined;
  if (/^(?:0|[1-9]\d{0,14})$/.test(word)) return Number(word);
  const isText = /^(?:0|[1-9]\d{0,9})-(?:\d{0,10})$|^[1-9]\d{0,9}(?:ms|s|m|h|[KMG]i)$/.test(word);
  return isText ? word : undefined;
}

function isPlainText(word: string, first: number): boolean {
  if (isLetter(first)) return !isOddWord(word);
  if (word[0] === "/") return true;
  if (word[0] === ".") return word[1] === "/";
  if (word[0] === "$") return word[1] === "{";
  if (word[0] === "-") return isLetter(word.charCodeAt(word[1] === "-" ? 2 : 1));
  return false;
}

/** Words that some YAML somewhere reads as something other than a text. */
function isOddWord(word: string): boolean {
  if (word.length > 5) return false;
  return "|y|n|yes|no|on|off|true|false|null|nan|inf|".includes(`|${word.toLowerCase()}|`);
}

function skipSpaces(scan: Scan): void {
  while (scan.line[scan.at] === " ") scan.at++;
}

function atEndOrComment({ line, at }: Scan): boolean {
  return at >= line.length || line[at] === "#";
}

/** Whether the rest of the line is empty or a comment without characters that could end a line. */
function isComment(line: string, from: number): boolean {
  return (
    from >= line.length ||
    !/[^ -~\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]/.test(line.slice(from))
  );
}

const UNDERSCORE = 0x5f;
const BACKSLASH = 0x5c;

function isPrintable(code: number): boolean {
  return code >= 0x20 && code < 0x7f;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isLetter(code: number): boolean {
  return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
}

function isKeyCharacter(code: number): boolean {
  return isLetter(code) || isDigit(code) || code === UNDERSCORE || code === 0x2d || code === 0x2e;
}
