// docs/security.md promises things and names the tests that show them: each is there, under the title it is named by.

import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const DOCS = join(import.meta.dir, "../../docs");
const page = readFileSync(join(DOCS, "security.md"), "utf8");

/** A link whose text is a test's title, or a part of it that stands in the source. */
const NAMED = [...page.matchAll(/\[([^\]]+)\]\((\.\.\/tests\/[^)]+)\)/g)].map(
  ([, title = "", file = ""]) => ({
    title,
    file,
  }),
);

test("names tests at all, of several kinds", () => {
  expect(NAMED.length).toBeGreaterThan(20);
  expect(new Set(NAMED.map(({ file }) => file.split("/")[2])).size).toBe(3);
});

test.each(NAMED)("$title stands in $file", ({ title, file }) => {
  const path = join(DOCS, file);
  expect(existsSync(path)).toBe(true);
  const titles = [
    ...readFileSync(path, "utf8").matchAll(/\b(?:test|describe\w*)\(?[^"'`\n]*(?:\n\s*)?["`](.*?)["`],/g),
    ...readFileSync(path, "utf8").matchAll(/\)\(\s*["`](.*?)["`],/g),
  ].map(([, words]) => words);
  expect(titles.filter((words) => words?.includes(title))).not.toEqual([]);
});

test("every row of who can do what names one", () => {
  const rows = page.split("\n").filter((line) => /^\| .* \|$/.test(line));
  const headings = rows.filter((row) => row.endsWith("| shown by |")).length;
  expect(headings).toBe(4);
  const tables = page.split("| can | cannot | shown by |\n| --- | --- | --- |\n").slice(1);
  for (const table of tables)
    for (const row of table
      .slice(0, table.indexOf("\n\n") < 0 ? undefined : table.indexOf("\n\n"))
      .split("\n"))
      if (row.startsWith("| ")) expect(row).toContain("](../tests/");
});
