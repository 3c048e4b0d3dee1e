// A rule of fds.inherited as a policy writes it.

import { type InheritedMatch, type InheritedRule, LAST_FD } from "../../policy/types.ts";

/** A match as a policy writes it. */
export function writtenMatch({ fd, ...conditions }: InheritedMatch): Record<string, unknown> {
  const numbers = fd?.map(({ first, last }) =>
    first === last ? first : last === LAST_FD ? `${first}-` : `${first}-${last}`,
  );
  return {
    ...(numbers ? { fd: numbers.length === 1 ? numbers[0] : numbers } : {}),
    ...Object.fromEntries(
      Object.entries(conditions).map(([key, value]) => [
        key,
        Array.isArray(value) && value.length === 1 ? value[0] : value,
      ]),
    ),
  };
}

export function writtenRule({ match, action, as, name }: InheritedRule): Record<string, unknown> {
  return {
    match: writtenMatch(match),
    action,
    ...(as === undefined ? {} : { as }),
    ...(name === undefined ? {} : { name }),
  };
}
