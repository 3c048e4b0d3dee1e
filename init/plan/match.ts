// Whether a rule's `match` fits a descriptor: yes, no or "undetermined". Pure. A descriptor whose kind could not be found
// out is "undetermined": the rule must neither apply to it nor be passed over in silence.

import { type InheritedMatch, LAST_FD } from "../policy/types.ts";
import type { DescriptorFacts } from "../sys/descriptors/kinds.ts";
import type { FdRange } from "../sys/facts.ts";
import { globMatches } from "./glob.ts";

export type Match = boolean | "undetermined";

/** 0, 1 and 2 are kept unless a rule names their numbers. The default and every other rule apply from 3 up. */
export const FIRST_BEYOND_STANDARD = 3;

const BEYOND_STANDARD = [{ first: FIRST_BEYOND_STANDARD, last: LAST_FD }];

/** True when a rule can be decided by the number alone. */
export function isByNumber(match: InheritedMatch): boolean {
  for (const key in match) if (key !== "fd") return false;
  return true;
}

/** The numbers a match can be about. */
export function numbersOf({ fd }: InheritedMatch): readonly FdRange[] {
  return fd ?? BEYOND_STANDARD;
}

/** The ranges that are left when others are taken out. */
export function without(ranges: readonly FdRange[], taken: readonly FdRange[]): readonly FdRange[] {
  let left = ranges;
  for (const { first, last } of taken) {
    const rest: FdRange[] = [];
    for (const range of left) {
      if (last < range.first || range.last < first) rest.push(range);
      else {
        if (range.first < first) rest.push({ first: range.first, last: first - 1 });
        if (last < range.last) rest.push({ first: last + 1, last: range.last });
      }
    }
    left = rest;
  }
  return left;
}

function isAbout(match: InheritedMatch, fd: number): boolean {
  for (const { first, last } of numbersOf(match)) if (first <= fd && fd <= last) return true;
  return false;
}

/** `descriptor` is undefined for a number that is not open, or was not looked at. */
export function matches(match: InheritedMatch, fd: number, descriptor: DescriptorFacts | undefined): Match {
  if (!isAbout(match, fd)) return false;
  if (isByNumber(match)) return true;
  if (!descriptor) return false;
  const answers = conditions(match, descriptor);
  if (answers.includes(false)) return false;
  return answers.includes("undetermined") ? "undetermined" : true;
}

function conditions(match: InheritedMatch, descriptor: DescriptorFacts): Match[] {
  const { kinds, access, path, deleted, outsideRoot, socket, name } = descriptor;
  const unknown = kinds[0] === "undetermined";
  const answers: Match[] = [];
  if (match.kind)
    answers.push(match.kind.some((kind) => kinds.includes(kind)) || (unknown ? "undetermined" : false));
  if (match.access) answers.push(match.access.includes(access));
  if (match.path)
    answers.push(path !== undefined && match.path.some((pattern) => globMatches(pattern, path)));
  if (match.deleted !== undefined) answers.push(unknown ? "undetermined" : match.deleted === deleted);
  if (match.outsideRoot !== undefined) answers.push(flag(match.outsideRoot, outsideRoot));
  if (match.name !== undefined) answers.push(match.name === name);
  if (asksAboutSocket(match)) {
    if (kinds[0] !== "socket")
      answers.push(unknown ? "undetermined" : match.foreignNetwork === false && onlyForeign(match));
    else if (!socket) answers.push("undetermined");
    else {
      if (match.family) answers.push(match.family.some((family) => family === socket.family));
      if (match.type) answers.push(match.type.some((type) => type === socket.type));
      if (match.listening !== undefined) answers.push(match.listening === socket.listening);
      if (match.address) answers.push(match.address.some((pattern) => addressMatches(pattern, socket.local)));
      if (match.foreignNetwork !== undefined) answers.push(flag(match.foreignNetwork, socket.foreignNetwork));
    }
  }
  return answers;
}

function flag(wanted: boolean, found: boolean | undefined): Match {
  return found === undefined ? "undetermined" : wanted === found;
}

function asksAboutSocket({ family, type, listening, address, foreignNetwork }: InheritedMatch): boolean {
  return [family, type, listening, address, foreignNetwork].some((condition) => condition !== undefined);
}

/** `foreignNetwork: false` alone matches a descriptor that is no socket too; the other conditions match sockets only. */
function onlyForeign({ family, type, listening, address }: InheritedMatch): boolean {
  return [family, type, listening, address].every((condition) => condition === undefined);
}

/** `*:80` fits any host, v4 or v6; `host:*` any port. A `*` in a unix path is a pattern. */
export function addressMatches(pattern: string, address: string | undefined): boolean {
  if (address === undefined) return false;
  if (pattern.startsWith("unix:") || address.startsWith("unix:")) return globMatches(pattern, address);
  const [host, port] = hostAndPort(pattern);
  const [localHost, localPort] = hostAndPort(address);
  return (host === "*" || host === localHost) && (port === "*" || port === localPort);
}

function hostAndPort(address: string): [string, string] {
  const at = address.lastIndexOf(":");
  return at < 0 ? [address, "*"] : [address.slice(0, at), address.slice(at + 1)];
}
