// The quick way to read a policy: Bun's YAML parser, for a small part of YAML on which two parsers cannot differ. A scanner
// checks that the text is of that part, and counts the keys. For every other text (anchors, tags, duplicate keys, errors)
// the answer is undefined, and yaml-document.ts reads the text. Never complains.

const MAX_LENGTH = 64 * 1024;
const MAX_DEPTH = 32;

/** The parsed value, or undefined where two YAML parsers might differ. */
export function parsePlainYaml(text: string): { readonly value: unknown } | undefined {
  const keys = countKeysOfPlainYaml(text);
  if (keys === undefined) return undefined;
  try {
    const value: unknown = Bun.YAML.parse(text);
    return keysIn(value) === keys ? { value } : undefined;
  } catch {
    return undefined;
  }
}

/** A duplicate key makes this smaller than the number of keys written. */
function keysIn(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const children = Object.values(value);
  let count = Array.isArray(value) ? 0 : children.length;
  for (const child of children) count += keysIn(child);
  return count;
}

/** An open block collection: the column of its keys or dashes. */
interface Level {
  readonly column: number;
  readonly isList: boolean;
}

interface Scan {
  readonly line: string;
  at: number;
  keys: number;
}

/** The number of keys written, or undefined when the text is not of the plain part of YAML. */
export function countKeysOfPlainYaml(text: string): number | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const levels: Level[] = [];
  let keys = 0;
  let marked = false;
  let opener = false;
  for (const line of text.split("\n")) {
    const scan: Scan = { line, at: 0, keys: 0 };
    skipSpaces(scan);
    if (atEndOrComment(scan)) {
      if (!isComment(line, scan.at)) return undefined;
      continue;
    }
    if (line === "---") {
      if (marked || levels.length > 0) return undefined;
      marked = true;
      continue;
    }
    const next = scanLine(scan, levels, opener);
    if (next === undefined) return undefined;
    opener = next;
    keys += scan.keys;
  }
  return levels.length === 0 ? undefined : keys;
}

/** True: a key without a value on its line, which the next line may open. Undefined: not plain. */
function scanLine(scan: Scan, levels: Level[], opener: boolean): boolean | undefined {
  const { line } = scan;
  if (line[scan.at] === "-" && line[scan.at + 1] === " ") {
    if (!enter(levels, scan.at, true, opener)) return undefined;
    scan.at++;
    skipSpaces(scan);
    if (scan.at >= line.length || line[scan.at] === "#") return undefined;
    const column = scan.at;
    if (!skipKey(scan, true)) {
      scan.at = column;
      return scanValue(scan) ? false : undefined;
    }
    levels.push({ column, isList: false });
  } else if (!enter(levels, scan.at, false, opener) || !skipKey(scan, true)) return undefined;
  scan.keys++;
  skipSpaces(scan);
  if (atEndOrComment(scan)) return isComment(line, scan.at) ? true : undefined;
  return scanValue(scan) ? false : undefined;
}

/** Closes what the column ends and opens what it starts; false when the indentation fits nothing. */
function enter(levels: Level[], column: number, isList: boolean, opener: boolean): boolean {
  let closed = false;
  for (let top = levels.at(-1); top && top.column > column; top = levels.at(-1)) {
    levels.pop();
    closed = true;
  }
  const top = levels.at(-1);
  if (top?.column === column) {
    if (top.isList === isList) return true;
    if (isList) {
      if (!opener || closed) return false;
      levels.push({ column, isList });
      return true;
    }
    levels.pop();
    const below = levels.at(-1);
    return below?.column === column && !below.isList;
  }
  const first = top === undefined && !closed;
  if (first ? column !== 0 || isList : !opener || closed) return false;
  levels.push({ column, isList });
  return levels.length <= MAX_DEPTH;
}

/** A key and its colon. Where `endMayFollow`, the line may end behind the colon. */
function skipKey(scan: Scan, endMayFollow: boolean): boolean {
  const { line } = scan;
  const start = scan.at;
  const quote = line[start];
  if (quote === '"' || quote === "'") {
    if (!skipQuoted(scan)) return false;
    if (!isKeyWord(line.slice(start + 1, scan.at - 1))) return false;
  } else {
    while (scan.at < line.length && isKeyCharacter(line.charCodeAt(scan.at))) scan.at++;
    if (!isKeyWord(line.slice(start, scan.at))) return false;
  }
  if (line[scan.at] !== ":") return false;
  scan.at++;
  return scan.at >= line.length ? endMayFollow : line[scan.at] === " ";
}

