// Users and groups by name and number, as passwd(5) and group(5) have them.

import { describe, expect, test } from "bun:test";
import { findCredentials, findIds } from "../../../init/launch/users.ts";
import { ENOENT, EPERM } from "../../../init/sys/libc/errno.ts";
import { bytesOf } from "../../../init/sys/text/bytes.ts";
import { fakeKernel } from "../fake-kernel.ts";

const PASSWD = `# a comment
root:x:0:0:root:/root:/bin/sh
app:x:1000:1001:An Application:/srv:/sbin/nologin

www-data:x:33:33::/var/www:
twin:x:1000:7::/:
noshell:x:12:13
broken
`;
const GROUP = `root:x:0:
app:x:1001:
www-data:x:33:
logs:x:50:app,www-data
adm:x:4:syslog,app
other:x:60:application,xapp
own:x:1001:app
empty:x:61
`;

const kernelWith = (passwd: string | undefined, group: string | undefined) =>
  fakeKernel([], {
    readFile(path) {
      const text = path === "/etc/passwd" ? passwd : path === "/etc/group" ? group : undefined;
      return text === undefined ? -ENOENT : bytesOf(text);
    },
  });
const kernel = kernelWith(PASSWD, GROUP);
const ids = (user: string, group?: string) =>
  findIds(kernel, group === undefined ? { user } : { user, group });
const credentials = (user: string, group?: string, groups?: readonly string[]) => {
  const found = findCredentials(kernel, group === undefined ? { user } : { user, group }, groups);
  return typeof found === "string" ? found : found.credentials;
};

describe("a user", () => {
  test("by name has the ids of its entry", () => {
    expect(ids("app")).toEqual({ uid: 1000, gid: 1001, name: "app" });
    expect(ids("www-data")).toEqual({ uid: 33, gid: 33, name: "www-data" });
    expect(ids("noshell")).toEqual({ uid: 12, gid: 13, name: "noshell" });
  });
  test("by number has the group of its first entry", () => {
    expect(ids("1000")).toEqual({ uid: 1000, gid: 1001, name: "app" });
    expect(ids("0")).toEqual({ uid: 0, gid: 0, name: "root" });
  });
  test("by number needs no entry; its group is 0 then, as Docker has it", () => {
    expect(ids("4000")).toEqual({ uid: 4000, gid: 0 });
    expect(ids("4294967294")).toEqual({ uid: 4_294_967_294, gid: 0 });
  });
  test("of an unknown name, or of a number that is none, is refused by name", () => {
    for (const user of ["nobody", "broken", "4294967295", "99999999999", "1000x", "", "-1"])
      expect(ids(user)).toBe(`no user ${JSON.stringify(user)} in /etc/passwd`);
  });
  test("takes a group by name or number in place of its own", () => {
    expect(ids("app", "logs")).toMatchObject({ uid: 1000, gid: 50 });
    expect(ids("app", "4000")).toMatchObject({ uid: 1000, gid: 4000 });
    expect(ids("4000", "app")).toEqual({ uid: 4000, gid: 1001 });
    expect(ids("app", "nope")).toBe('no group "nope" in /etc/group');
  });
  test("is known by number alone where the files cannot be read", () => {
    const bare = kernelWith(undefined, undefined);
    expect(findIds(bare, { user: "1000", group: "5" })).toEqual({ uid: 1000, gid: 5 });
    expect(findIds(bare, { user: "root" })).toBe('no user "root" in /etc/passwd');
    expect(findIds(bare, { user: "1000", group: "root" })).toBe('no group "root" in /etc/group');
  });
});

describe("supplementary groups", () => {
  test("are those that list the user, with its own group first and once (initgroups)", () => {
    expect(credentials("app")).toEqual({ uid: 1000, gid: 1001, groups: [1001, 50, 4] });
    expect(credentials("www-data")).toEqual({ uid: 33, gid: 33, groups: [33, 50] });
  });
  test("follow the user's name when a number is written", () => {
    expect(credentials("1000")).toEqual({ uid: 1000, gid: 1001, groups: [1001, 50, 4] });
  });
  test("of a number without an entry are its group alone", () => {
    expect(credentials("4000")).toEqual({ uid: 4000, gid: 0, groups: [0] });
    expect(credentials("4000", "33")).toEqual({ uid: 4000, gid: 33, groups: [33] });
  });
  test("start with the group that is written", () => {
    expect(credentials("app", "logs")).toEqual({ uid: 1000, gid: 50, groups: [50, 4, 1001] });
  });
  test("that are written are these and no other", () => {
    expect(credentials("app", undefined, ["logs", "77"])).toEqual({ uid: 1000, gid: 1001, groups: [50, 77] });
    expect(credentials("app", undefined, [])).toEqual({ uid: 1000, gid: 1001, groups: [] });
  });
  test("of an unknown name are refused, and so is an unknown user before them", () => {
    expect(credentials("app", undefined, ["logs", "nope"])).toBe('no group "nope" in /etc/group');
    expect(credentials("nope", undefined, ["nope"])).toBe('no user "nope" in /etc/passwd');
  });
});

describe("an entry without a number", () => {
  const DAMAGED = "app:x::100:\ntext:x:abc:100:\nsplit:x:1000:\nroot:x:0:0::/:\n";
  const damaged = kernelWith(DAMAGED, "app:x::\ntext:x:abc:\nsome:x::app\n");
  test.each(["app", "text"])("does not make %s a user, and least of all root", (user) => {
    expect(findIds(damaged, { user })).toBe(`no user "${user}" in /etc/passwd`);
  });
  test("does not give a user the group 0", () => {
    expect(findIds(damaged, { user: "split" })).toBe('no user "split" in /etc/passwd');
  });
  test("does not stand before root's own", () => {
    expect(findIds(damaged, { user: "0" })).toMatchObject({ name: "root", gid: 0 });
  });
  test("makes no group", () => {
    expect(findIds(damaged, { user: "0", group: "app" })).toBe('no group "app" in /etc/group');
  });
  test("makes no group of a word either", () => {
    expect(findIds(damaged, { user: "0", group: "text" })).toBe('no group "text" in /etc/group');
  });
});

describe("where fdinit is that user already", () => {
  const own = (groups: readonly number[], refused = 0) => ({
    ...kernel,
    ownCredentials: () => ({ uid: 1000, gid: 1001, groups }),
    mayChangeGroups: () => refused,
  });

  test("groups that it has already are not set again, in whatever order", () => {
    const credentials = { uid: 1000, gid: 1001 };
    expect(findCredentials(own([4, 50], -EPERM), { user: "app" }, undefined)).toEqual({ credentials });
    expect(findCredentials(own([50], -EPERM), undefined, ["logs"])).toEqual({ credentials });
    expect(findCredentials(own([], -EPERM), undefined, [])).toEqual({ credentials });
  });

  test("groups that the policy names are set without a user too", () => {
    const credentials = { uid: 1000, gid: 1001, groups: [] };
    expect(findCredentials(own([27], -EPERM), undefined, [])).toEqual({ credentials });
  });

  test("other groups than its own stay where they may not be set, with a warning", () => {
    const found = findCredentials(own([27], -EPERM), { user: "app" }, undefined);
    expect(found).toMatchObject({ credentials: { uid: 1000, gid: 1001 } });
    expect(found).not.toHaveProperty("credentials.groups");
    expect(typeof found === "string" ? found : found.warning).toMatch(/^keeps the groups 27 .*EPERM/);
    expect(findCredentials(own([27]), { user: "app" }, undefined)).toEqual({
      credentials: { uid: 1000, gid: 1001, groups: [1001, 50, 4] },
    });
  });
});
