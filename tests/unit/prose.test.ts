// Comments and pages are read by strangers: a sentence names its subject. This finds those that begin with a word that names none
// ("What …", "Whoever …", "Nobody …").

import { expect, test } from "bun:test";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const textOf = (path: string) => readFileSync(join(ROOT, path), "utf8");

/** The comments of a file, each as one text. */
function commentsOf(source: string): string[] {
  const comments: string[] = [];
  let isOpen = false;
  for (const line of source.split("\n")) {
    const [, sign, text = ""] = /^\s*(\/\/|\/\*\*?|\*(?!\/))\s?(.*?)(?:\*\/)?$/.exec(line) ?? [];
    if (sign === undefined) isOpen = false;
    else if (isOpen && !sign.startsWith("/*")) comments.push(`${comments.pop()} ${text.trim()}`.trim());
    else comments.push(text.trim());
    isOpen = sign !== undefined;
  }
  return comments;
}

test("no sentence of a comment begins with what, whatever, who, whoever or nobody", () => {
  const paths = ["init/**/*.ts", "scripts/**/*.ts", "bench/**/*.{ts,c}", "tests/**/*.{ts,c}", "engine/*.c"]
    .flatMap((pattern) => globSync(pattern, { cwd: ROOT }))
    .filter((path) => !path.includes("/generated/"));
  const found = paths.flatMap((path) =>
    commentsOf(textOf(path))
      .filter((comment) => /(?:^|[.:?] )(?:What|Whatever|Who|Whoever|Nobody) /.test(comment))
      .map((comment) => `${path}: ${comment}`),
  );
  expect(paths.length).toBeGreaterThan(300);
  expect(found).toEqual([]);
});

test("no sentence of a page begins with whatever, whoever or nobody", () => {
  const pages = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    ...globSync("docs/**/*.md", { cwd: ROOT }),
  ];
  const found = pages.filter((page) => /(?:^|[.:] |\| )(?:Whatever|Whoever|Nobody) /m.test(textOf(page)));
  expect(found).toEqual([]);
});

test("no page has the markers of a merge that was not finished", () => {
  const pages = ["*.md", "docs/**/*.md", "images/**/*.md"].flatMap((pattern) =>
    globSync(pattern, { cwd: ROOT }),
  );
  expect(pages).toContain("CHANGELOG.md");
  expect(pages.filter((page) => /^(?:<{7} |>{7} |={7}$)/m.test(textOf(page)))).toEqual([]);
});
