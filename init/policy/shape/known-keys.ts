// Tells, for complaints, what the schema accepts at a place of a policy: the keys of a mapping, or a phrase
// for a value. Reads the tree generated from the schema; made only when something is to be complained about.

import { type KeyTree, schemaKeys } from "../generated/schema-keys.ts";
import type { KeyPath } from "../key-path.ts";
import { placesOf } from "../wording/nearest.ts";

export class KnownKeys {
  private readonly tree: KeyTree = schemaKeys();

  /** The keys a mapping may have; none where any name may stand, or where there is no mapping. */
  keys(path: KeyPath): string[] {
    const node = this.nodeAt(path);
    if (node === undefined || typeof node === "string" || "*" in node || "=" in node) return [];
    return Object.keys(node);
  }

  has(path: KeyPath): boolean {
    return this.nodeAt(path) !== undefined;
  }

  /** The accepted values, in words that follow "expected". */
  phrase(path: KeyPath): string {
    const node = this.nodeAt(path);
    if (node === undefined) return "a value";
    // The tree has one phrase for a list of signals and its items.
    if (typeof path.at(-1) === "number" && typeof node === "string" && /a list of signals$/.test(node))
      return "a signal such as SIGTERM, TERM, RTMIN+3 or a number from 1 to 64";
    return typeof node === "string" ? node : typeof node["="] === "string" ? node["="] : "a mapping";
  }

  /** The places where a key of this name belongs, the nearest first; NAME stands for a name, 0 for an entry of a list. */
  placesOf(key: string, inside: KeyPath): KeyPath[] {
    return placesOf(key, this.tree, inside).map((place) =>
      place.map((step, index) => {
        const isSame = place
          .slice(0, index)
          .every((before, at) => before === inside[at] || before === "*" || before === "[]");
        const given = isSame ? inside[index] : undefined;
        return step === "*" ? (given ?? "NAME") : step === "[]" ? (given ?? 0) : step;
      }),
    );
  }

  private nodeAt(path: KeyPath): KeyTree | undefined {
    let node: KeyTree | undefined = this.tree;
    for (const step of path) {
      if (node === undefined || typeof node === "string") return node;
      if (typeof step === "number") node = node["[]"];
      else node = Object.hasOwn(node, step) ? node[step] : node["*"];
    }
    return node;
  }
}
