// getopt(3) and getopt_long(3) as glibc has them: clusters, attached and separate values, abbreviated long
// options, operands between options unless POSIXLY_CORRECT is set, and glibc's complaints. Pure.

/** The options that getopt(3) knows: a letter each, `takesValue` when the option has a value; long names stand for a letter. */
export interface Grammar {
  /** As getopt's optstring, without its first "+": `p:hv`. */
  readonly letters: string;
  readonly long?: readonly { readonly name: string; readonly letter: string }[];
  /** Options end at the first word that is none (a "+" in front of optstring, or POSIXLY_CORRECT). */
  readonly stopsAtOperand: boolean;
}

export type Found =
  | { readonly letter: string; readonly value: string }
  /** glibc's line on standard error, without argv[0] and the line end. */
  | { readonly complaint: string };

export interface Options {
  /** In the order of the command line; what follows a complaint counts for who goes on after one. */
  readonly found: readonly Found[];
  /** Indexes in argv of the words that are no options. */
  readonly operands: readonly number[];
}

/** Reads `argv`, whose first word is the program's own name. */
export function getopt(argv: readonly string[], grammar: Grammar): Options {
  const found: Found[] = [];
  const operands: number[] = [];
  let index = 1;
  const next = () => argv[++index];
  for (; index < argv.length; index++) {
    const word = argv[index] as string;
    if (word === "--") {
      index++;
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      if (grammar.stopsAtOperand) break;
      operands.push(index);
    } else if (grammar.long && word.startsWith("--")) {
      found.push(longOption(word, grammar, next));
    } else found.push(...cluster(word.slice(1), grammar, next));
  }
  for (; index < argv.length; index++) operands.push(index);
  return { found, operands };
}

/** The letters behind one dash. */
function cluster(text: string, { letters }: Grammar, next: () => string | undefined): Found[] {
  const found: Found[] = [];
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] as string;
    const known = letter === ":" ? -1 : letters.indexOf(letter);
    if (known < 0) {
      found.push({ complaint: `invalid option -- '${letter}'` });
    } else if (letters[known + 1] !== ":") {
      found.push({ letter, value: "" });
    } else {
      const value = at + 1 < text.length ? text.slice(at + 1) : next();
      const complaint = `option requires an argument -- '${letter}'`;
      found.push(value === undefined ? { complaint } : { letter, value });
      break;
    }
  }
  return found;
}

function longOption(word: string, { long = [], letters }: Grammar, next: () => string | undefined): Found {
  const end = word.indexOf("=");
  const name = end < 0 ? word.slice(2) : word.slice(2, end);
  const exact = long.find((option) => option.name === name);
  const candidates = exact ? [exact] : long.filter((option) => option.name.startsWith(name));
  const [option, second] = candidates;
  if (!option) return { complaint: `unrecognized option '${word}'` };
  if (second) {
    const names = candidates.map((candidate) => `'--${candidate.name}'`).join(" ");
    return { complaint: `option '${word}' is ambiguous; possibilities: ${names}` };
  }
  const takesValue = letters[letters.indexOf(option.letter) + 1] === ":";
  if (!takesValue && end >= 0) return { complaint: `option '--${option.name}' doesn't allow an argument` };
  const value = takesValue ? (end < 0 ? next() : word.slice(end + 1)) : "";
  return value === undefined
    ? { complaint: `option '--${option.name}' requires an argument` }
    : { letter: option.letter, value };
}
