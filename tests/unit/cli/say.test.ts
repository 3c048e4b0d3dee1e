// The messages of fdinit on standard error: text or JSON lines, by level, and never lost without a word.

import { describe, expect, test } from "bun:test";
import { DEFAULT_LOG, type Voice, voiceOf } from "../../../init/cli/output/say.ts";
import { fakeKernel } from "../fake-kernel.ts";

/** A voice, what it wrote, and a switch that makes standard error full. */
function listenTo(log: Voice = DEFAULT_LOG) {
  const written: string[] = [];
  const standardError = { isFull: false, fds: new Set<number>() };
  const writeNow = (fd: number, text: string) => {
    standardError.fds.add(fd);
    if (!standardError.isFull) written.push(text);
    return !standardError.isFull;
  };
  return { say: voiceOf(fakeKernel([], { writeNow }), log), written, standardError };
}

const LEVELS = ["error", "warn", "info", "debug"] as const;

describe("say", () => {
  test("shows control characters instead of sending them to a terminal", () => {
    const { say, written } = listenTo();
    say("error", "a\x1b[31m\x07b\u009b\tc");
    expect(written).toEqual(["fdinit: a\\x1b[31m\\x07b\\x9b\\x09c\n"]);
  });

  test("makes one line of a text with line ends in it, and several of a list of lines", () => {
    const { say, written } = listenTo();
    say("error", "a\nfdinit: b");
    say("error", ["a", "b\n\u2028c"]);
    expect(written).toEqual(["fdinit: a\\x0afdinit: b\n", "fdinit: a\nb\\x0a\\u2028c\n"]);
  });

  test("has the code of a stage of the launch beside its words, as JSON only", () => {
    const message = { text: "cannot become user 7", stage: "user" } as const;
    const json = listenTo({ level: "warn", format: "json" });
    json.say("error", message);
    json.say("error", "a");
    const [first, second] = json.written.map((line) => JSON.parse(line));
    expect(first).toMatchObject({ level: "error", message: message.text, stage: "user" });
    expect(Object.keys(second)).toEqual(["time", "level", "message"]);
    const text = listenTo();
    text.say("error", message);
    expect(text.written).toEqual(["fdinit: cannot become user 7\n"]);
  });

  test("keeps warnings to itself at log level error", () => {
    for (const [level, lines] of [
      ["error", []],
      ["warn", ["fdinit: a\n"]],
    ] as const) {
      const { say, written } = listenTo({ level, format: "text" });
      say("warn", "a");
      expect(written).toEqual([...lines]);
    }
  });

  test.each(LEVELS)("says what is at least as grave as log level %s", (level) => {
    const { say, written } = listenTo({ level, format: "text" });
    for (const each of LEVELS) say(each, each);
    expect(written).toEqual(LEVELS.slice(0, LEVELS.indexOf(level) + 1).map((word) => `fdinit: ${word}\n`));
  });

  test("says errors and warnings on standard error until a policy says otherwise", () => {
    const { say, written, standardError } = listenTo();
    for (const each of LEVELS) say(each, each);
    expect(written).toHaveLength(2);
    expect([...standardError.fds]).toEqual([2]);
  });

  test("counts what standard error would not take and says so later", () => {
    const { say, written, standardError } = listenTo();
    standardError.isFull = true;
    say("error", "one");
    say("error", "two");
    standardError.isFull = false;
    say("error", "three");
    say("error", "four");
    expect(written).toEqual([
      "fdinit: 2 earlier lines were lost: standard error was full\nfdinit: three\n",
      "fdinit: four\n",
    ]);
  });

  test("does not count as lost what its level keeps back", () => {
    const { say, written, standardError } = listenTo();
    standardError.isFull = true;
    say("debug", "one");
    standardError.isFull = false;
    say("error", "two");
    expect(written).toEqual(["fdinit: two\n"]);
  });
});

describe("with log.format json", () => {
  const json = (level: Voice["level"] = "debug") => listenTo({ level, format: "json" });
  const documents = (written: readonly string[]) =>
    written
      .join("")
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));

  test("each message is one line with its time, level and text", () => {
    const { say, written } = json();
    for (const each of LEVELS) say(each, `${each}\n\x1b"ü"`);
    expect(documents(written)).toEqual(
      LEVELS.map((level) => ({ time: expect.any(String), level, message: `${level}\\x0a\\x1b"ü"` })),
    );
    expect(written.join("").match(/\n/g)).toHaveLength(4);
    expect(written.join("")).not.toContain("\x1b");
    for (const { time } of documents(written)) expect(new Date(time).toISOString()).toBe(time);
  });

  test("lost lines are a line of their own", () => {
    const { say, written, standardError } = json();
    standardError.isFull = true;
    say("error", "one");
    standardError.isFull = false;
    say("error", "two");
    expect(documents(written).map(({ level, message }) => [level, message])).toEqual([
      ["warn", "1 earlier lines were lost: standard error was full"],
      ["error", "two"],
    ]);
  });

  test("the level keeps back as much", () => {
    const { say, written } = json("error");
    say("warn", "a");
    expect(written).toEqual([]);
  });
});
