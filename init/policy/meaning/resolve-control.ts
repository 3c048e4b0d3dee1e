// `control`: where the control socket is. Off unless the policy names a socket.

import type { KeyPath } from "../key-path.ts";
import type { ControlPolicy } from "../types.ts";
import { badValue, type Finding } from "../wording/finding.ts";
import { parseListenAddress } from "./addresses.ts";

export interface WrittenControl {
  readonly socket?: string;
}

export function controlOf(
  written: WrittenControl | undefined,
  at: KeyPath,
  findings: Finding[],
): ControlPolicy | undefined {
  const socket = written?.socket;
  if (socket === undefined) return undefined;
  const parsed = parseListenAddress(`unix:${socket}`);
  if (!parsed.ok) findings.push(badValue([...at, "socket"], parsed.message));
  return { socket };
}
