// The files of a release where they are used: the image in Docker, the package under dpkg, npm's packages in a project without a
// network, the hooks under pre-commit, and the steps of the action.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { debianPackage } from "../../scripts/release/debian-package.ts";
import { image } from "../../scripts/release/image.ts";
import { npmPackages } from "../../scripts/release/npm.ts";
import { type Product, VERSION } from "../../scripts/release/product.ts";
import { whyNotLinked } from "../../scripts/static/link.ts";
import { partsOfStatic, staticExecutable, staticLicences } from "../../scripts/static.ts";
import { staticTargetOfThisMachine } from "../../scripts/targets.ts";
import { Engine } from "../harness/docker.ts";
import { FDINIT, ROOT } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeUnless, missing, testUnless } from "../harness/needs.ts";

leaveNothingBehind();

const EPOCH = 1_700_000_000;
const target = staticTargetOfThisMachine();
const whyNoStatic =
  whyNotLinked(target) ??
  (existsSync(staticExecutable(target)) ? undefined : `there is no ${staticExecutable(target)}`);
const without = (command: string, name: string) =>
  Bun.which(command) === null ? `${command} is not installed (apt-get install ${name})` : undefined;

const product = (): Product => ({
  target,
  file: staticExecutable(target),
  parts: partsOfStatic(target),
  licences: staticLicences(target),
});

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(command: readonly string[], cwd: string, env: Record<string, string> = {}): Ran {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], {
    cwd,
    env: { ...process.env, ...env },
    stdin: "ignore",
    timeout: 60_000,
  });
  return { code: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

const GOOD = "version: 1\n";
const WRONG = "version: 1\nfds: { inherited: { defualt: close } }\n";

describeUnless(whyNoStatic ?? missing("dockerd", "unshare", "root"), "the image of a release", () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await Engine.start();
  }, 60_000);

  afterAll(async () => {
    expect(await engine.stop()).toEqual([]);
  }, 60_000);

  test("is loaded by docker load, runs, and is copied from by another image", () => {
    const folder = temporaryDirectory();
    writeFileSync(join(folder, "image.tar"), image([product()], EPOCH));
    expect(engine.docker("load", "--input", join(folder, "image.tar"))).toMatchObject({ code: 0 });
    const says = { code: 0, stdout: `fdinit ${VERSION} (QuickJS)\n`, stderr: "" };
    expect(engine.run("--read-only", "--cap-drop=ALL", `fdinit:${VERSION}`)).toEqual(says);
    const context = join(folder, "context");
    mkdirSync(context);
    writeFileSync(join(context, "policy.yaml"), GOOD);
    const lines = [
      "FROM scratch",
      `COPY --from=fdinit:${VERSION} /fdinit /sbin/fdinit`,
      "COPY policy.yaml /etc/fdinit/policy.yaml",
      'RUN ["/sbin/fdinit", "check"]',
      'ENTRYPOINT ["/sbin/fdinit"]',
    ];
    writeFileSync(join(context, "Dockerfile"), `${lines.join("\n")}\n`);
    expect(engine.buildFolder("app", context)).toMatchObject({ code: 0 });
    expect(engine.run("app", "version")).toEqual(says);
    expect(engine.run("app", "--", "/nonexistent").code).toBe(127);
  }, 60_000);
});

const noDpkg = whyNoStatic ?? missing("root") ?? without("dpkg-deb", "dpkg");

