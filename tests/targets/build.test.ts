// The parts of a release: hardened executables for every target, the same bytes from the same inputs,
// checksums, the schema, and a bill of materials that names what is inside.

import { expect, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { writeReleaseFiles } from "../../scripts/built-files.ts";
import { harden } from "../../scripts/harden.ts";
import { partsOfExecutable } from "../../scripts/materials.ts";
import { fill, portableTarget } from "../../scripts/portable.ts";
import { bunFor, sha256Of, TARGETS, targetNamed } from "../../scripts/targets.ts";
import { ROOT } from "../harness/fixtures.ts";
import { leaveNothingBehind, temporaryDirectory } from "../harness/leftovers.ts";
import { describeUnless } from "../harness/needs.ts";
import { built, missingFor } from "../harness/targets.ts";

leaveNothingBehind();

const reasonFor = (name: string) => {
  try {
    bunFor(targetNamed(name));
    return undefined;
  } catch (error) {
    return String(error);
  }
};
const noBun = TARGETS.map(({ name }) => reasonFor(name)).find((reason) => reason !== undefined);

for (const target of TARGETS) {
  describeUnless(reasonFor(target.name), `Bun for ${target.name}`, () => {
    test("has every spot that is hardened, once, and is refused when one has changed", () => {
      const bun = readFileSync(bunFor(target));
      const { bytes, changes } = harden(bun);
      expect(changes.length).toBe(9);
      // One segment is added at the end, by whole pages of 64 KiB.
      expect(bytes.length).toBeGreaterThan(bun.length);
      expect(bytes.length).toBeLessThan(bun.length + 2 * 0x10000);
      expect(() => harden(bytes)).toThrow("occurs 0 times");
      const other = Buffer.from(bun);
      other.write("X", other.indexOf("Overriding existing handler"));
      expect(() => harden(other)).toThrow("Overriding existing handler for signal occurs 0 times");
    }, 60_000);
  });
}

interface Bill {
  readonly components: readonly {
    readonly "bom-ref": string;
    readonly name: string;
    readonly version?: string;
    readonly hashes?: readonly { readonly content: string }[];
  }[];
  readonly dependencies: readonly { readonly dependsOn: readonly string[] }[];
}

function versionIn(bill: Bill, name: string): string | undefined {
  return bill.components.find((component) => component.name === name)?.version;
}

/** Each thing once, and nothing named that is not there. */
function expectResolved({ components, dependencies }: Bill): void {
  const refs = components.map((component) => component["bom-ref"]);
  expect(new Set(refs).size).toBe(refs.length);
  for (const { dependsOn } of dependencies) for (const ref of dependsOn) expect(refs).toContain(ref);
}

describeUnless(noBun, "a release", () => {
  test("has the same bytes when it is built again, in another place", () => {
    const target = targetNamed("linux-arm64");
    const first = sha256Of(built(target));
    const place = join(temporaryDirectory(), "elsewhere");
    mkdirSync(place);
    for (const name of ["init", "policies", "schema", "scripts", "package.json", "bun.lock", "tsconfig.json"])
      cpSync(join(ROOT, name), join(place, name), { recursive: true });
    for (const name of ["node_modules", ".cache"]) symlinkSync(join(ROOT, name), join(place, name));
    const again = Bun.spawnSync([process.execPath, "scripts/build.ts", "--target", target.name], {
      cwd: place,
      env: { PATH: "/usr/bin:/bin", TZ: "Asia/Tokyo", LANG: "de_DE.UTF-8" },
    });
    expect({ code: again.exitCode, stderr: again.stderr.toString() }).toEqual({ code: 0, stderr: "" });
    expect(sha256Of(join(place, "dist", "fdinit-linux-arm64"))).toBe(first);
  }, 120_000);

  test("has checksums that sha256sum accepts, the schema, and a bill of what is inside", () => {
    const folder = temporaryDirectory();
    const target = targetNamed("linux-x64");
    const file = join(folder, "fdinit-linux-x64");
    cpSync(built(target), file);
    writeReleaseFiles(folder, [{ file, parts: partsOfExecutable(target) }]);
    const checked = Bun.spawnSync(["sha256sum", "--check", "--strict", "SHA256SUMS"], { cwd: folder });
    expect(checked.stdout.toString()).toBe(
      "fdinit-linux-x64: OK\nfdinit.cdx.json: OK\npolicy.schema.json: OK\n",
    );
    const bill: Bill = JSON.parse(readFileSync(join(folder, "fdinit.cdx.json"), "utf8"));
    expect(versionIn(bill, "@oven/bun-linux-x64")).toBe(Bun.version);
    expect(versionIn(bill, "yaml")).toMatch(/^2\.\d+\.\d+$/);
    expectResolved(bill);
  }, 60_000);

  describeUnless(missingFor(portableTarget()), "the portable folder", () => {
    test("has a bill of its own, with musl and its C++ library as Debian has them", () => {
      const folder = join(temporaryDirectory(), "folder");
      fill(folder, portableTarget(), "/fdinit");
      const bill: Bill = JSON.parse(readFileSync(join(folder, "fdinit.cdx.json"), "utf8"));
      const installed = Bun.spawnSync(["dpkg-query", "--show", "--showformat=${Version}", "musl"]).stdout;
      expect(versionIn(bill, "musl")).toBe(installed.toString());
      const names = bill.components.map(({ name }) => name).join();
      expect(names).toMatch(/,libstdc\+\+-\d+-dev/);
      expect(names).toMatch(/,libgcc-\d+-dev/);
      for (const name of ["fdinit", "lib/ld.so", "lib/libstdc++.so.6"]) {
        const part = bill.components.find((component) => component.name === name);
        expect(part?.hashes?.[0]?.content).toBe(sha256Of(join(folder, name)));
      }
      expectResolved(bill);
    }, 60_000);
  });

  test("refuses a Bun that is not the one written down", () => {
    const target = { ...targetNamed("linux-x64"), sha256: "0".repeat(64) };
    expect(() => bunFor(target)).toThrow(/has SHA-256 f05d\w+, not 0{64}$/);
  });
});

const baseline = targetNamed("linux-x64-baseline");
describeUnless(missingFor(baseline), "the baseline", () => {
  test("is the same executable as linux-x64", () => {
    expect(sha256Of(built(baseline))).toBe(sha256Of(built(targetNamed("linux-x64"))));
  }, 120_000);
});
