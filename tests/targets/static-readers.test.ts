// The two readers of YAML on the static executable's engine: they read random texts alike there, and as they do on Bun.

import { expect } from "bun:test";
import { join } from "node:path";
import { parsePlainYaml } from "../../init/policy/reading/plain-yaml.ts";
import { readYamlDocument } from "../../init/policy/reading/yaml-document.ts";
import * as aarch64 from "../../init/sys/libc/abi/aarch64.ts";
import * as x86_64 from "../../init/sys/libc/abi/x86_64.ts";
import { bundle } from "../../scripts/bundle.ts";
import { forQuickJs } from "../../scripts/static/bundles.ts";
import { compileBundles, link, whyNotLinked } from "../../scripts/static/link.ts";
import { staticTargetOfThisMachine } from "../../scripts/targets.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { testUnless } from "../harness/needs.ts";
import { PolicyTexts } from "../harness/policy-texts.ts";

leaveNothingBehind();

const DOCUMENTS = Number(process.env["FDINIT_TEST_DOCUMENTS"] ?? 3_000);
const target = staticTargetOfThisMachine();
const { SYS } = target.machine === "aarch64" ? aarch64 : x86_64;

/** An executable of tests/fixtures/read-texts.ts: in the place of the parsers and reports, which has all of the language. */
async function linked(seed: number): Promise<string> {
  const folder = temporaryDirectory();
  const text = await bundle(join(import.meta.dir, "../fixtures/read-texts.ts"), [forQuickJs()]);
  const values = `var SEED = ${seed}, DOCUMENTS = ${DOCUMENTS}, WRITE = ${SYS.write}, EXIT = ${SYS.exit_group};`;
  const main = "(function (host) { host.bundle(2)(host, { exports: {} }, () => ({ env: {} })); })";
  const second = `(function (host, module, require) {\n${values}\nvar exports = module.exports;\n${text}\n})`;
  const executable = join(folder, "readers");
  link(target, compileBundles([main, "(function () {})", second], folder), executable);
  return executable;
}

testUnless(
  whyNotLinked(target),
  "the readers of YAML read random texts alike on QuickJS, and as they do on Bun",
  async () => {
    const seed = Number(process.env["FDINIT_TEST_SEED"] ?? Date.now() % 2 ** 31);
    console.log(`seed ${seed} (FDINIT_TEST_SEED)`);
    const run = Bun.spawnSync([await linked(seed)]);
    expect(run.stderr.toString()).toBe("");
    const lines = run.stdout.toString().trimEnd().split("\n");
    expect(lines.length).toBe(DOCUMENTS);
    const texts = new PolicyTexts(seed);
    let plainOnes = 0;
    for (const [nth, line] of lines.entries()) {
      const text = texts.next();
      const read: { plain?: unknown; thorough?: unknown } = JSON.parse(line);
      if ("plain" in read) {
        plainOnes++;
        if (!Bun.deepEquals(read.plain, read.thorough, true)) throw new Error(`document ${nth}: ${text}`);
      }
      const thorough = readYamlDocument(text);
      const here = { plain: parsePlainYaml(text)?.value, thorough: thorough.ok ? thorough.value : undefined };
      if (line !== JSON.stringify(here)) throw new Error(`document ${nth}: ${text}: ${line}`);
    }
    expect(plainOnes).toBeGreaterThan(DOCUMENTS / 10);
  },
  600_000,
);