describeUnless(noDpkg, "the package of Debian's", () => {
  test("is installed and removed by dpkg, and leaves nothing behind", () => {
    const folder = temporaryDirectory();
    const deb = join(folder, debianPackage(product(), folder, EPOCH));
    const root = join(folder, "root");
    for (const path of ["var/lib/dpkg/info", "var/lib/dpkg/updates"])
      mkdirSync(join(root, path), { recursive: true });
    for (const name of ["status", "available"]) writeFileSync(join(root, "var/lib/dpkg", name), "");
    const files = () =>
      globSync("**/*", { cwd: root })
        .filter((path) => !path.startsWith("var/"))
        .sort();
    const dpkg = (...words: string[]) =>
      run(["dpkg", `--root=${root}`, "--force-script-chrootless", `--log=${folder}/log`, ...words], folder);
    expect(dpkg("--install", deb)).toMatchObject({ code: 0, stderr: "" });
    expect(files()).toContain("usr/share/man/man8/fdinit.8.gz");
    expect(files()).toContain("usr/share/fdinit/policies/nginx.yaml");
    expect(run([join(root, "usr/sbin/fdinit"), "version"], folder).stdout).toBe(
      `fdinit ${VERSION} (QuickJS)\n`,
    );
    const schema = JSON.parse(readFileSync(join(root, "usr/share/fdinit/policy.schema.json"), "utf8"));
    expect(schema.properties.version).toBeDefined();
    expect(dpkg("--remove", "fdinit")).toMatchObject({ code: 0, stderr: "" });
    expect(files().filter((path) => path.includes("fdinit"))).toEqual([]);
  }, 60_000);
});

