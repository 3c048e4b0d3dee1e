// The thorough way to read a policy: the `yaml` package, which keeps the position of every key and value. loadPolicy() asks
// it when the text is not plain YAML, or when there is a complaint that needs a position. Loaded only when called,
// since it costs milliseconds and megabytes. Converts the nodes itself, so that no alias can grow without bound.

import type { Alias, Document, Node, Pair, Scalar, YAMLError, YAMLMap, YAMLSeq } from "yaml";
import type { PolicyIssue, PolicyIssueCode } from "../issue.ts";
import { type KeyPath, pointerOf, readablePath } from "../key-path.ts";
import type { Locate, Span } from "../wording/finding.ts";
import { positionOf } from "../wording/finding.ts";
import { forbiddenCharacter, limitReached } from "./yaml-limits.ts";

const MAX_ALIASES = 100;
const MAX_NODES_FROM_ALIASES = 10_000;
const MAX_SYNTAX_ISSUES = 10;
const MOST_ISSUES = 100;

export type YamlDocument =
  | { readonly ok: true; readonly value: unknown; readonly locate: Locate }
  | { readonly ok: false; readonly issues: readonly PolicyIssue[] };

type Complain = (code: PolicyIssueCode, span: Span, message: string, hint?: string, at?: KeyPath) => void;

export function readYamlDocument(text: string): YamlDocument {
  const issues: PolicyIssue[] = [];
  const complain: Complain = (code, span, message, hint, at = []) => {
    if (issues.length >= MOST_ISSUES) return;
    const place = { pointer: pointerOf(at), path: readablePath(at), ...positionOf(text, span) };
    issues.push({ code, message, ...place, ...(hint !== undefined && { hint }) });
  };
  const character = forbiddenCharacter(text);
  if (character !== undefined) {
    const code = text.charCodeAt(character).toString(16).toUpperCase().padStart(4, "0");
    complain("yaml-syntax", spanOf(character), `the character U+${code} is not allowed in YAML`);
    return { ok: false, issues };
  }
  const limit = limitReached(text);
  if (limit !== undefined) {
    if (limit.by === "depth") complain("too-deep", spanOf(limit.at), "the policy is nested too deeply");
    else complain("yaml-syntax", spanOf(limit.at), "too many brackets are closed that were never opened");
    return { ok: false, issues };
  }
  try {
    return convert(text, issues, complain);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    issues.length = 0;
    complain("too-deep", spanOf(0), "the policy is nested too deeply");
    return { ok: false, issues };
  }
}

/** Evaluated at the first call, never at start. */
function library(): typeof import("yaml") {
  return require("yaml") as typeof import("yaml");
}

function spanOf(start: number): Span {
  return { start, end: start + 1 };
}

function convert(text: string, issues: PolicyIssue[], complain: Complain): YamlDocument {
  const document = library().parseDocument(text, {
    version: "1.2",
    prettyErrors: false,
    uniqueKeys: false,
    keepSourceTokens: false,
  });
  if (document.errors.length > 0) {
    complainOfSyntax(document.errors, text, complain);
    return { ok: false, issues };
  }
  const directive = /^%\S*/m.exec(beforeDocument(document, text));
  if (directive !== null) {
    const span = { start: directive.index, end: directive.index + directive[0].length };
    const message = `a ${directive[0]} directive is not allowed`;
    complain("unsupported-yaml", span, message, "remove it: a policy is YAML 1.2");
  }
  const converter = new Converter(complain, text);
  const value = converter.valueOf(document.contents, [], false);
  if (issues.length > 0) return { ok: false, issues };
  return { ok: true, value, locate: locatorOf(document, converter.anchors, text) };
}

/** The directives of a document and the comments between them: all that stands before its first node. */
function beforeDocument(document: Document, text: string): string {
  const end = text.search(/^---(?:\s|$)/m);
  const { contents } = document;
  return end === -1 ? "" : text.slice(0, Math.min(end, (contents as Node | null)?.range?.[0] ?? end));
}

