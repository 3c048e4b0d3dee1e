import { expect, test } from "bun:test";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { leaveOutIcuData } from "../../../scripts/slim.ts";
import { ROOT } from "../../harness/fixtures.ts";

const bun = readFileSync(process.execPath);

test("what is left out of the executable is a stretch of ICU's data, once, and nothing moves", () => {
  const bytes = Buffer.from(bun);
  expect(leaveOutIcuData(bytes)).toContain("12.0 MB");
  expect(bytes.length).toBe(bun.length);
  let first = 0;
  while (bytes[first] === bun[first]) first++;
  let last = bun.length - 1;
  while (bytes[last] === bun[last]) last--;
  expect(last - first).toBeLessThan(12_100_000);
  expect(bytes.subarray(first, last + 1).some((byte) => byte !== 0)).toBe(false);
}, 60_000);

test("anything else than the data it knows is refused", () => {
  const other = Buffer.from(bun);
  const at = other.indexOf("CmnD\x01\0\0\0");
  other.write("ResB", at);
  expect(() => leaveOutIcuData(other)).toThrow("ICU's data occurs 0 times");
}, 60_000);

test("nothing of fdinit, nor of what is bundled with it, asks for ICU's data", () => {
  const sources = ["init/**/*.{ts,js}", "node_modules/yaml/dist/**/*.js"].flatMap((pattern) =>
    globSync(pattern, { cwd: ROOT }),
  );
  expect(sources.length).toBeGreaterThan(100);
  const asks = /\bIntl\b|toLocale|localeCompare|\.normalize\(|new TextDecoder\("(?!utf-8")|\bDate\b/;
  const found = sources.filter((file) => {
    const code = readFileSync(join(ROOT, file), "utf8").replace(/^\s*(\/\/|\*|\/\*).*$/gm, "");
    return asks.test(code);
  });
  // The times of JSON lines and of the services' last ends, and yaml's timestamps: their Date needs neither a language nor a time zone.
  expect(found.sort()).toEqual([
    "init/cli/control/status.ts",
    "init/cli/output/say.ts",
    "init/supervise/services/log/log-pipes.ts",
    "init/supervise/services/loop.ts",
    "init/supervise/services/status.ts",
    "node_modules/yaml/dist/schema/yaml-1.1/timestamp.js",
  ]);
});
