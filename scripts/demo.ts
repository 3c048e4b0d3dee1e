// The purpose of fdinit, shown in a few seconds: the same careless launcher and the same program, once
// behind tini and once behind fdinit. Every sentence it prints is checked, so it is a smoke test too:
// it ends with 1 when one of them is not true. Needs Bun, sh, coreutils and util-linux; not root.

import { EXECUTABLE } from "./build.ts";
import { pidNamespace } from "./demo/namespace.ts";
import { type Observation, ORPHANS, OWN_EXIT_CODE, observe } from "./demo/observe.ts";
import { type Descriptor, descriptorsOf } from "./demo/proc.ts";

/** 128 + SIGTERM, as a shell says it. */
const KILLED_BY_SIGTERM = 143;

let untrue = 0;

async function demonstrate(): Promise<void> {
  const namespace = pidNamespace();
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const socket = `a listening socket, port ${listener.port}`;
  const held = descriptorsOf(process.pid).find(({ words }) => words === socket);
  if (!held) throw new Error("the demo cannot find its own listening socket in /proc");
  const leaked = [
    { fd: 5, words: socket },
    { fd: 7, words: "the directory /etc" },
    { fd: 9, words: "a pipe's write end" },
  ];
  const launcher = { namespace, listener: held.fd };

  introduce(leaked, namespace !== undefined);
  const tiniPath = Bun.which("tini");
  const tini = tiniPath
    ? await observe("tini", [tiniPath, ...(namespace ? [] : ["-s"]), "--"], launcher)
    : undefined;
  const fdinit = await observe("fdinit", [EXECUTABLE, "--"], launcher);
  listener.stop();
  if (!tini) print("(tini is not installed here, so there is nothing to compare with.)", "");

  showDescriptors(leaked, fdinit, tini);
  showPipe(fdinit, tini);
  showOrphans(tini ? [tini, fdinit] : [fdinit]);
  showExitCodes(tini ? [tini, fdinit] : [fdinit]);
}

function introduce(leaked: readonly Descriptor[], isPid1: boolean): void {
  print(
    "A launcher forgot to close three descriptors before it started a container:",
    ...leaked.map(({ fd, words }) => `  ${fd}  ${words}`),
    isPid1
      ? "The container's PID 1, an init, inherits them and starts the program."
      : "No PID namespace is permitted here: the init is a subreaper instead of PID 1. It inherits them and starts the program.",
    "",
  );
}

function showDescriptors(leaked: readonly Descriptor[], fdinit: Observation, tini?: Observation): void {
  print("1. Who still holds what (beyond standard input, output and error)", "");
  printTable(leaked, tini ? [tini, fdinit] : [fdinit]);
  if (tini) {
    const all = leaked.every((one) => holds(tini.init, one) && holds(tini.program, one));
    claim(all, "Behind tini both hold all three, for as long as the container runs.");
  }
  claim(
    fdinit.program.length === 0,
    "Behind fdinit the program starts with nothing that it was not promised,",
  );
  const own = fdinit.init.every(({ words }) => words.startsWith("its own "));
  claim(own, "and fdinit itself holds only what it made for its own work.");
  print("");
}

function showPipe(fdinit: Observation, tini?: Observation): void {
  print("2. The launcher's pipe, read to its end while the program runs", "");
  if (tini) {
    claim(
      !tini.pipeEnded,
      "tini:   the reader waits for as long as the container runs: it is open in processes that never use it.",
    );
  }
  claim(fdinit.pipeEnded, "fdinit: the reader has already seen end-of-file.");
  print("");
}

function showOrphans(observations: readonly Observation[]): void {
  print(`3. The program leaves ${ORPHANS} grandchildren behind, and they end`, "");
  for (const { name, adopted, left } of observations) {
    const words = `${adopted} orphans adopted; then ${left.running} running and ${left.zombies} zombies left`;
    claim(adopted === ORPHANS && left.running + left.zombies === 0, `${label(name)} ${words}.`);
  }
  print("");
}

function showExitCodes(observations: readonly Observation[]): void {
  print("4. SIGTERM arrives, as from `docker stop`", "");
  for (const { name, ownExitCode, killedExitCode } of observations) {
    claim(
      ownExitCode === OWN_EXIT_CODE && killedExitCode === KILLED_BY_SIGTERM,
      `${label(name)} a program that cleans up and exits ${OWN_EXIT_CODE}: ${ownExitCode}; one that is killed by it: ${killedExitCode}.`,
    );
  }
  print("");
}

/** One row for each descriptor that anyone holds. */
function printTable(leaked: readonly Descriptor[], observations: readonly Observation[]): void {
  const holders = observations.flatMap(({ name, init, program }) => [
    { title: `${name} itself`, held: init },
    { title: `program behind ${name}`, held: program },
  ]);
  const rows = [...leaked];
  for (const one of holders.flatMap(({ held }) => held)) if (!holds(rows, one)) rows.push(one);
  const lines = [
    ["descriptor", ...holders.map(({ title }) => title)],
    ...rows.map((row) => [
      `${row.fd}  ${row.words}`,
      ...holders.map(({ held }) => (holds(held, row) ? "open" : "-")),
    ]),
  ];
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  for (const line of lines) {
    print(`  ${line.map((cell, column) => cell.padEnd((widths[column] ?? 0) + 2)).join(" ")}`.trimEnd());
  }
  print("");
}

function holds(held: readonly Descriptor[], { fd, words }: Descriptor): boolean {
  return held.some((one) => one.fd === fd && one.words === words);
}

function label(name: string): string {
  return `${name}:`.padEnd("fdinit:".length);
}

function claim(isTrue: boolean, sentence: string): void {
  if (!isTrue) untrue++;
  print(`  ${isTrue ? "ok      " : "NOT TRUE"}  ${sentence}`);
}

function print(...lines: string[]): void {
  for (const line of lines) console.log(line);
}

await demonstrate();
print(
  untrue === 0 ? "All of it was checked, not only printed." : `${untrue} of these sentences are not true.`,
);
process.exitCode = untrue === 0 ? 0 : 1;