function complainOfSyntax(errors: readonly YAMLError[], text: string, complain: Complain): void {
  let lastLine = 0;
  for (const { code, message, pos } of errors.slice(0, MAX_SYNTAX_ISSUES)) {
    const span = { start: pos[0], end: pos[1] };
    const { line } = positionOf(text, span);
    if (line === lastLine) continue; // what follows on a line is most often the same mistake
    lastLine = line;
    if (code === "MULTIPLE_DOCS") {
      complain(
        "several-documents",
        { start: pos[0], end: pos[0] + 3 },
        "the policy holds several YAML documents",
        'keep one; remove the line "---"',
      );
    } else if (/call stack/.test(message)) {
      complain("too-deep", span, "the policy is nested too deeply");
    } else complain("yaml-syntax", span, lowerFirst(message), syntaxHint(code) ?? variableHint(text, line));
  }
}

function lowerFirst(message: string): string {
  return /^[A-Z][a-z ]/.test(message) ? message.charAt(0).toLowerCase() + message.slice(1) : message;
}

function syntaxHint(code: string): string | undefined {
  if (code === "TAB_AS_INDENT") return "indent with spaces";
  if (code === "BAD_SCALAR_START" || code === "BAD_ALIAS") return "put the text in quotes";
  if (code === "BLOCK_AS_IMPLICIT_KEY") return 'put a text that holds ": " in quotes';
  return undefined;
}

class Converter {
  readonly anchors = new Map<Alias, Node>();
  private readonly named = new Map<string, Node>();
  private aliases = 0;
  private nodesFromAliases = 0;
  private stopped = false;
  private readonly complain: Complain;
  private readonly text: string;

  constructor(complain: Complain, text: string) {
    this.complain = complain;
    this.text = text;
  }

  valueOf(node: unknown, at: KeyPath, fromAlias: boolean): unknown {
    if (this.stopped || node === null || node === undefined) return null;
    if (fromAlias && ++this.nodesFromAliases > MAX_NODES_FROM_ALIASES) {
      this.stopped = true;
      const message = `aliases repeat more than ${MAX_NODES_FROM_ALIASES} values`;
      this.complain("too-many-aliases", rangeOf(node as Node), message, "write the values out", at);
      return null;
    }
    const { isAlias, isMap, isSeq } = library();
    if (isAlias(node)) return this.aliased(node, at);
    if (!this.isAcceptable(node as Node, at, isCoreTag)) return null;
    const value = isMap(node)
      ? this.mapOf(node, at, fromAlias)
      : isSeq(node)
        ? this.listOf(node, at, fromAlias)
        : (node as Scalar).value;
    // Only now: an alias inside its own anchor has nothing to stand for.
    const { anchor } = node as { anchor?: string };
    if (anchor !== undefined) this.named.set(anchor, node as Node);
    return value;
  }

  /** Whether a key or a value may stand in a policy: its tag is one of `allowed`, and its text is Unicode. */
  private isAcceptable(node: Node, at: KeyPath, allowed: (tag: string, value: unknown) => boolean): boolean {
    const { tag, value } = node as { tag?: string; value?: unknown };
    if (tag !== undefined && !allowed(tag, library().isCollection(node) ? node : value)) {
      const message = `the tag ${tag.replace(CORE, "!!")} is not allowed`;
      this.complain("unsupported-yaml", rangeOf(node), message, "remove it", at);
      return false;
    }
    if (typeof value === "string" && LONE_SURROGATE.test(value)) {
      const message = "half of a surrogate pair (\\ud800 to \\udfff) is not a character";
      const hint = "write the character itself, or \\U and its eight hexadecimal digits";
      this.complain("unsupported-yaml", rangeOf(node), message, hint, at);
      return false;
    }
    return true;
  }

  private aliased(alias: Alias, at: KeyPath): unknown {
    if (++this.aliases > MAX_ALIASES) {
      this.stopped = true;
      const message = `the policy uses more than ${MAX_ALIASES} aliases`;
      this.complain("too-many-aliases", rangeOf(alias), message, "write the values out", at);
      return null;
    }
    const target = this.anchors.get(alias) ?? this.named.get(alias.source);
    if (target === undefined) {
      const hint = `for a text that starts with "*", write ${JSON.stringify(this.text.slice(...toPair(rangeOf(alias))))}`;
      this.complain(
        "yaml-syntax",
        rangeOf(alias),
        `the alias *${alias.source} stands for nothing: no anchor &${alias.source} comes before it`,
        hint,
        at,
      );
      return null;
    }
    this.anchors.set(alias, target);
    return this.valueOf(target, at, true);
  }

