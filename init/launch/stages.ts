// Every stage of a launch that can fail, and its words for people: the steps of PID 1 itself, the search for the program, and
// the steps of the child before execve(2). A failure carries the stage's code; failures.ts makes the message.

import type { ChildStage } from "../sys/kernel.ts";

export type LaunchStage =
  | ChildStage
  // PID 1 itself
  | "close-inherited"
  | "mark-inherited"
  | "dev-null"
  | "replace-descriptor"
  | "open-files-limit"
  | "subreaper"
  | "hide-descriptor"
  | "open"
  | "copy-descriptor"
  | "drop-privileges"
  // what the plan names and is not there
  | "find-descriptor"
  | "find-user"
  | "find-program"
  | "read-variables"
  | "plan";

/** The purpose of each stage, in words that follow "cannot". `*` stands for its subject. */
export const STAGE_WORDS: Readonly<Record<LaunchStage, string>> = {
  "close-inherited": "close what was inherited",
  "mark-inherited": "mark close-on-exec what was inherited",
  "dev-null": "open /dev/null",
  "replace-descriptor": "put /dev/null at descriptor *",
  "open-files-limit": "set RLIMIT_NOFILE to *",
  subreaper: "become a subreaper",
  "hide-descriptor": "mark descriptor *",
  open: "open *",
  "copy-descriptor": "copy a descriptor out of the way",
  "drop-privileges": "give up privileges",
  "find-descriptor": "pass descriptor * on",
  "find-user": "start *",
  "find-program": "execute *",
  "read-variables": "start *",
  plan: "start anything",
  "make-process": "make a process",
  cgroup: "begin in a cgroup of its own",
  session: "begin a session of its own",
  "process-group": "begin a process group of its own",
  "controlling-terminal": "make it the controlling terminal",
  "own-process-group": "look at its process group",
  foreground: "take the terminal's foreground",
  "pass-descriptor": "pass descriptor *",
  umask: "set the umask",
  nice: "set the nice value *",
  "oom-score": "set the OOM score adjustment *",
  limit: "set the limit *",
  "bounding-set": "give up capability *",
  "keep-capabilities": "keep capabilities for another user",
  groups: "take the groups *",
  group: "become group *",
  user: "become user *",
  capabilities: "set the capabilities",
  "ambient-capabilities": "keep capability * for the program",
  "working-directory": "change to the working directory *",
  "parent-death-signal": "be told of fdinit's death by a signal",
  "no-new-privileges": "give up new privileges",
  "signal-disposition": "reset signal *",
  "signal-mask": "set the signal mask",
  execute: "execute *",
};
