// The calls about terminals of a real run, loaded at their first use: few starts have a terminal, and every start asks.

import { isOwnTerminal } from "../self/process.ts";
import type { TerminalCalls } from "./kernel.ts";

const terminals = () => require("./terminal.ts") as typeof import("./terminal.ts");

export const terminalCalls: TerminalCalls = {
  terminal: (fd) => (isOwnTerminal(fd) ? terminals().terminal(fd) : undefined),
  terminalColumns: (fd) => terminals().terminalColumns(fd),
  setForeground: (fd, group) => terminals().setForeground(fd, group),
  controllingTerminal: () => terminals().controllingTerminal(),
  releaseTerminal: (fd) => terminals().releaseTerminal(fd),
};
