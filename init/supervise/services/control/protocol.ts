// The language of the control socket: one line of JSON in, one line of JSON out. Reads a request, or says what is wrong with it.
// Pure. docs/control.md describes it.

import { bytesOf, textOf } from "../../../sys/text/bytes.ts";
import type { ServiceRequest } from "../machine/events.ts";
import type { ControlVersion, ServiceReport, StatusReport } from "./status-report.ts";

/** A request has at most so many bytes, its line end included. */
export const LONGEST_REQUEST = 4096;
const NEWLINE = 0x0a;
const VERSION: ControlVersion = 1;
const HIGHEST_SIGNAL = 64;

export type Request =
  | { readonly request: "status" }
  | { readonly request: "health" }
  | { readonly request: ServiceRequest; readonly service: string }
  | { readonly request: "signal"; readonly service: string; readonly signal: number };

/** Why a request was not carried out. A code never changes its meaning. */
export type RefusalCode =
  | "not-allowed"
  | "too-long"
  | "too-slow"
  | "not-json"
  | "bad-request"
  | "unknown-service"
  | "not-running"
  | "no-reload"
  | "shutting-down"
  | "failed";

export interface Refused {
  readonly code: RefusalCode;
  readonly message: string;
}

export type Reply = { readonly version: ControlVersion } & (
  | { readonly ok: false; readonly code: RefusalCode; readonly message: string }
  | { readonly ok: true; readonly status: StatusReport }
  | { readonly ok: true; readonly healthy: boolean; readonly why: readonly string[] }
  /** The request is under way. `before` is the service as it was when the request came. */
  | { readonly ok: true; readonly before: ServiceReport }
);

const WITHOUT_SERVICE = ["status", "health"] as const;
const ABOUT_SERVICE = ["start", "stop", "restart", "reload", "signal"] as const;

/** The request in the bytes that have come; undefined: more have to come. `isEnd`: no more will. */
export function readRequest(bytes: Uint8Array, isEnd: boolean): Request | Refused | undefined {
  const end = bytes.indexOf(NEWLINE);
  if ((end < 0 ? bytes.length : end) >= LONGEST_REQUEST)
    return refused("too-long", `a request has at most ${LONGEST_REQUEST} bytes`);
  if (end < 0 && !isEnd) return undefined;
  return understand(textOf(end < 0 ? bytes : bytes.subarray(0, end)));
}

function understand(text: string): Request | Refused {
  let written: unknown;
  try {
    written = JSON.parse(text);
  } catch {
    return refused("not-json", 'a request is a JSON object on one line: {"version":1,"request":"status"}');
  }
  if (typeof written !== "object" || written === null || Array.isArray(written))
    return bad("a request is a JSON object");
  const { version, request, service, signal } = written as Readonly<Record<string, unknown>>;
  if (version !== VERSION) return bad(`"version" has to be ${VERSION}`);
  const alone = WITHOUT_SERVICE.find((word) => word === request);
  if (alone) return { request: alone };
  const word = ABOUT_SERVICE.find((known) => known === request);
  if (!word) return bad(`"request" has to be one of: ${[...WITHOUT_SERVICE, ...ABOUT_SERVICE].join(", ")}`);
  if (typeof service !== "string" || service === "") return bad('"service" has to be the name of a service');
  if (word !== "signal") return { request: word, service };
  if (typeof signal !== "number" || !Number.isInteger(signal) || signal < 1 || signal > HIGHEST_SIGNAL)
    return bad(`"signal" has to be a number from 1 to ${HIGHEST_SIGNAL}`);
  return { request: word, service, signal };
}

export function refused(code: RefusalCode, message: string): Refused {
  return { code, message };
}

function bad(message: string): Refused {
  return refused("bad-request", message);
}

export function refusal({ code, message }: Refused): Reply {
  return { version: VERSION, ok: false, code, message };
}

export function answered<T extends object>(content: T): { version: ControlVersion; ok: true } & T {
  return { version: VERSION, ok: true, ...content };
}

export function encoded(reply: Reply): Uint8Array {
  return bytesOf(`${JSON.stringify(reply)}\n`);
}
