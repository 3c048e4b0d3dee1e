// The conversation of an HTTP check: a GET, and the status of its answer (RFC 9112). Of the answer only the status line is
// read, and the heads of interim answers (1xx) before it. Pure.

import { bytesOf, concatenate } from "../../../sys/text/bytes.ts";
import type { Outcome } from "./attempt.ts";
import type { Conversation } from "./connection.ts";

/** The most of an answer that is read. */
const MOST_BYTES = 8192;
const LINE_FEED = 0x0a;

export function httpConversation(host: string, path: string): Conversation {
  const head = [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    "User-Agent: fdinit",
    "Accept: */*",
    "Connection: close",
  ];
  let answer: Uint8Array = new Uint8Array(0);
  return {
    request: bytesOf(`${head.join("\r\n")}\r\n\r\n`),
    take(bytes) {
      if (bytes.length === 0) return "the connection was closed before the answer's status";
      answer = concatenate(answer, bytes).subarray(0, MOST_BYTES);
      const status = statusOf(answer);
      if (status === "none") return "the answer is not HTTP";
      if (status !== "more") return judged(status);
      return answer.length < MOST_BYTES ? undefined : `no status in the first ${MOST_BYTES} bytes`;
    },
  };
}

function judged(status: number): Outcome {
  return status >= 200 && status <= 399 ? true : `HTTP status ${status}`;
}

/** The status of the final answer; "more": it has not come yet; "none": this is not HTTP. */
export function statusOf(answer: Uint8Array): number | "more" | "none" {
  for (let at = 0; ; ) {
    const end = answer.indexOf(LINE_FEED, at);
    const line = asciiOf(answer.subarray(at, end < 0 ? at + LONGEST_START : end));
    if (end < 0) return isStart(line) ? "more" : "none";
    const [, digits] = /^HTTP\/1\.[01] ([1-5]\d\d)(?: [^\r]*)?\r?$/.exec(line) ?? [];
    if (digits === undefined) return "none";
    const status = Number(digits);
    if (status >= 200) return status;
    const next = afterHead(answer, end + 1);
    if (next === undefined) return "more";
    at = next;
  }
}

const START = "HTTP/1.";
const LONGEST_START = 64;

function isStart(line: string): boolean {
  return line.length < START.length ? START.startsWith(line) : line.startsWith(START);
}

/** Behind the empty line that ends a head; undefined when it has not come yet. */
function afterHead(answer: Uint8Array, from: number): number | undefined {
  for (let at = from; ; ) {
    const end = answer.indexOf(LINE_FEED, at);
    if (end < 0) return undefined;
    if (asciiOf(answer.subarray(at, end)).trimEnd() === "") return end + 1;
    at = end + 1;
  }
}

function asciiOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
