// Random texts of a policy's kind, with odd pieces and damage now and then: for tests that hold two readers of YAML against each
// other, on both engines. The same seed gives the same texts.

export class PolicyTexts {
  private state: number;
  constructor(seed: number) {
    this.state = seed | 1;
  }

  next(): string {
    const lines = this.mapping(0, 0);
    if (this.chance(0.1)) lines.unshift("---");
    let text = lines.join("\n") + (this.chance(0.9) ? "\n" : "");
    for (let damage = this.chance(0.3) ? 1 + this.below(3) : 0; damage > 0; damage--)
      text = this.damaged(text);
    return text;
  }

  private damaged(text: string): string {
    const at = this.below(text.length + 1);
    const piece = this.pick([
      ..."-:#,[]{}'\"&*!|>%@`~? \n\t\\$.0_=+<",
      " #",
      ": ",
      "- ",
      "\n  ",
      "\n\n",
      "<<: ",
      "---\n",
      "yes",
      "é",
    ]);
    return (
      text.slice(0, at) +
      (this.chance(0.7) ? piece : "") +
      text.slice(this.chance(0.5) ? at : at + 1 + this.below(3))
    );
  }

  private mapping(indent: number, depth: number): string[] {
    const lines: string[] = [];
    for (let left = 1 + this.below(4); left > 0; left--) {
      const key = `${" ".repeat(indent)}${this.key()}:`;
      const kind = depth < 4 ? this.below(6) : 0;
      if (kind === 4) lines.push(key, ...this.mapping(indent + 1 + this.below(4), depth + 1));
      else if (kind === 5) lines.push(key, ...this.list(indent + this.below(4), depth + 1));
      else lines.push(`${key}${this.chance(0.9) ? " " : ""}${this.value(0)}${this.comment()}`);
      if (this.chance(0.1)) lines.push(this.pick(["", "   ", "# c: d", "      # - x", "\t"]));
    }
    return lines;
  }

  private list(indent: number, depth: number): string[] {
    const lines: string[] = [];
    for (let left = 1 + this.below(3); left > 0; left--) {
      const dash = `${" ".repeat(indent)}-${this.chance(0.9) ? " " : "  "}`;
      if (this.chance(0.5)) lines.push(`${dash}${this.value(0)}${this.comment()}`);
      else {
        const [first = "", ...rest] = this.mapping(dash.length, depth + 1);
        lines.push(dash + first.trimStart(), ...rest);
      }
    }
    return lines;
  }

  private value(depth: number): string {
    if (depth < 3 && this.chance(0.25)) {
      const items = Array.from({ length: this.below(4) }, () => this.value(depth + 1));
      const pad = this.chance(0.5) ? " " : "";
      if (this.chance(0.5)) return `[${pad}${items.join(", ")}${pad}]`;
      return `{${pad}${items.map((item) => `${this.key()}: ${item}`).join(", ")}${pad}}`;
    }
    if (this.chance(0.2)) return this.pick(ODD);
    return this.pick(USUAL);
  }

  private key(): string {
    const plain = this.pick([
      "version",
      "fds",
      "a",
      "b-c",
      "d.e",
      "PORT",
      "SIGTERM",
      "x_y",
      "default",
      "match",
    ]);
    const key = plain + (this.chance(0.7) ? this.below(50) : "");
    if (this.chance(0.05))
      return this.pick(["<<", "yes", "null", "1", "__proto__", "constructor", "é", "? a", "-", "a b"]);
    if (this.chance(0.05)) return String(this.below(300));
    return this.chance(0.1) ? `"${key}"` : this.chance(0.05) ? `'${key}'` : key;
  }

  private comment(): string {
    return this.chance(0.15) ? this.pick([" # c", " #", "  # a: b — c", "#d", " # 'x", "   "]) : "";
  }

  private pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  private chance(probability: number): boolean {
    return this.below(1_000_000) < probability * 1_000_000;
  }

  /** xorshift32 */
  private below(limit: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % limit;
  }
}

const USUAL = [
  ..."close keep true false null 0 1 1024 10s 500ms 64Ki 0-2 7- 3-9 SIGTERM /srv ./run -g --verbose nginx".split(
    " ",
  ),
  "${HOME}/x",
  "${A:-b}",
  '"*:8080"',
  "'daemon off;'",
  '""',
  "''",
  '"a: b # c"',
  "a b  c",
  "a:b",
  "a#b",
  "/a,b",
  "-e5",
  "-inf",
  "a[0]",
  "x{y}",
  "e3",
  "9-",
  "0-0",
  "a\\b",
  "/x:",
  "Infinity",
  "NaN",
  "undefined",
  "-x -y",
];
const ODD = [
  "yes",
  "off",
  "True",
  "NULL",
  "~",
  "0777",
  "0o17",
  "0x1F",
  "1_000",
  "1:30",
  "2001-01-01",
  "1e3",
  ".5",
  "5.",
  ".inf",
  "-1",
  "+1",
  "00",
  "12345678901234567890",
  "&a x",
  "*a",
  "!t x",
  "!!str 1",
  "|",
  ">-",
  "@x",
  "`x`",
  "%x",
  "? x",
  "- x",
  "-",
  "x: y",
  "'it''s'",
  '"\\n"',
  "é",
  '"é"',
  "=",
  "<<",
  "--- x",
  "...",
  "#x",
  "a #",
  "[a, b",
  "{a}",
  "[a: b]",
  "[,]",
  "[a,]",
  "{a: 1,}",
  "'x' y",
  "'x'#y",
  '"x" "y"',
  "[a]b",
  "{a: b}c",
  "[a] # c",
  "a\tb",
  "[a,b]",
  "{a:b}",
  "{a: {b: [c]}}",
  "$x",
  "$",
  "./",
  "--",
  "-",
  "---",
];
