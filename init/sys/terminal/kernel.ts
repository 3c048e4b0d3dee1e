// The requests of the rooms above about terminals: the facts about one, its foreground process group, and
// how the controlling one is given up; and the plain data that passes between them. No code that runs.

export interface TerminalFacts {
  /** fdinit's process group is the one that reads from it and gets its signals. */
  readonly isForeground: boolean;
  /** Standard output is the controlling terminal as well: no pipeline of a shell's, whose others need it too. */
  readonly isOutputToo: boolean;
}

export interface TerminalCalls {
  /** The facts about the terminal at a descriptor; undefined when there is none. */
  terminal(fd: number): TerminalFacts | undefined;
  /** The width of the terminal at a descriptor (TIOCGWINSZ); undefined when there is none, or it has none. */
  terminalColumns(fd: number): number | undefined;
  /** Makes a process group the terminal's foreground (tcsetpgrp(3)), from the background too. */
  setForeground(fd: number, group: number): number;
  /** A descriptor of the controlling terminal: one of the standard streams, else opened, CLOEXEC; negative when there is none. */
  controllingTerminal(): number;
  /** Gives up the controlling terminal (TIOCNOTTY), without the SIGHUP and SIGCONT that come of it. */
  releaseTerminal(fd: number): number;
}
