// Looks through a text before the `yaml` package does, for what would overflow its stack or what YAML does
// not allow and the package lets pass. Reads characters only, so it can miss a nesting that hides behind the
// quotes of a block scalar; the stack's own limit is then what yaml-document.ts reports.

const MAX_DEPTH = 100;
const MAX_INDENT = 200;

/** The offset of a character that YAML 1.2 (5.1) does not allow, or undefined. */
export function forbiddenCharacter(text: string): number | undefined {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (
      code >= 0x20
        ? code === 0x7f || (code >= 0x80 && code < 0xa0 && code !== 0x85) || code >= 0xfffe
        : code !== 9 && code !== 10 && code !== 13
    ) {
      return at;
    }
  }
  return undefined;
}

export interface LimitReached {
  readonly at: number;
  readonly by: "depth" | "closing";
}

/** Where collections are nested too deeply, or too many are closed that were not open; undefined for neither. */
export function limitReached(text: string): LimitReached | undefined {
  let brackets = 0;
  let closed = 0;
  let quote = "";
  let lineStart = true;
  let indicators = 0;
  let indent = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? "";
    if (character === "\n") {
      lineStart = true;
      indicators = 0;
      indent = 0;
      continue;
    }
    if (lineStart) {
      if (character === " ") indent++;
      else if (isIndicator(character) && isSpace(text[at + 1])) indicators++;
      else lineStart = false;
      if (indicators > MAX_DEPTH || indent - indicators > MAX_INDENT) return { at, by: "depth" };
      if (lineStart) continue;
    }
    if (quote !== "") {
      if (character === "\\" && quote === '"') at++;
      else if (character === quote) quote = "";
    } else if (character === "#" && (at === 0 || isSpace(text[at - 1]))) {
      const end = text.indexOf("\n", at);
      if (end === -1) return undefined;
      at = end - 1;
    } else if ((character === '"' || character === "'") && opensText(text[at - 1])) quote = character;
    else if (character === "[" || character === "{") {
      if (++brackets > MAX_DEPTH) return { at, by: "depth" };
    } else if (character === "]" || character === "}") {
      if (brackets > 0) brackets--;
      else if (++closed > MAX_DEPTH) return { at, by: "closing" };
    }
  }
  return undefined;
}

function isIndicator(character: string): boolean {
  return character === "-" || character === "?" || character === ":";
}

function isSpace(character: string | undefined): boolean {
  return (
    character === undefined ||
    character === " " ||
    character === "\t" ||
    character === "\n" ||
    character === "\r"
  );
}

/** A quote in the middle of a word is no quote. */
function opensText(before: string | undefined): boolean {
  return isSpace(before) || before === "[" || before === "{" || before === "," || before === ":";
}
