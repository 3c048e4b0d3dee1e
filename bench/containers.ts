// The memory of many containers of one image, fdinit beside tini: in Docker, each waiting for
// signals: the memory of each one's own and the shared memory. Run by hand, because it needs an engine:
//
//   bun bench/containers.ts [1 10 50]

import { readFileSync } from "node:fs";
import { Engine } from "../tests/harness/docker.ts";
import { children, descendants } from "../tests/harness/processes.ts";

const counts = process.argv.slice(2).map(Number);
const INITS: Readonly<Record<string, readonly string[]>> = {
  "fdinit, portable": ["/fdinit/fdinit", "--"],
  "fdinit, glibc": ["/glibc/fdinit", "--"],
  tini: ["/tini", "--"],
};

interface Memory {
  readonly ownKb: number;
  readonly sharedKb: number;
  readonly proportionalKb: number;
}

/** /proc/PID/smaps_rollup (proc_pid_smaps(5)). */
function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  const kb = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+) kB`, "m").exec(text)?.[1] ?? 0);
  return {
    ownKb: kb("Private_Clean") + kb("Private_Dirty"),
    sharedKb: kb("Shared_Clean") + kb("Shared_Dirty"),
    proportionalKb: kb("Pss"),
  };
}

async function measure(engine: Engine, entrypoint: readonly string[], count: number): Promise<Memory[]> {
  const [program = "", ...words] = entrypoint;
  const ids: string[] = [];
  for (let made = 0; made < count; made++)
    ids.push(await engine.detached("--interactive", `--entrypoint=${program}`, "many", ...words, "hold"));
  const pids = ids.map((id) => Number(engine.docker("inspect", "--format={{.State.Pid}}", id).stdout));
  const inside = children(engine.pid)[0];
  const measured = pids.map((pid) => memoryOf(inside === undefined ? pid : outside(inside, pid)));
  engine.docker("rm", "--force", ...ids);
  return measured;
}

/** dockerd has a PID namespace of its own: the pid here of a process that has `there` there. */
function outside(dockerd: number, there: number): number {
  const isIt = new RegExp(`^NSpid:\\s*\\d+\\s+${there}\\b`, "m");
  const found = descendants(dockerd).find((pid) => isIt.test(readFileSync(`/proc/${pid}/status`, "latin1")));
  if (found === undefined) throw new Error(`no process has pid ${there} there`);
  return found;
}

async function main(): Promise<void> {
  const engine = await Engine.withFdinit();
  try {
    // The base has fdinit for glibc with its libraries, and busybox.
    const steps = [
      engine.build("base"),
      engine.buildWith(
        "many",
        "FROM base AS base\nFROM base\nCOPY --from=base /fdinit /glibc\nCOPY --from=fdinit /fdinit /fdinit\nCOPY tini /tini\n",
        {
          tini: Bun.which("tini") ?? "",
        },
      ),
    ];
    for (const { code, stderr } of steps) if (code !== 0) throw new Error(stderr);
    console.log(
      "| containers | init | own, each | shared, each | all of them together (PSS) |\n| --- | --- | --- | --- | --- |",
    );
    for (const count of counts.length > 0 ? counts : [1, 10, 50]) {
      for (const [name, entrypoint] of Object.entries(INITS)) {
        const all = await measure(engine, entrypoint, count);
        const mean = (value: (of: Memory) => number) =>
          Math.round(all.reduce((sum, one) => sum + value(one), 0) / all.length);
        const sum = all.reduce((total, { proportionalKb }) => total + proportionalKb, 0);
        const cells = [
          count,
          name,
          `${mean((m) => m.ownKb)} kB`,
          `${mean((m) => m.sharedKb)} kB`,
          `${(sum / 1024).toFixed(1)} MB`,
        ];
        console.log(`| ${cells.join(" | ")} |`);
      }
    }
  } finally {
    await engine.stop();
  }
}

await main();
