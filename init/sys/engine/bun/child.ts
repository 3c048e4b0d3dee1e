// Starts a child under Bun: by posix_spawn(3), which is safe in a process with threads, or, for steps that posix_spawn
// cannot express, by a page of machine code (child-code.ts).

import {
  POSIX_SPAWN_SETPGROUP,
  POSIX_SPAWN_SETSIGDEF,
  POSIX_SPAWN_SETSIGMASK,
} from "../../libc/constants.ts";
import { Block, keepAlive } from "../../libc/libc.ts";
import type { SignalSet } from "../../signals/kernel.ts";
import { add, everySignal, setMask } from "../../signals/signals.ts";
import type { Image } from "../image.ts";
import { posixSpawn } from "./calls.ts";
import { programDispositions } from "./runtime-signals.ts";

/**
 * posix_spawnattr_t as glibc and musl both lay it out: flags 0, pgroup 4, sigdefault 8, sigmask 136,
 * each sigset_t 128 bytes of which the kernel reads eight; the rest zero. A test compares it with both
 * libcs. Filled by hand, because each function of libc that a start uses costs it a twentieth of a millisecond.
 */
const ATTRIBUTES_SIZE = 512;
const SIGDEFAULT_OFFSET = 8;
const SIGMASK_OFFSET = 136;

// Most starts need no list.
const code = () => require("./child-code.ts") as typeof import("./child-code.ts");

/** Starts a program of which nothing but its mask and maybe a process group of its own is asked: its pid, or a negated errno. */
export function spawnPlain(image: Image, mask: SignalSet, hasOwnGroup: boolean): number {
  const pid = new Block(4);
  const attributes = new Block(ATTRIBUTES_SIZE);
  // The group's number stays 0: the child's own.
  const group = hasOwnGroup ? POSIX_SPAWN_SETPGROUP : 0;
  attributes.view.setUint16(0, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group, true);
  const defaults = attributes.bytes.subarray(SIGDEFAULT_OFFSET);
  for (const signal of programDispositions().defaulted) add(defaults, signal);
  attributes.bytes.set(mask, SIGMASK_OFFSET);
  const failed = posixSpawn(pid.address, image.path, attributes.address, image.argv, image.envp);
  keepAlive(attributes);
  // musl's posix_spawn leaves signal 34 unblocked (runtime-signals.ts).
  setMask(everySignal.bytes);
  return failed === 0 ? pid.view.getInt32(0, true) : -failed;
}

/** Carries the records out in a new child: clone(2)'s result. Two 64-bit integers at `status` say what failed. */
export function carryOut(records: number, status: number): number {
  return code().carryOut(records, status);
}
