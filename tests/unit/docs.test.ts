// The documentation holds what it promises: each example is accepted, each link leads somewhere, each page is in the index, and
// what can be given on the command line is described.

import { describe, expect, test } from "bun:test";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { warningsAbout } from "../../init/cli/check/warnings.ts";
import { COMMANDS } from "../../init/cli/help/command-table.ts";
import { checkPolicy } from "../../init/policy/check.ts";
import { renderIssues } from "../../init/policy/wording/render.ts";

const ROOT = join(import.meta.dir, "../..");
const PAGES = [
  "README.md",
  "ARCHITECTURE.md",
  "images/README.md",
  "CONTRIBUTING.md",
  ...globSync("docs/**/*.md", { cwd: ROOT }),
].sort();
const textOf = (page: string) => readFileSync(join(ROOT, page), "utf8");

/** The keys above a fragment that is no whole policy. */
const BELOW: Readonly<Record<string, string>> = { rules: "fds:\n  inherited:\n" };

function asPolicy(block: string): string {
  const [, key = ""] = /^(\w+):/m.exec(block) ?? [];
  const above = BELOW[key];
  const whole = above === undefined ? block : above + block.replace(/^/gm, "    ");
  return /^version:/m.test(whole) ? whole : `version: 1\n${whole}`;
}

describe("every policy in the documentation", () => {
  for (const page of PAGES) {
    const blocks = [...textOf(page).matchAll(/```yaml\n(.*?)```/gs)].map(([, block]) => block as string);
    for (const [index, block] of blocks.entries()) {
      const isWrong = block.startsWith("# wrong");
      const isOnlyComment = block.split("\n").every((line) => line === "" || line.startsWith("#"));
      if (isOnlyComment) continue;
      test(`${page}, block ${index + 1}, is ${isWrong ? "refused" : "accepted"}`, () => {
        const source = { name: page, bytes: Buffer.from(isWrong ? block : asPolicy(block)) };
        const checked = checkPolicy(source, () => undefined);
        if (isWrong) expect(checked.ok).toBe(false);
        else {
          const complaints = checked.ok ? "" : renderIssues(page, checked.text, checked.issues);
          expect(complaints).toBe("");
          if (checked.ok && page.includes("how-to"))
            expect(warningsAbout(checked.policy, source)).toEqual([]);
        }
      });
    }
  }
});

/** GitHub's name of a heading. */
function anchors(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, head = ""]) =>
    head
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

test("every link leads to a page and a heading that are there", () => {
  const broken: string[] = [];
  for (const page of PAGES) {
    for (const [, target = ""] of textOf(page)
      .replace(/```.*?```/gs, "")
      .matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? page : normalize(join(dirname(page), path));
      if (!existsSync(join(ROOT, file))) broken.push(`${page}: ${target}`);
      else if (anchor !== undefined && !anchors(textOf(file)).includes(anchor))
        broken.push(`${page}: ${target}`);
    }
  }
  expect(broken).toEqual([]);
});

test("every page is in the index", () => {
  const index = textOf("docs/README.md");
  const missing = PAGES.filter((page) => page.startsWith("docs/") && page !== "docs/README.md")
    .map((page) => page.slice("docs/".length))
    .filter((page) => !index.includes(`](${page}`));
  expect(missing).toEqual([]);
});

test("every subcommand and option stands in docs/commands.md", () => {
  const page = textOf("docs/commands.md");
  for (const { name, options } of COMMANDS) {
    expect(page).toContain(name);
    for (const option of options) expect(page).toContain(option.name);
  }
});
