// Addresses to listen on, as policies write them and as the kernel has them.

import { describe, expect, test } from "bun:test";
import { isIPv4, isIPv6 } from "node:net";
import { parseIpv4, parseIpv6, parseListenAddress } from "../../../init/policy/meaning/addresses.ts";
import type { ListenAddress } from "../../../init/policy/types.ts";
import { AF_INET, AF_INET6, AF_UNIX } from "../../../init/sys/libc/constants.ts";
import { formatAddress } from "../../../init/sys/sockets/sockets.ts";
import { Random } from "../random.ts";

const zeros = (count: number) => Array<number>(count).fill(0);

function parsed(written: string) {
  const result = parseListenAddress(written);
  return result.ok ? [result.address, result.transport === "udp"] : result.message;
}

describe("an address to listen on", () => {
  test.each([
    ["*:80", { family: "dual", host: zeros(16), port: 80 }],
    ["0.0.0.0:8080", { family: "inet", host: [0, 0, 0, 0], port: 8080 }],
    ["127.0.0.1:65535", { family: "inet", host: [127, 0, 0, 1], port: 65_535 }],
    ["[::]:80", { family: "inet6", host: zeros(16), port: 80 }],
    ["[::1]:443", { family: "inet6", host: [...zeros(15), 1], port: 443 }],
    ["[fe80::1:0]:1", { family: "inet6", host: [0xfe, 0x80, ...zeros(11), 1, 0, 0], port: 1 }],
    ["unix:/run/a b.sock", { family: "unix", path: "/run/a b.sock" }],
    ["unix:/run/a:80", { family: "unix", path: "/run/a:80" }],
    ["unix:@name", { family: "unix", path: "@name" }],
    ["unix:@a/b", { family: "unix", path: "@a/b" }],
  ] as const)("%s", (written, address) => expect(parsed(written)).toEqual([address, false]));

  test("is for datagrams behind udp:, and for streams behind tcp:", () => {
    const address: ListenAddress = { family: "inet", host: [10, 0, 0, 1], port: 53 };
    expect(parsed("udp:10.0.0.1:53")).toEqual([address, true]);
    expect(parsed("tcp:10.0.0.1:53")).toEqual([address, false]);
    expect(parsed("udp:*:53")).toEqual([{ family: "dual", host: zeros(16), port: 53 }, true]);
  });

  test.each([
    ["80", "has no port"],
    ["", "has no port"],
    ["*", "has no port"],
    ["*:", "has no port"],
    ["*:http", "has no port"],
    ["*:-1", "has no port"],
    ["*:123456", "has no port"],
    ["[::1]", "has no port"],
    ["*:65536", "above 65535"],
    [":80", "no numeric address"],
    ["localhost:80", "no numeric address"],
    ["256.0.0.1:80", "no numeric address"],
    ["[127.0.0.1]:80", "no numeric address"],
    ["[fe80::1%eth0]:80", "no numeric address"],
    ["[::1:80", "no numeric address"],
    ["::1:80", "in brackets: [::1]"],
    ["fe80::2:443", "in brackets: [fe80::2]"],
    ["tcp:udp:*:80", "no numeric address"],
    ["unix:relative.sock", "absolute path"],
    ["unix:", "absolute path"],
    ["unix:@", "absolute path"],
    ["unix:/run/", "absolute path"],
    ["udp:unix:/run/a", "no udp:"],
    ["tcp:unix:@a", "no tcp:"],
  ])("%j is refused: %s", (written, reason) => expect(parsed(written)).toContain(reason));

  test("has a path of at most 107 bytes, not characters", () => {
    const path = `/${"a".repeat(106)}`;
    expect(parsed(`unix:${path}`)).toEqual([{ family: "unix", path }, false]);
    expect(parsed(`unix:${path}a`)).toContain("108 bytes");
    expect(parsed(`unix:/${"é".repeat(53)}`)).toBeArray();
    expect(parsed(`unix:/${"é".repeat(54)}`)).toContain("109 bytes");
    expect(parsed(`unix:@${"a".repeat(107)}`)).toContain("108 bytes");
  });
});

const IPV4 = [
  ..."0.0.0.0 255.255.255.255 1.2.3.4 10.0.0.1".split(" "),
  ..."256.1.1.1 1.2.3 1.2.3.4.5 01.2.3.4 1.2.3.04 1..2.3 .1.2.3 1.2.3. a.b.c.d 1.2.3.4%x -1.2.3.4 1.2.3.-4".split(
    " ",
  ),
  "",
  " 1.2.3.4",
  "1.2.3.4\n",
  "0x1.2.3.4",
];

