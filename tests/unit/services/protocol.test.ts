import { describe, expect, test } from "bun:test";
import { LONGEST_REQUEST, readRequest } from "../../../init/supervise/services/control/protocol.ts";
import { bytesOf } from "../../../init/sys/text/bytes.ts";
import { Random } from "../random.ts";

const read = (text: string, isEnd = true) => readRequest(bytesOf(text), isEnd);

describe("a request of the control socket", () => {
  test.each([
    ['{"version":1,"request":"status"}', { request: "status" }],
    ['{"version":1,"request":"health","later":[1]}', { request: "health" }],
    ['{"version":1,"request":"restart","service":"web"}', { request: "restart", service: "web" }],
    [
      '{"version":1,"request":"signal","service":"web","signal":64}',
      { request: "signal", service: "web", signal: 64 },
    ],
  ] as const)("%s is understood", (text, request) => {
    expect(read(text)).toEqual(request);
    expect(read(`${text}\n`, false)).toEqual(request);
    expect(read(text, false)).toBeUndefined();
  });

  test.each([
    ["", "not-json"],
    ["{", "not-json"],
    ["[".repeat(4000), "not-json"],
    ["null", "bad-request"],
    ["[]", "bad-request"],
    ['{"request":"status"}', "bad-request"],
    ['{"version":2,"request":"status"}', "bad-request"],
    ['{"version":1,"request":"reboot"}', "bad-request"],
    ['{"version":1,"request":"toString"}', "bad-request"],
    ['{"version":1,"request":"stop"}', "bad-request"],
    ['{"version":1,"request":"stop","service":7}', "bad-request"],
    ['{"version":1,"request":"signal","service":"web","signal":0}', "bad-request"],
    ['{"version":1,"request":"signal","service":"web","signal":65}', "bad-request"],
    ['{"version":1,"request":"signal","service":"web","signal":1.5}', "bad-request"],
    ['{"version":1,"request":"signal","service":"web","signal":"HUP"}', "bad-request"],
    [`${" ".repeat(LONGEST_REQUEST)}{}`, "too-long"],
  ] as const)("%j is refused", (text, code) => {
    expect(read(text)).toMatchObject({ code });
  });

  test("is refused as soon as it is too long, whether or not its end has come", () => {
    expect(read("x".repeat(LONGEST_REQUEST - 1), false)).toBeUndefined();
    expect(read("x".repeat(LONGEST_REQUEST), false)).toMatchObject({ code: "too-long" });
  });

  test("of any bytes is a request or a refusal, and never throws", () => {
    const random = new Random(41);
    const valid = '{"version":1,"request":"signal","service":"web","signal":15}';
    for (let run = 0; run < 5000; run++) {
      const bytes = [...bytesOf(valid)];
      for (let change = random.below(6); change > 0; change--) {
        const at = random.below(bytes.length);
        if (random.once(2)) bytes[at] = random.below(256);
        else
          bytes.splice(
            at,
            random.below(4),
            ...Array.from({ length: random.below(3) }, () => random.below(256)),
          );
      }
      const answer = readRequest(new Uint8Array(bytes), true);
      expect(answer !== undefined && ("code" in answer || "request" in answer)).toBe(true);
    }
  });
});
