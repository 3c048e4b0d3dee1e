// The two forms in which the lines of several services can be told apart: the service's name before each line, or one JSON
// object a line. Pure.

import { bytesOf, textOf } from "../../../sys/text/bytes.ts";
import type { Line } from "./line-buffer.ts";

export type StreamName = "stdout" | "stderr";

export interface LineSource {
  readonly service: string;
  readonly stream: StreamName;
}

/** The bytes of one line as it is written, its newline included. `time` is RFC 3339. */
export type LineFormat = (source: LineSource, line: Line, time: string) => readonly Uint8Array[];

const NEWLINE = new Uint8Array([0x0a]);
/** Stands where a part of a line goes on. */
const ELLIPSIS = bytesOf("…");

/** `web      | line`: the names are as wide as the longest of them. */
export function prefixFormat(services: readonly string[]): LineFormat {
  const width = Math.max(...services.map((name) => name.length));
  const prefixes = new Map(services.map((name) => [name, bytesOf(`${name.padEnd(width)} | `)]));
  return ({ service }, { bytes, isContinued }) => {
    const prefix = prefixes.get(service) ?? bytesOf(`${service} | `);
    return isContinued ? [prefix, ELLIPSIS, bytes, NEWLINE] : [prefix, bytes, NEWLINE];
  };
}

/** `{"time":…,"service":…,"stream":…,"line":…}`; `"partial":true` where the next object of the stream goes on with the line. */
export const jsonFormat: LineFormat = ({ service, stream }, { bytes, isPartial }, time) => {
  const object = { time, service, stream, line: lineOf(bytes), ...(isPartial ? { partial: true } : {}) };
  return [bytesOf(`${JSON.stringify(object)}\n`)];
};

function lineOf(bytes: Uint8Array): string {
  const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  // textOf() leaves out a byte order mark at the start, and a line loses nothing.
  return hasMark ? `\ufeff${textOf(bytes)}` : textOf(bytes);
}