test.each(IPV4)("IPv4 %j is what node:net takes it for", (text) => {
  expect(parseIpv4(text) !== undefined).toBe(isIPv4(text));
});

const IPV6 = [
  ..."::  ::1 1:: 1::2 a:B:c:D:e:F:0:9 1:2:3:4:5:6:7:8 ::2:3:4:5:6:7:8 1:2:3:4:5:6:7:: 1::3:4:5:6:7:8".split(
    /\s+/,
  ),
  ..."::ffff:1.2.3.4 ::1.2.3.4 64:ff9b::192.0.2.33 1:2:3:4:5:6:1.2.3.4 1::1.2.3.4 0000::0001".split(" "),
  ..."1:2:3:4:5:6:7 1:2:3:4:5:6:7:8:9 ::1:2:3:4:5:6:7:8 1:2:3:4:5:6:7:8:: 1::2::3 ::: :1 1: 1:::2 :::1".split(
    " ",
  ),
  ..."12345:: ::12345 g:: 1.2.3.4 ::1.2.3 ::1.2.3.256 ::1.2.3.4:5 1:2:3:4:5:6:7:1.2.3.4 ::01.2.3.4 ::1/64".split(
    " ",
  ),
  "",
  ":",
  " ::1",
  "::1 ",
  "[::1]",
];

test.each(IPV6)("IPv6 %j is what node:net takes it for", (text) => {
  expect(parseIpv6(text) !== undefined).toBe(isIPv6(text));
});

test.each(["1.2.3.4::", "1:1.2.3.4::1", "1.2.3.4::5.6.7.8"])(
  "IPv6 %j has dots before the end, where they are not allowed",
  (text) => {
    expect(isIPv6(text)).toBe(false);
    expect(parseIpv6(text)).toBeUndefined();
  },
);

test("IPv6 by chance is what node:net takes it for", () => {
  const random = new Random(6);
  const PIECES = [":", ":", ":", "::", "0", "1", "ff", "abcd", "12345", "g", ""];
  let valid = 0;
  for (let round = 0; round < 40_000; round++) {
    const text = Array.from({ length: 1 + random.below(16) }, () => random.pick(PIECES)).join("");
    const isValid = isIPv6(text);
    valid += Number(isValid);
    if ((parseIpv6(text) !== undefined) !== isValid) expect(text).toBe(isValid ? "taken" : "refused");
  }
  expect(valid).toBeGreaterThan(1000);
});

describe("what the kernel has, as fdinit writes it", () => {
  /** A struct sockaddr of <sys/socket.h> in memory. */
  function formatted(family: number, port: number, address: readonly number[], at: number) {
    const bytes = new Uint8Array(128);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, family, true);
    view.setUint16(2, port);
    bytes.set(address, at);
    return formatAddress(bytes.subarray(0, at + address.length), view) ?? "";
  }

  test("reads back as the same bytes, for random addresses with many zeros", () => {
    const random = new Random(1);
    const byte = () => (random.once(2) ? 0 : random.below(256));
    for (let round = 0; round < 5000; round++) {
      const port = random.below(65_536);
      const inet = Array.from({ length: 4 }, byte);
      expect(parsed(formatted(AF_INET, port, inet, 4))).toEqual([
        { family: "inet", host: inet, port },
        false,
      ]);
      const isMapped = random.once(5);
      const inet6 = isMapped
        ? [...zeros(10), 0xff, 0xff, ...inet]
        : Array.from({ length: 8 }, () => (random.once(2) ? [0, 0] : [byte(), byte()])).flat();
      const text = formatted(AF_INET6, port, inet6, 8);
      expect(isIPv6(text.slice(1, text.lastIndexOf("]")))).toBe(true);
      expect(parsed(text)).toEqual([{ family: "inet6", host: inet6, port }, false]);
    }
  });

  test("reads back as the same path or abstract name", () => {
    for (const path of ["/run/a.sock", "@name", "/a b/ü"]) {
      const bytes = [...new TextEncoder().encode(path)].map((byte, at) =>
        at === 0 && byte === 0x40 ? 0 : byte,
      );
      const sockaddr = new Uint8Array([AF_UNIX, 0, ...bytes]);
      const text = formatAddress(sockaddr, new DataView(sockaddr.buffer)) ?? "";
      expect(parsed(text)).toEqual([{ family: "unix", path }, false]);
    }
  });
});
