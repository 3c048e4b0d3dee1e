// Texts with a meaning of their own that several keys share: modes, users, lists of one or many.

import type { UserAndGroup } from "../types.ts";

/** `0660` or `660`, in octal. */
export function modeOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number.parseInt(text, 8);
}

/** `app`, `app:app`, `1000:1000` or a number. */
export function userAndGroupOf(written: string | number): UserAndGroup {
  const [user = "", group] = String(written).split(":");
  return group === undefined ? { user } : { user, group };
}
