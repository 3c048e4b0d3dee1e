// What the language accepts at each place of a policy, for complaints: the keys of a mapping and a phrase
// for a value. Reads the tree generated from the schema; made only when something is to be complained about.

import { type KeyTree, schemaKeys } from "./generated/schema-keys.ts";
import type { KeyPath } from "./key-path.ts";
import { readablePath } from "./key-path.ts";
import { placeOf } from "./nearest.ts";

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

  /** What is accepted there, as it follows the word "expected". */
  phrase(path: KeyPath): string {
    const node = this.nodeAt(path);
    if (node === undefined) return "a value";
    return typeof node === "string" ? node : typeof node["="] === "string" ? node["="] : "a mapping";
  }

  /** The readable path of a place where a key of this name belongs. */
  elsewhere(key: string, inside: KeyPath): string | undefined {
    const place = placeOf(key, this.tree, inside);
    if (place === undefined) return undefined;
    const path: (string | number)[] = [];
    for (const [index, step] of place.entries()) {
      const same = place
        .slice(0, index)
        .every((before, at) => before === inside[at] || before === "*" || before === "[]");
      const given = same ? inside[index] : undefined;
      path.push(step === "*" ? (given ?? "NAME") : step === "[]" ? (given ?? 0) : step);
    }
    return readablePath(path);
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