describeUnless(whyNoStatic ?? without("npm", "npm"), "npm's packages", () => {
  test("are installed without a network, and npx fdinit check ends as fdinit does", () => {
    const folder = temporaryDirectory();
    const packages = npmPackages([product()], EPOCH);
    for (const { name, bytes } of packages) writeFileSync(join(folder, name), bytes);
    writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
    const env = {
      npm_config_cache: join(folder, "cache"),
      HOME: folder,
      npm_config_update_notifier: "false",
    };
    const install = ["npm", "install", "--offline", "--no-audit", "--no-fund"];
    const installed = run([...install, ...packages.map(({ name }) => `./${name}`)], folder, env);
    expect(installed).toMatchObject({ code: 0 });
    writeFileSync(join(folder, "policy.yaml"), GOOD);
    const check = ["npx", "--offline", "fdinit", "check", "policy.yaml"];
    expect(run(check, folder, env)).toEqual({ code: 0, stdout: "ok: policy.yaml\n", stderr: "" });
    writeFileSync(join(folder, "policy.yaml"), WRONG);
    const refused = run(check, folder, env);
    expect(refused.code).toBe(78);
    expect(refused.stderr).toContain("policy.yaml:2:21: unknown key");
  }, 60_000);

  test("hand a signal on, and end by it when fdinit does", async () => {
    const folder = temporaryDirectory();
    const place = join(folder, "node_modules/@fdinit/linux-" + process.arch);
    mkdirSync(place, { recursive: true });
    cpSync(join(ROOT, "scripts/release/launcher.js"), join(folder, "fdinit.cjs"));
    writeFileSync(join(place, "package.json"), "{}");
    const program =
      '#!/bin/sh\ntrap "echo told; trap - TERM; kill -TERM $$" TERM\necho ready\nwhile :; do sleep 0.05; done\n';
    writeFileSync(join(place, "fdinit"), program, { mode: 0o755 });
    const node = Bun.spawn(["node", join(folder, "fdinit.cjs")], { stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    const decoder = new TextDecoder();
    for await (const chunk of node.stdout) {
      const before = said;
      said += decoder.decode(chunk);
      if (!before.includes("ready") && said.includes("ready")) node.kill("SIGTERM");
    }
    await node.exited;
    expect(said).toBe("ready\ntold\n");
    expect(node.signalCode).toBe("SIGTERM");
  }, 30_000);
});

describe("the checks of a repository's policies", () => {
  interface Action {
    readonly inputs: Readonly<Record<string, { readonly default: string }>>;
    readonly runs: {
      readonly steps: readonly { readonly run: string; readonly env: Record<string, string> }[];
    };
  }
  const action: Action = parse(readFileSync(join(ROOT, "action.yml"), "utf8"));

  /** The steps as the runner runs them: bash -eo pipefail, with each expression replaced. */
  function act(folder: string, inputs: Record<string, string>): Ran {
    const given = { fdinit: FDINIT, ...inputs };
    const values: Record<string, string> = { "github.action_path": ROOT };
    for (const [name, { default: value }] of Object.entries(action.inputs))
      values[`inputs.${name}`] = (given as Record<string, string>)[name] ?? value;
    const [step] = action.runs.steps;
    const env = Object.fromEntries(
      Object.entries(step?.env ?? {}).map(([name, text]) => [
        name,
        text.replace(/\$\{\{ (\S+) \}\}/g, (whole, key: string) => values[key] ?? whole),
      ]),
    );
    const script = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step?.run ?? "exit 99"];
    return run(script, folder, env);
  }

  test("the action's step passes what is right, and marks a mistake at its line", () => {
    const folder = temporaryDirectory();
    expect(action.runs.steps.length).toBe(1);
    writeFileSync(join(folder, "policy.yaml"), GOOD);
    expect(act(folder, {}).code).toBe(0);
    mkdirSync(join(folder, "with space"));
    writeFileSync(join(folder, "with space", "b.yaml"), WRONG);
    const marked = act(folder, { files: "  policy.yaml\n\n  with space\n" });
    expect(marked.code).toBe(78);
    expect(marked.stdout).toContain("::error file=with space/b.yaml,line=2,col=21,");
    expect(act(folder, { files: "\n" })).toMatchObject({
      code: 64,
      stdout: "::error::files names no file\n",
    });
    expect(act(folder, { strict: "yes" }).code).toBe(64);
    expect(act(folder, { strict: "true" }).code).toBe(0);
  }, 30_000);

  testUnless(
    without("pre-commit", "pre-commit"),
    "the hook checks the policies of a commit",
    () => {
      const folder = temporaryDirectory();
      const repository = join(folder, "repository");
      mkdirSync(join(repository, "scripts"), { recursive: true });
      for (const path of [".pre-commit-hooks.yaml", "scripts/check-policies", "package.json"])
        cpSync(join(ROOT, path), join(repository, path));
      const project = join(folder, "project");
      mkdirSync(join(project, "fdinit"), { recursive: true });
      writeFileSync(join(project, "fdinit/a.yaml"), GOOD);
      writeFileSync(join(project, "values.yaml"), WRONG);
      const git = (cwd: string, ...words: string[]) => {
        const who = ["-c", "user.name=test", "-c", "user.email=test@example.invalid"];
        return run(["git", ...who, ...words], cwd).stdout.trim();
      };
      for (const place of [repository, project]) {
        git(place, "init", "--quiet");
        git(place, "add", "--all");
        git(place, "commit", "--quiet", "--no-verify", "--message=first");
      }
      const rev = git(repository, "rev-parse", "HEAD");
      expect(rev).toMatch(/^[0-9a-f]{40}$/);
      const config = { repos: [{ repo: repository, rev, hooks: [{ id: "fdinit-check" }] }] };
      writeFileSync(join(project, ".pre-commit-config.yaml"), JSON.stringify(config));
      git(project, "add", "--all");
      const env = { PRE_COMMIT_HOME: join(folder, "home"), FDINIT, HOME: folder };
      const check = ["pre-commit", "run", "--all-files", "--color=never", "--verbose"];
      const passed = run(check, project, env);
      expect(passed.code).toBe(0);
      expect(passed.stdout).toContain("ok: fdinit/a.yaml");
      expect(passed.stdout).not.toContain("values.yaml");
      writeFileSync(join(project, "fdinit/a.yaml"), WRONG);
      const refused = run(check, project, env);
      expect(refused.code).toBe(1);
      expect(refused.stdout).toContain("fdinit/a.yaml:2:21: unknown key");
    },
    60_000,
  );

  test("the hooks' files are policies by their usual names, and not every YAML file", () => {
    const hooks: { files: string }[] = parse(readFileSync(join(ROOT, ".pre-commit-hooks.yaml"), "utf8"));
    expect(hooks.length).toBe(2);
    for (const { files } of hooks) {
      for (const path of ["policy.yaml", "images/web/policy.yml", "fdinit.yaml", "deploy/fdinit/web.yaml"])
        expect(path).toMatch(new RegExp(files));
      for (const path of ["values.yaml", "notpolicy.yaml", "fdinit/readme.md"])
        expect(path).not.toMatch(new RegExp(files));
    }
  });
});