  private listOf(node: YAMLSeq, at: KeyPath, fromAlias: boolean): unknown[] {
    return node.items.map((item, index) => this.valueOf(item, [...at, index], fromAlias));
  }

  private mapOf(node: YAMLMap, at: KeyPath, fromAlias: boolean): Record<string, unknown> {
    const entries = new Map<string, unknown>();
    const lines = new Map<string, Span>();
    for (const pair of node.items) {
      const key = keyOf(pair);
      if (key === undefined) {
        const span = pair.key ? rangeOf(pair.key as Node) : rangeOf(node);
        this.complain("unsupported-yaml", span, "a key must be a plain text", undefined, at);
        continue;
      }
      const path = [...at, key];
      const span = rangeOf(pair.key as Node);
      if (!this.isAcceptable(pair.key as Node, path, isTagOfText)) continue;
      const first = lines.get(key);
      if (first !== undefined) {
        const message = `the key ${JSON.stringify(key)} stands here twice, first on line ${positionOf(this.text, first).line}`;
        if (!fromAlias) this.complain("duplicate-key", span, message, "keep one of them", path);
        continue;
      }
      lines.set(key, span);
      entries.set(key, this.valueOf(pair.value, path, fromAlias));
    }
    return Object.fromEntries(entries);
  }
}

function variableHint(text: string, line: number): string | undefined {
  const isUnquoted = /[[{].*[^"']\$\{/.test(text.split("\n")[line - 1] ?? "");
  return isUnquoted ? "inside [ ] and { }, put a text that holds ${NAME} in quotes" : undefined;
}

/** The tags of YAML's own types, and a global one's spelling of them. */
const CORE = /^tag:yaml\.org,2002:/;

const LONE_SURROGATE = /\p{Surrogate}/u;

/** `!!str` and the like, on a value that plain YAML reads as that type too. */
function isCoreTag(tag: string, value: unknown): boolean {
  const { isMap, isSeq } = library();
  switch (tag.replace(CORE, "!!")) {
    case "!!str":
      return typeof value === "string";
    case "!!int":
      return Number.isInteger(value);
    case "!!float":
      return typeof value === "number";
    case "!!bool":
      return typeof value === "boolean";
    case "!!null":
      return value === null;
    case "!!seq":
      return isSeq(value);
    case "!!map":
      return isMap(value);
    default:
      return false;
  }
}

/** Keys are texts, whatever YAML would read them as. */
function isTagOfText(tag: string): boolean {
  return tag.replace(CORE, "!!") === "!!str";
}

function keyOf({ key }: Pair): string | undefined {
  if (!library().isScalar(key)) return undefined;
  const { value, source } = key;
  if (typeof value === "string") return value;
  return source === undefined || source === "" ? undefined : source;
}

function rangeOf(node: Node): Span {
  const [start = 0, end = start] = node.range ?? [];
  return { start, end };
}

function toPair({ start, end }: Span): [number, number] {
  return [start, end];
}

function locatorOf(document: Document, anchors: ReadonlyMap<Alias, Node>, text: string): Locate {
  return ({ at, on, part }) => {
    const { isAlias, isCollection } = library();
    let node: unknown = document.contents;
    let key: Node | undefined;
    for (const step of at) {
      if (isAlias(node)) node = anchors.get(node);
      if (!isCollection(node)) return undefined;
      if (typeof step === "number") {
        node = node.items[step];
        key = undefined;
      } else {
        const pair = (node as YAMLMap).items.find((candidate) => keyOf(candidate) === step);
        if (pair === undefined) return undefined;
        key = pair.key as Node;
        node = pair.value;
      }
    }
    const value = node as Node | null | undefined;
    if (part !== undefined && value?.range) {
      const start = text.indexOf(part, value.range[0]);
      if (start !== -1 && start < value.range[1]) return { start, end: start + part.length };
    }
    const isBlock = isCollection(value) && !value.flow;
    const isAbsent = !value?.range || value.range[0] === value.range[1];
    if (key !== undefined && (on === "key" || isAbsent || isBlock)) return rangeOf(key);
    return value?.range ? rangeOf(value) : undefined;
  };
}
