// Fetches from Debian with lists of its own, so that nothing of this machine's package state is touched: apt-get with every
// one of its places below a scratch folder.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** apt-get for an architecture, with its state in `scratch`, where it also leaves what it downloads. Answers what it printed. */
export function aptGet(
  scratch: string,
  architecture: string,
  sourceList?: string,
): (...words: string[]) => string {
  for (const name of ["state/lists/partial", "cache/archives/partial"])
    mkdirSync(join(scratch, name), { recursive: true });
  const settings = [
    `APT::Architecture=${architecture}`,
    `APT::Architectures=${architecture}`,
    `Dir::State=${scratch}/state`,
    "Dir::State::status=/dev/null",
    `Dir::Cache=${scratch}/cache`,
    "Acquire::Languages=none",
    "Acquire::Retries=3",
    "APT::Sandbox::User=root",
  ];
  if (sourceList !== undefined) {
    writeFileSync(join(scratch, "sources.list"), sourceList);
    settings.push(`Dir::Etc::SourceList=${scratch}/sources.list`, "Dir::Etc::SourceParts=/dev/null");
  }
  const options = settings.flatMap((setting) => ["-o", setting]);
  return (...words) => run(["apt-get", ...options, ...words], scratch);
}

/** Where this machine gets Debian's packages from: a mirror of its own serves for other releases too. */
export function debianMirror(): string {
  const folder = "/etc/apt/sources.list.d";
  const files = ["/etc/apt/sources.list", ...listed(folder).map((name) => join(folder, name))];
  const found = files
    .flatMap((file) => [
      ...read(file).matchAll(/^(?:URIs:|deb(?:-src)?(?: \[[^\]]*\])?)\s+(https?:\/\/\S+)/gm),
    ])
    .map(([, uri = ""]) => uri);
  return found.find((uri) => /\/debian\/?$/.test(uri)) ?? "http://deb.debian.org/debian";
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** Answers what it printed; a failure says all of it. */
export function run(command: readonly string[], cwd: string): string {
  const { success, stdout, stderr } = Bun.spawnSync([...command], {
    cwd,
    env: { ...process.env, LC_ALL: "C" },
  });
  if (!success) throw new Error(`${command.join(" ")} failed:\n${stdout}${stderr}`);
  return stdout.toString();
}
