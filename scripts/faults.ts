// `bun run faults`: lets every system call of PID 1 fail, and writes what it did to docs/reliability.md.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Driver, type Outcome, SCENARIOS, WRONG } from "../tests/faults/faults.ts";
import { staticExecutable } from "./static.ts";
import { staticTargetOfThisMachine } from "./targets.ts";

const page = join(import.meta.dir, "../docs/reliability.md");
const BEGIN = "<!-- table: bun run faults -->\n";
const END = "<!-- end of table -->\n";

const driver = new Driver(staticExecutable(staticTargetOfThisMachine()));
const outcomes: Outcome[] = [];
try {
  for (const scenario of SCENARIOS) {
    const found = await driver.outcomes(scenario, 2);
    console.log(`${scenario.name}: ${found.length} faults`);
    outcomes.push(...found);
  }
} finally {
  driver.remove();
}
const wrong = outcomes.filter(({ did }) => WRONG.test(did));
for (const { scenario, call, nth, errno, did } of wrong)
  console.log(`WRONG ${scenario} ${call} ${nth} ${errno}: ${did}`);
if (wrong.length === 0) {
  const text = readFileSync(page, "utf8");
  const from = text.indexOf(BEGIN) + BEGIN.length;
  writeFileSync(page, text.slice(0, from) + table(outcomes) + text.slice(text.indexOf(END)));
  console.log(`wrote ${page}`);
} else process.exitCode = 1;

/** One row for a scenario and a call, with the errnos that led to the same. */
function table(all: readonly Outcome[]): string {
  const rows = new Map<string, Map<string, Set<string>>>();
  for (const { scenario, call, errno, did } of all) {
    const key = `${scenario} | \`${call}\``;
    const row = rows.get(key) ?? new Map<string, Set<string>>();
    rows.set(key, row.set(did, (row.get(did) ?? new Set()).add(errno)));
  }
  const cell = (row: Map<string, Set<string>>, kind: RegExp) =>
    [...row]
      .filter(([did]) => kind.test(did))
      .map(
        ([did, errnos]) =>
          `${did.startsWith("refused") ? `${did.slice(8)}: ` : ""}${[...errnos].sort().join(" ")}`,
      )
      .join("; ");
  const lines = [...rows].map(
    ([key, row]) =>
      `| ${key} | ${cell(row, /^as ever/)} | ${cell(row, /^said/)} | ${cell(row, /^refused/)} |`,
  );
  return `${all.length} faults.\n\n| when | call | nothing changes | the same end, and a line | a line, and this exit code |\n| --- | --- | --- | --- | --- |\n${lines.join("\n")}\n`;
}