function isKeyWord(word: string): boolean {
  if (word === "" || word.startsWith("__") || isOddWord(word)) return false;
  const first = word.charCodeAt(0);
  return isLetter(first) || first === UNDERSCORE;
}

function scanValue(scan: Scan): boolean {
  const first = scan.line[scan.at];
  const isPlain = first !== '"' && first !== "'" && first !== "[" && first !== "{";
  if (isPlain) return skipPlain(scan);
  if (first === '"' || first === "'" ? !skipQuoted(scan) : !skipFlow(scan, 1)) return false;
  if (scan.at >= scan.line.length) return true;
  if (scan.line[scan.at] !== " ") return false;
  skipSpaces(scan);
  return atEndOrComment(scan) && isComment(scan.line, scan.at);
}

/** A quoted text without escapes, on one line. */
function skipQuoted(scan: Scan): boolean {
  const { line } = scan;
  const quote = line[scan.at];
  for (let at = scan.at + 1; at < line.length; at++) {
    if (line[at] === quote) {
      if (line[at + 1] === quote) return false;
      scan.at = at + 1;
      return true;
    }
    if (!isPrintable(line.charCodeAt(at)) || line[at] === "\\") return false;
  }
  return false;
}

/** An unquoted text up to the end of the line or a comment. */
function skipPlain(scan: Scan): boolean {
  const { line } = scan;
  const start = scan.at;
  for (; scan.at < line.length; scan.at++) {
    const character = line[scan.at];
    if (character === "#" && line[scan.at - 1] === " ") break;
    if (!isPrintable(line.charCodeAt(scan.at)) || character === '"' || character === "'") return false;
    if (character === ":" && (scan.at + 1 >= line.length || line[scan.at + 1] === " ")) return false;
  }
  return isComment(line, scan.at) && isPlainScalar(line.slice(start, scan.at).trimEnd());
}

/** `[…]` or `{…}` on one line. */
function skipFlow(scan: Scan, depth: number): boolean {
  const { line } = scan;
  const isList = line[scan.at] === "[";
  const end = isList ? "]" : "}";
  if (depth > MAX_DEPTH) return false;
  scan.at++;
  skipSpaces(scan);
  if (line[scan.at] === end) {
    scan.at++;
    return true;
  }
  for (;;) {
    if (!isList) {
      if (!skipKey(scan, false)) return false;
      scan.keys++;
      skipSpaces(scan);
    }
    if (!skipFlowValue(scan, depth)) return false;
    skipSpaces(scan);
    const separator = line[scan.at++];
    if (separator === end) return true;
    if (separator !== "," || line[scan.at] !== " ") return false;
    skipSpaces(scan);
  }
}

function skipFlowValue(scan: Scan, depth: number): boolean {
  const { line } = scan;
  const first = line[scan.at];
  if (first === '"' || first === "'") return skipQuoted(scan);
  if (first === "[" || first === "{") return skipFlow(scan, depth + 1);
  const start = scan.at;
  while (scan.at < line.length && !"[]{},:#\"'\\".includes(line[scan.at] ?? "")) {
    if (!isPrintable(line.charCodeAt(scan.at))) return false;
    scan.at++;
  }
  const stop = line[scan.at];
  return (
    (stop === "," || stop === "]" || stop === "}") && isPlainScalar(line.slice(start, scan.at).trimEnd())
  );
}

/** An unquoted text that both parsers read as the same text, number or word. */
function isPlainScalar(word: string): boolean {
  if (word === "true" || word === "false" || word === "null") return true;
  const first = word.charCodeAt(0);
  if (isLetter(first)) return !isOddWord(word);
  if (isDigit(first))
    return /^(?:0|[1-9]\d{0,14})$|^(?:0|[1-9]\d{0,9})-(?:\d{0,10})$|^[1-9]\d{0,9}(?:ms|s|m|h|[KMG]i)$/.test(
      word,
    );
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
