// The answer to an HTTP check: its status, however it is cut into pieces, and nothing else than an answer of HTTP.

import { describe, expect, test } from "bun:test";
import { httpConversation, statusOf } from "../../../../init/supervise/services/ready/http.ts";
import { Random } from "../../random.ts";

const status = (text: string) => statusOf(Buffer.from(text, "latin1"));

describe("the status of an answer", () => {
  test.each<[string, number | "more" | "none"]>([
    ["HTTP/1.1 200 OK\r\n", 200],
    ["HTTP/1.0 204\r\n", 204],
    ["HTTP/1.1 404 Not Found\n", 404],
    ["HTTP/1.1 599 \xff\xfe\r\n", 599],
    ["HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n", 200],
    ["HTTP/1.1 100 Continue\r\n\r\n", "more"],
    ["HTTP/1.1 100 Continue\r\nA: b\r\n", "more"],
    ["", "more"],
    ["HT", "more"],
    ["HTTP/1.1 20", "more"],
    ["SSH-2.0-OpenSSH\r\n", "none"],
    ["SSH", "none"],
    ["HTTP/2 200\r\n", "none"],
    ["HTTP/1.1 600 x\r\n", "none"],
    ["HTTP/1.1 20 x\r\n", "none"],
    ["HTTP/1.1 2000\r\n", "none"],
    ["\r\nHTTP/1.1 200 OK\r\n", "none"],
    ["<html>", "none"],
  ])("%j is %p", (text, expected) => {
    expect(status(text)).toBe(expected);
  });

  test("is the same however the answer is cut", () => {
    const random = new Random(3);
    const answers = [
      "HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\n\r\n",
      "HTTP/1.1 500 No\r\n\r\n",
      "ICY 200 OK\r\n",
    ];
    for (const answer of answers) {
      const bytes = Buffer.from(answer);
      const whole = httpConversation("h", "/").take(bytes);
      expect(whole).toBeDefined();
      for (let round = 0; round < 200; round++) {
        const conversation = httpConversation("h", "/");
        let outcome: true | string | undefined;
        for (let at = 0; at < bytes.length && outcome === undefined; ) {
          const end = at + 1 + random.below(9);
          outcome = conversation.take(bytes.subarray(at, end));
          at = end;
        }
        expect(outcome).toBe(whole);
      }
    }
  });

  test("is given up after 8 KiB, whatever they are", () => {
    const conversation = httpConversation("h", "/");
    const piece = Buffer.from("HTTP/1.1 100 x\r\n\r\n".repeat(100));
    let taken = 0;
    let outcome: true | string | undefined;
    while (outcome === undefined) {
      outcome = conversation.take(piece);
      taken += piece.length;
    }
    expect(taken).toBeLessThan(8192 + 2 * piece.length);
    expect(outcome).toBe("no status in the first 8192 bytes");
  });

  test("of random bytes is none, and reading ends", () => {
    const random = new Random(11);
    for (let round = 0; round < 2_000; round++) {
      const start = random.pick(["", "H", "HTTP/1.1 100\n", "HTTP/1.1 "]);
      const rest = Buffer.from(Array.from({ length: random.below(200) }, () => random.below(256)));
      const answer = statusOf(Buffer.concat([Buffer.from(start), rest]));
      expect(typeof answer === "number" ? answer >= 200 && answer <= 599 : true).toBe(true);
    }
  });
});
