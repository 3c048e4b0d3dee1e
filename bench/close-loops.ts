// Programs that close every number up to their limit of open files, under a limit of 1,024 and the highest that this machine grants:
// a loop as Python 2's subprocess has it, and RabbitMQ, whose erl_child_setup has one. In plain Docker, with `docker --init` and with
// fdinit. Run by hand, because it needs an engine and a gigabyte of Debian's packages:
//
//   bun bench/close-loops.ts [rounds [first letters of a program]]

import { readFileSync } from "node:fs";
import { DEBIAN_PROGRAMS, whyNoPrograms } from "../tests/harness/debian.ts";
import { Engine } from "../tests/harness/docker.ts";

const rounds = Number(process.argv[2] ?? 5);
const only = process.argv[3] ?? "";
const FEW = 1024;
/** The limit that docker.service of many distributions gives. */
const MANY = 1_048_576;

const INITS: Readonly<Record<string, readonly [options: readonly string[], words: readonly string[]]>> = {
  "plain Docker": [[], []],
  "docker --init": [["--init"], []],
  fdinit: [["--entrypoint=/fdinit/fdinit"], ["--"]],
  "fdinit, `soft: 1024`": [["--entrypoint=/fdinit/fdinit"], ["--policy=/few.yaml", "--"]],
};

/** Each prints the soft limit that it sees and the milliseconds that it took. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  "close loop": [
    "python3",
    "-c",
    `import os, time
began = time.perf_counter()
limit = os.sysconf("SC_OPEN_MAX")
for fd in range(3, limit):
    try:
        os.close(fd)
    except OSError:
        pass
print(limit, (time.perf_counter() - began) * 1000)`,
  ],
  "RabbitMQ, until it listens": [
    "bash",
    "-c",
    `began=$(date +%s%N)
/usr/lib/rabbitmq/bin/rabbitmq-server >/dev/null 2>&1 &
until (exec 3<>/dev/tcp/127.0.0.1/5672) 2>/dev/null; do sleep 0.05; done
echo $(ulimit -Sn) $((($(date +%s%N) - began) / 1000000))
kill $!; wait $!; exit 0`,
  ],
};
const RABBITMQ = [
  "--env=PATH=/usr/sbin:/usr/bin:/sbin:/bin",
  "--user=rabbitmq",
  "--env=RABBITMQ_NODENAME=rabbit@localhost",
  "--env=HOME=/var/lib/rabbitmq",
];

/** The hard limit of this machine; one with CAP_SYS_RESOURCE may have a higher one. */
function highestGranted(): number {
  const { success } = Bun.spawnSync(["prlimit", `--nofile=${MANY}:${MANY}`, "true"]);
  if (success) return MANY;
  const hard = /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1"))?.[1];
  return Math.min(MANY, Number(hard));
}

function measure(engine: Engine, init: string, program: string, limit: number) {
  const [options, words] = INITS[init] ?? [[], []];
  const run = ["--ulimit", `nofile=${limit}:${limit}`, ...RABBITMQ, ...options, "programs", ...words];
  const { code, stdout, stderr } = engine.run(...run, ...(PROGRAMS[program] ?? []));
  const [seen, ms] = stdout.trim().split(" ").map(Number);
  if (code !== 0 || seen === undefined || ms === undefined)
    throw new Error(`${program}, ${init}: ${code}: ${stdout}${stderr}`);
  return { seen, ms };
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

async function main(): Promise<void> {
  const reason = whyNoPrograms();
  if (reason) throw new Error(reason);
  const high = highestGranted();
  const engine = await Engine.withFdinit();
  try {
    const imported = engine.import("debian:12-slim", DEBIAN_PROGRAMS);
    if (imported.code !== 0) throw new Error(imported.stderr);
    const built = engine.build("programs", {
      Dockerfile: "FROM debian:12-slim\nCOPY --from=fdinit /fdinit /fdinit\nCOPY few.yaml /few.yaml\n",
      "few.yaml": `version: 1\nlimits: { nofile: { soft: ${FEW} } }\n`,
    });
    if (built.code !== 0) throw new Error(built.stderr);
    console.log(
      `| median of ${rounds} | init | under ${FEW} | under ${high} | soft limit it sees then |\n| --- | --- | --- | --- | --- |`,
    );
    for (const program of Object.keys(PROGRAMS).filter((name) => name.startsWith(only))) {
      // The rounds of all follow one another, so that what else the machine does reaches each alike.
      const found = Object.keys(INITS).map((init) => ({
        init,
        few: [] as number[],
        many: [] as number[],
        seen: 0,
      }));
      for (let round = 0; round < rounds; round++)
        for (const one of found) {
          one.few.push(measure(engine, one.init, program, FEW).ms);
          const { seen, ms } = measure(engine, one.init, program, high);
          one.many.push(ms);
          one.seen = seen;
        }
      for (const { init, few, many, seen } of found)
        console.log(
          `| ${[program, init, `${median(few).toFixed(1)} ms`, `${median(many).toFixed(1)} ms`, seen].join(" | ")} |`,
        );
    }
  } finally {
    await engine.stop();
  }
}

await main();
