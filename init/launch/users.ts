// Users and groups by name, as /etc/passwd and /etc/group have them (passwd(5), group(5)). Read here and
// not through libc's getpwnam, which would load name service modules into PID 1.

import type { UserAndGroup } from "../plan/plan.ts";
import type { Credentials, Kernel } from "../sys/kernel.ts";
import { errnoText } from "../sys/libc/errno.ts";
import { textOf } from "../sys/text/bytes.ts";

const LONGEST_FILE = 1 << 22;

interface User {
  readonly name?: string;
  readonly uid: number;
  /** Undefined: without an entry in /etc/passwd. */
  readonly gid?: number;
}

interface Ids {
  readonly uid: number;
  readonly gid: number;
  readonly name?: string;
}

/**
 * Ids of a user and a group, or what is wrong with them. Without a group: the one of the user's entry in /etc/passwd,
 * and 0 where the user has no entry, as Docker does it.
 */
export function findIds(kernel: Kernel, { user, group }: UserAndGroup): Ids | string {
  const found = findUser(kernel, user);
  if (!found) return `no user ${JSON.stringify(user)} in /etc/passwd`;
  const gid = group === undefined ? (found.gid ?? 0) : findGroup(kernel, group);
  if (gid === undefined) return `no group ${JSON.stringify(group)} in /etc/group`;
  return { uid: found.uid, gid, ...(found.name === undefined ? {} : { name: found.name }) };
}

/** The user and groups that a service runs as, and a warning about them. */
export interface Found {
  readonly credentials: Credentials;
  readonly warning?: string;
}

/**
 * The user and groups that a service runs as: the groups of `groups`, or without that key those that list its user
 * (initgroups(3)). A service without a user has fdinit's own user and group. The answer names groups only where they
 * differ from fdinit's: to set even the same ones needs CAP_SETGID, which a container often lacks.
 */
export function findCredentials(
  kernel: Kernel,
  user: UserAndGroup | undefined,
  groups: readonly string[] | undefined,
): Found | string {
  const own = kernel.ownCredentials();
  const ids: Ids | string = user === undefined ? { uid: own.uid, gid: own.gid } : findIds(kernel, user);
  if (typeof ids === "string") return ids;
  const { uid, gid, name } = ids;
  const wanted =
    groups === undefined
      ? [gid, ...groupsOf(kernel, name).filter((other) => other !== gid)]
      : numbersOf(kernel, groups);
  if (typeof wanted === "string") return wanted;
  const isSame = uid === own.uid && gid === own.gid;
  if (isSame && haveSame(wanted, own.groups, gid)) return { credentials: { uid, gid } };
  if (groups !== undefined || !isSame) return { credentials: { uid, gid, groups: wanted } };
  // The policy says nothing of groups, and fdinit may be that user already, without the right to set any.
  const refused = kernel.mayChangeGroups(own.groups);
  if (refused === 0) return { credentials: { uid, gid, groups: wanted } };
  const warning = `keeps the groups ${own.groups.join(", ") || "none"} that fdinit was started with, not ${wanted.join(", ")}: cannot set groups (setgroups): ${errnoText(-refused)}; name what it is to have in groups`;
  return { credentials: { uid, gid }, warning };
}

/** Which of the two holds the own group does not matter: a process has that one in any case. */
function haveSame(wanted: readonly number[], own: readonly number[], gid: number): boolean {
  return (
    wanted.every((group) => group === gid || own.includes(group)) &&
    own.every((group) => group === gid || wanted.includes(group))
  );
}

function numbersOf(kernel: Kernel, groups: readonly string[]): number[] | string {
  const numbers: number[] = [];
  for (const group of groups) {
    const number = findGroup(kernel, group);
    if (number === undefined) return `no group ${JSON.stringify(group)} in /etc/group`;
    numbers.push(number);
  }
  return numbers;
}

const LARGEST_ID = 4_294_967_294;

function numberOf(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) && Number(text) <= LARGEST_ID ? Number(text) : undefined;
}

/** A number need not have an entry; a name must. */
function findUser(kernel: Kernel, user: string): User | undefined {
  const number = numberOf(user);
  for (const [name, , uidText = "", gidText = ""] of entries(kernel, "/etc/passwd")) {
    // A passwd line without numbers names no user: an empty field must not become 0, which is root.
    const [uid, gid] = [numberOf(uidText), numberOf(gidText)];
    if (!name || uid === undefined || gid === undefined) continue;
    if (name === user || uid === number) return { name, uid, gid };
  }
  return number === undefined ? undefined : { uid: number };
}

function findGroup(kernel: Kernel, group: string): number | undefined {
  const number = numberOf(group);
  if (number !== undefined) return number;
  for (const [name, , gid = ""] of entries(kernel, "/etc/group"))
    if (name === group && numberOf(gid) !== undefined) return numberOf(gid);
  return undefined;
}

function groupsOf(kernel: Kernel, user: string | undefined): number[] {
  if (user === undefined) return [];
  const groups: number[] = [];
  for (const [, , gidText = "", members = ""] of entries(kernel, "/etc/group")) {
    const gid = numberOf(gidText);
    if (gid !== undefined && members.split(",").includes(user)) groups.push(gid);
  }
  return groups;
}

function entries(kernel: Kernel, path: string): string[][] {
  const bytes = kernel.readFile(path, LONGEST_FILE);
  if (typeof bytes === "number") return [];
  return textOf(bytes)
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));
}
