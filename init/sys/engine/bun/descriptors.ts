// Which open descriptors are Bun's own: an eventpoll and the eventfd it watches, opened at the two
// lowest numbers that were free when the process started. Everything else open was inherited.
//
// The number alone proves nothing (a launcher may have passed 3 and 4), so the answer says whether
// it is certain. A caller that is told "not certain" must treat the candidates as inherited and close
// them: nothing of fdinit returns to Bun's event loop, so the loss does no harm.

import type { Kernel } from "../../kernel.ts";
import { S_IFMT } from "../../libc/constants.ts";
import type { RuntimeDescriptors } from "../image.ts";

const FIRST = 3;
const HOW_MANY = 2;

type Looks = Pick<Kernel, "descriptorMode" | "descriptorInfo">;

/**
 * Finds them below `lowestFree`, the lowest number that is free now: Bun took the two lowest free
 * ones, so everything under it is open and the two are among them. At most `mostLookedAt` numbers
 * are looked at, from the top; with more than that open there is no certainty.
 */
export function findRuntimeDescriptors(
  kernel: Looks,
  lowestFree: number,
  mostLookedAt: number,
): RuntimeDescriptors {
  if (lowestFree === FIRST + HOW_MANY) return { certain: true, numbers: [FIRST, FIRST + 1] };
  const anonymous: number[] = [];
  const last = Math.max(FIRST, lowestFree - mostLookedAt);
  for (let fd = lowestFree - 1; fd >= last; fd--) if (isAnonymousInode(kernel, fd)) anonymous.unshift(fd);
  if (last > FIRST) return { certain: false, numbers: anonymous };
  if (anonymous.length === HOW_MANY) return { certain: true, numbers: anonymous };
  const pairs = anonymous.flatMap((fd) => watchedPair(kernel, fd, anonymous));
  return pairs.length === 1 && pairs[0]
    ? { certain: true, numbers: pairs[0] }
    : { certain: false, numbers: anonymous };
}

/** Anonymous inodes (eventpoll, eventfd, …) have no file type at all. */
function isAnonymousInode(kernel: Looks, fd: number): boolean {
  const mode = kernel.descriptorMode(fd);
  return mode >= 0 && (mode & S_IFMT) === 0;
}

/** The pair [eventpoll, eventfd] when `fd` is an eventpoll that watches one later eventfd and nothing else. */
function watchedPair(kernel: Looks, fd: number, candidates: readonly number[]): number[][] {
  const watched = [...(kernel.descriptorInfo(fd) ?? "").matchAll(/^tfd:\s*(\d+)/gm)].map((match) =>
    Number(match[1]),
  );
  const [target] = watched;
  if (watched.length !== 1 || target === undefined || target < fd || !candidates.includes(target)) return [];
  return kernel.descriptorInfo(target)?.includes("eventfd-count:") ? [[fd, target]] : [];
}
