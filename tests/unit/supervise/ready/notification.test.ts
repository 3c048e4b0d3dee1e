// Messages of sd_notify(3) as text: what each line means, what means nothing, and that no bytes do harm.

import { describe, expect, test } from "bun:test";
import { parseNotification } from "../../../../init/supervise/services/ready/notification.ts";
import { Random } from "../../random.ts";

const NOTHING = { isReady: false, isReloading: false, isStopping: false, malformed: [] };

function parsed(text: string) {
  const result = parseNotification(Buffer.from(text));
  if (typeof result === "string") throw new Error(result);
  return result;
}

const malformed = (text: string) => parsed(text).malformed;

describe("a message", () => {
  test.each([
    ["READY=1", { isReady: true }],
    ["READY=1\n", { isReady: true }],
    ["\n\nREADY=1\n\n", { isReady: true }],
    ["READY=1\0", { isReady: true }],
    ["STOPPING=1", { isStopping: true }],
    ["RELOADING=1\nMONOTONIC_USEC=8", { isReloading: true }],
    ["STATUS=Loading 5 of 9", { status: "Loading 5 of 9" }],
    ["STATUS=a=b", { status: "a=b" }],
    ["STATUS=", { status: "" }],
    ["STATUS=one\nSTATUS=two", { status: "one" }],
    ["STATUS=\x1b[31mred", { status: "\\x1b[31mred" }],
    ["ERRNO=2", { errno: 2 }],
    ["MAINPID=4194304", { mainPid: 4_194_304 }],
    ["EXTEND_TIMEOUT_USEC=1", { extendMs: 1 }],
    ["EXTEND_TIMEOUT_USEC=999999999999999", { extendMs: 86_400_000 }],
    ["WATCHDOG=1", { watchdog: "alive" as const }],
    ["WATCHDOG=trigger", { watchdog: "failed" as const }],
    ["WATCHDOG_USEC=30000000", { watchdogMs: 30_000 }],
    ["FDSTORE=1", { store: { name: "stored", isWatched: true } }],
    ["FDSTORE=1\nFDNAME=web.sock\nFDPOLL=0", { store: { name: "web.sock", isWatched: false } }],
    ["FDSTOREREMOVE=1\nFDNAME=web", { remove: "web" }],
    ["FDSTORE=1\nFDSTOREREMOVE=1\nFDNAME=web", { remove: "web" }],
    ["BARRIER=1", {}],
    ["X_VENDOR=1\nNOTIFYACCESS=all", {}],
  ])("%j means what sd_notify(3) says", (text, meaning) => {
    expect(parsed(text)).toEqual({ ...NOTHING, ...meaning });
  });

  test.each([
    ["READY=0"],
    ["READY=11"],
    ["ERRNO=0"],
    ["ERRNO=4096"],
    ["ERRNO=-2"],
    ["MAINPID=0"],
    ["MAINPID=4194305"],
    ["MAINPID=1e3"],
    ["EXTEND_TIMEOUT_USEC=0"],
    ["EXTEND_TIMEOUT_USEC=9999999999999999"],
    ["WATCHDOG=2"],
    ["WATCHDOG_USEC=0"],
    ["FDNAME=a:b"],
    ["READY"],
    ["=1"],
  ])("%j means nothing, which is reported, and the other lines count", (line) => {
    expect(parsed(`${line}\nSTOPPING=1`)).toEqual({ ...NOTHING, isStopping: true, malformed: [line] });
  });

  test("without a name removes no descriptor", () => {
    expect(malformed("FDSTOREREMOVE=1")).toEqual(["FDSTOREREMOVE=1 without FDNAME"]);
  });

  test("with a name too long for one stores under none", () => {
    const name = "x".repeat(256);
    expect(parsed(`FDSTORE=1\nFDNAME=${name}`).store?.name).toBe("stored");
    expect(parsed(`FDSTORE=1\nFDNAME=${name.slice(1)}`).store?.name).toBe(name.slice(1));
  });

  test("has a bounded status and bounded complaints", () => {
    expect(parsed(`STATUS=${"x".repeat(4000)}`).status?.length).toBe(256);
    expect(malformed(`READY=${"\x1b".repeat(2000)}`)[0]?.length).toBe(60);
  });

  test("that is empty or has a NUL in it does not count", () => {
    expect(parseNotification(new Uint8Array(0))).toBe("it is empty");
    expect(parseNotification(Buffer.from("\0"))).toBe("it is empty");
    expect(parseNotification(Buffer.from("READY=1\0\0"))).toBe("it has a NUL in it");
    expect(parseNotification(Buffer.from("A\0READY=1"))).toBe("it has a NUL in it");
  });

  test("of any bytes is read, and everything it gives is bounded and visible", () => {
    const random = new Random(7);
    const words = [
      "READY=1",
      "STATUS=",
      "MAINPID=",
      "WATCHDOG=",
      "FDSTORE=1",
      "FDNAME=",
      "\n",
      "=",
      "1",
      "999999999999",
    ];
    for (let round = 0; round < 5_000; round++) {
      let bytes = Buffer.alloc(0);
      for (let part = random.below(12); part > 0; part--)
        bytes = Buffer.concat([
          bytes,
          random.once(2)
            ? Buffer.from(random.pick(words))
            : Buffer.from(Array.from({ length: random.below(20) }, () => random.below(256))),
        ]);
      const result = parseNotification(bytes);
      if (typeof result === "string") continue;
      const { status = "", mainPid = 1, watchdogMs = 1, extendMs = 1, malformed: wrong, store } = result;
      for (const text of [status, ...wrong]) {
        expect(text.length).toBeLessThanOrEqual(256);
        expect(text).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      }
      expect(store?.name ?? "x").toMatch(/^[!-9;-~]{1,255}$/);
      for (const number of [mainPid, watchdogMs, extendMs]) expect(number).toBeWithin(1, 86_400_001);
    }
  });
});
