// Bytes to text: strict UTF-8, not too large, not empty. Says at which byte the text stops being UTF-8.
// Does not look at YAML beyond "is there anything but comments".

import { textOf } from "../../sys/text/bytes.ts";
import type { PolicyIssue } from "../issue.ts";

export const MAX_POLICY_BYTES = 1024 * 1024;

const START_HINT = 'a policy starts with "version: 1"';

export type Decoded =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly issue: PolicyIssue; readonly text: string | undefined };

export function decodePolicy(bytes: Uint8Array): Decoded {
  if (bytes.length > MAX_POLICY_BYTES) {
    const message = `the policy is larger than ${MAX_POLICY_BYTES} bytes (1 MiB)`;
    return refused({ code: "too-large", message, hint: "is this the right file?" });
  }
  const text = textOf(bytes);
  // Bytes that are not UTF-8 are shown as U+FFFD, which may also stand in the text itself.
  const offset = text.includes("\ufffd") ? firstInvalidByte(bytes) : bytes.length;
  if (offset < bytes.length) return notUtf8(bytes, offset);
  if (holdsNothing(text)) {
    return refused({ code: "empty", message: "the policy is empty", hint: START_HINT });
  }
  return { ok: true, text };
}

function refused(issue: Pick<PolicyIssue, "code" | "message" | "hint">, text?: string): Decoded {
  return { ok: false, issue: { ...issue, pointer: "", path: "" }, text };
}

function notUtf8(bytes: Uint8Array, offset: number): Decoded {
  const before = textOf(bytes.subarray(0, offset));
  const line = before.split("\n").length;
  const column = before.length - before.lastIndexOf("\n");
  const byte = bytes[offset];
  const shown =
    byte === undefined
      ? "the last character is cut off"
      : `byte 0x${byte.toString(16).padStart(2, "0")} is not UTF-8`;
  const wide = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  const issue: PolicyIssue = {
    code: "not-utf8",
    message: `${shown}, at byte offset ${offset}`,
    pointer: "",
    path: "",
    line,
    column,
    length: 1,
    hint: wide ? "the file looks like UTF-16; save it as UTF-8" : "save the file as UTF-8",
  };
  return { ok: false, issue, text: wide ? undefined : textOf(bytes) };
}

/** The offset of the first byte that belongs to no well-formed sequence (Unicode 15, table 3-7). */
export function firstInvalidByte(bytes: Uint8Array): number {
  let at = 0;
  while (at < bytes.length) {
    const lead = bytes[at] ?? 0;
    const length =
      lead < 0x80
        ? 1
        : lead >= 0xc2 && lead <= 0xdf
          ? 2
          : lead >= 0xe0 && lead <= 0xef
            ? 3
            : lead >= 0xf0 && lead <= 0xf4
              ? 4
              : 0;
    if (length === 0) return at;
    for (let nth = 1; nth < length; nth++) {
      const byte = bytes[at + nth];
      if (byte === undefined) return at;
      const low = nth > 1 ? 0x80 : lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
      const high = nth > 1 ? 0xbf : lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
      if (byte < low || byte > high) return at;
    }
    at += length;
  }
  return at;
}

function holdsNothing(text: string): boolean {
  for (const line of text.split("\n")) {
    const content = line.trim();
    if (content !== "" && !content.startsWith("#") && content !== "---" && content !== "...") return false;
  }
  return true;
}
