#!/usr/bin/env node
// The command `fdinit` of the npm package: runs the executable of the platform's own package, and ends as that ends.

const { spawn } = require("node:child_process");
const { constants } = require("node:os");

/** The exit code when there is no executable for this machine: "found, and cannot be executed". */
const CANNOT_RUN = 126;

const platform = `${process.platform}-${process.arch}`;
const platforms = ["linux-x64", "linux-arm64"];

function executable() {
  const name = `@fdinit/${platform}`;
  if (!platforms.includes(platform))
    fail(
      `there is no executable for ${platform}, only for ${platforms.join(" and ")}\n` +
        '    in a container it runs: docker run --rm -v "$PWD:/src:ro" -w /src fdinit check policy.yaml',
    );
  try {
    return require.resolve(`${name}/fdinit`);
  } catch {
    return fail(
      `its package ${name} is not installed\n` +
        "    npm leaves it out with --omit=optional and --no-optional, and when node_modules comes from another platform:\n" +
        "    install again without those options, on this machine",
    );
  }
}

function fail(message) {
  process.stderr.write(`fdinit: ${message}\n`);
  process.exit(CANNOT_RUN);
}

const child = spawn(executable(), process.argv.slice(2), { stdio: "inherit" });
// A terminal sends its signals to both; others reach only this process, and are passed on.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"])
  process.on(signal, () => {
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  });
child.on("error", (error) => fail(`cannot be executed: ${error.message}`));
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code);
  // For a signal that does not end this process, as SIGPIPE, which Node ignores.
  process.exitCode = 128 + constants.signals[signal];
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
