// Draws docs/terminal.svg: what dist/fdinit really printed for the commands below, in the colours it printed. For the README.
//
//   bun scripts/picture.ts [--check]

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");
const FDINIT = join(ROOT, "dist/fdinit");
const PICTURE = join(ROOT, "docs/terminal.svg");

const WRONG = "version: 1\nfds: { inherited: { defualt: close } }\nshutdown: { budget: 1m30s }\n";
const RIGHT =
  "version: 1\nfds:\n  inherited:\n    rules: [{ match: { kind: file }, action: keep, as: 3 }]\nservices: { app: { command: [sleep, infinity] } }\nshutdown: { budget: 25s, steps: [{ signal: QUIT, wait: 15s }, { signal: KILL }] }\n";

/** Each as a person types it; `cut`: only from the first of these lines to the second. */
const COMMANDS: readonly { readonly shell: string; readonly cut?: readonly [RegExp, RegExp] }[] = [
  { shell: "fdinit check wrong.yaml" },
  {
    shell: "fdinit plan --policy policy.yaml 7</etc/hostname 9</etc",
    cut: [/outcome/, /^.{0,4}fdinit's own/],
  },
  { shell: "fdinit plan --policy policy.yaml", cut: [/a shutdown/, /keys, and who/] },
];

const COLUMNS = 112;
const COLOURS: Readonly<Record<string, string>> = {
  "31": "#f07178",
  "32": "#a6d189",
  "33": "#e5c890",
  "1": "#ffffff",
};
const [CHARACTER, LINE, MARGIN] = [7.8, 17, 14];

function output({ shell, cut }: (typeof COMMANDS)[number], folder: string): string[] {
  const words = shell.includes(" plan") ? shell.replace(" plan", " plan --color always") : shell;
  const script = `${words.replace("fdinit", `</dev/null "${FDINIT}"`)} 2>&1 | cat`;
  const run = Bun.spawnSync(["sh", "-c", script], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", COLUMNS: String(COLUMNS) },
  });
  const lines = run.stdout.toString().trimEnd().split("\n");
  if (!cut) return lines;
  const from = lines.findIndex((line) => cut[0].test(line));
  const to = lines.findIndex((line, index) => index > from && cut[1].test(line));
  return lines.slice(from, to < 0 ? undefined : to);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

const ESCAPE = "\x1b";
const PAINTED = new RegExp(`(${ESCAPE}\\[\\d+m.*?${ESCAPE}\\[0m)`);
const ONE_PAINTED = new RegExp(`^${ESCAPE}\\[(\\d+)m(.*)${ESCAPE}\\[0m$`);

/** A line with its colours as spans. */
function spans(line: string): string {
  return line
    .split(PAINTED)
    .map((part) => {
      const [, code = "", text = ""] = ONE_PAINTED.exec(part) ?? [];
      return code === ""
        ? escaped(part)
        : `<tspan fill="${COLOURS[code] ?? "#ffffff"}">${escaped(text)}</tspan>`;
    })
    .join("");
}

function draw(): string {
  const folder = mkdtempSync(join(tmpdir(), "fdinit-picture-"));
  writeFileSync(join(folder, "wrong.yaml"), WRONG);
  writeFileSync(join(folder, "policy.yaml"), RIGHT);
  const lines: string[] = [];
  for (const command of COMMANDS)
    lines.push(`\x1b[32m$\x1b[0m ${command.shell}`, ...output(command, folder), "");
  rmSync(folder, { recursive: true });
  lines.pop();
  const width = Math.round(COLUMNS * CHARACTER + 2 * MARGIN);
  const height = lines.length * LINE + 2 * MARGIN;
  const texts = lines.map(
    (line, index) =>
      `<text x="${MARGIN}" y="${MARGIN + 12 + index * LINE}" xml:space="preserve">${spans(line)}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    "<title>fdinit check and fdinit plan in a terminal</title>",
    `<rect width="${width}" height="${height}" rx="8" fill="#1e2127"/>`,
    `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="13" fill="#c8ccd4">`,
    ...texts,
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

/** Numbers that differ from run to run. */
const steady = (text: string) => text.replace(/\[\d+\]|pid \d+/g, "N");

const picture = draw();
if (process.argv.includes("--check"))
  process.exit(steady(picture) === steady(readFileSync(PICTURE, "utf8")) ? 0 : 1);
writeFileSync(PICTURE, picture);
console.log(`wrote ${PICTURE}`);
