// Finds the known word that was probably meant: by edit distance, by other programs' names for the same
// thing, or by where else in the policy a key belongs. Runs only when something is wrong.

import type { KeyTree } from "../generated/schema-keys.ts";

/** The nearest of the words when it is near enough, else undefined. */
export function nearestWord(word: string, known: readonly string[]): string | undefined {
  const plain = simplify(word);
  const most = Math.max(1, Math.floor(plain.length / 3));
  let best: string | undefined;
  let least = most + 1;
  for (const candidate of known) {
    const distance = simplify(candidate) === plain ? 0 : editDistance(plain, simplify(candidate), most);
    if (distance < least) {
      best = candidate;
      least = distance;
    }
  }
  if (best !== undefined) return best;
  const meant = known.find((candidate) => (OTHER_NAMES[candidate] ?? "").split(" ").includes(plain));
  return meant;
}

const OTHER_NAMES: Readonly<Record<string, string>> = {
  command: "cmd entrypoint exec args run program execstart",
  cwd: "workdir workingdir directory workingdirectory",
  env: "environment envvars",
  user: "uid runas runasuser",
  limits: "ulimits ulimit rlimits",
  rules: "rule",
  hard: "max",
  budget: "timeout grace graceperiod deadline stopgraceperiod",
  wait: "timeout delay graceperiod",
  signal: "stopsignal killsignal",
  backoff: "delay restartsec",
  limit: "maxattempts startretries maximumretrycount",
  policy: "condition autorestart",
  keep: "add capadd allow",
  open: "listen sockets ports",
  on: "signals trigger",
  soft: "min",
  groups: "groupadd supplementalgroups",
};

/** no_new_privileges, NO-NEW-PRIVILEGES and noNewPrivileges are the same key. */
function simplify(word: string): string {
  return word.replace(/[_\s-]/g, "").toLowerCase();
}

/** Optimal string alignment distance: insert, delete, replace, or swap neighbours. Anything above `most` is `most + 1`. */
export function editDistance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(
        (previous[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    before = previous;
    previous = row;
  }
  return Math.min(previous[b.length] ?? 0, most + 1);
}

/** Where else a key of this name is known: the shortest path first, below `inside` rather than elsewhere. "*" is any name. */
export function placesOf(key: string, tree: KeyTree, inside: readonly (string | number)[]): string[][] {
  const places: string[][] = [];
  const visit = (node: KeyTree, path: string[]): void => {
    if (typeof node === "string") return;
    for (const [name, child] of Object.entries(node)) {
      if (name === "=" || name === "*name") continue;
      if (name === key) places.push([...path, name]);
      visit(child, [...path, name]);
    }
  };
  visit(tree, []);
  const isBelow = (place: string[]) =>
    inside.every((step, index) => place[index] === step || place[index] === "*" || place[index] === "[]");
  const score = (place: string[]) => place.length + (isBelow(place) ? 0 : 100);
  return places.sort((a, b) => score(a) - score(b));
}
