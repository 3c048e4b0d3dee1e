// Names the processes that still have something open: a keep-alive token, or the pipes of a service that has
// ended. A process that forgets a pipe's write end keeps the reader waiting for ever; this names the process.

import type { GivenPipe, Token } from "../plan/plan.ts";
import type { Kernel, PipeHolder } from "../sys/kernel.ts";
import type { SayLine } from "./surroundings.ts";
import { descendants, inWords } from "./tree.ts";

interface Voice {
  readonly kernel: Kernel;
  readonly say: SayLine;
}

/** Says at once that a token's last holder is gone, and whether the processes went with it. */
export function tokenGone({ name }: Token, { kernel, say }: Voice): void {
  const alive = kernel.hasChildren() ? descendants(kernel) : [];
  if (alive.length === 0) {
    say(
      "warn",
      `token ${JSON.stringify(name)} is gone: the last process that held it has ended, and the tree is gone`,
    );
    return;
  }
  const count =
    alive.length === 1 ? "1 process of the tree is alive" : `${alive.length} processes of the tree are alive`;
  const why = "something between closed its descriptors";
  say(
    "warn",
    `token ${JSON.stringify(name)} is gone, but ${count} (${why}): ${inWords(alive, ({ pid }) => kernel.commandOf(pid))}`,
  );
}

/** The most tokens of one name that are watched: those of the latest starts. */
const MOST_TOKENS = 16;

/** The tokens of starts that lie too far back. A service that leaves its token to another process at each end must not use up fdinit's descriptors. */
function oldTokens(tokens: readonly Token[]): readonly Token[] {
  return [...new Set(tokens.map(({ name }) => name))].flatMap((name) => {
    const same = tokens.filter((token) => token.name === name);
    return same.slice(0, Math.max(0, same.length - MOST_TOKENS));
  });
}

/** Closes them, which is said once: `hasSaid` is the answer of the time before. */
export function dropOldTokens(
  { kernel, say, context: { tokens } }: Voice & { readonly context: { readonly tokens: Token[] } },
  hasSaid: boolean,
): boolean {
  const old = oldTokens(tokens);
  for (const token of old) {
    kernel.close(token.fd);
    tokens.splice(tokens.indexOf(token), 1);
  }
  const [first] = old;
  if (!first) return hasSaid;
  const words = `token ${JSON.stringify(first.name)} is still held since ${MOST_TOKENS} starts before this one`;
  if (!hasSaid) say("warn", `${words}: no longer watched`);
  return true;
}

interface Ended extends Voice {
  readonly supervision: { readonly service: string };
  readonly context: { readonly tokens: readonly Token[]; readonly pipes: readonly GivenPipe[] };
}

const STANDARD = ["standard input", "standard output", "standard error"];

/** A service has ended: names each pipe of it, or `only` those that the policy gave it, that a process below fdinit still has open. */
export function sayHolders(
  { kernel, say, supervision, context: { tokens, pipes } }: Ended,
  only?: "given",
): void {
  const below = kernel.hasChildren() ? descendants(kernel) : [];
  if (below.length === 0) return;
  const told = new Set<string>();
  for (const { what, link } of [
    ...tokenPipes(kernel, tokens),
    ...(only ? [] : standardPipes(kernel)),
    ...given(pipes),
  ]) {
    if (told.has(link)) continue;
    told.add(link);
    const found = kernel.pipeHolders(link);
    const holders = found?.holders.filter(({ pid }) => below.some((process) => process.pid === pid)) ?? [];
    const unseen = found && found.unseen > 0 ? `; ${found.unseen} more could not be looked at` : "";
    if (holders.length === 0) continue;
    const words = holders.map(holderInWords).join(", ");
    say("warn", `${supervision.service} has ended, and ${what} (${link}) is still open in ${words}${unseen}`);
  }
}

interface NamedPipe {
  readonly what: string;
  readonly link: string;
}

function holderInWords({ pid, command, fds }: PipeHolder): string {
  const where = fds.length === 0 ? "in flight over one of its sockets (SCM_RIGHTS)" : `as ${fds.join(", ")}`;
  return `process ${pid} (${command}) ${where}`;
}

function standardPipes(kernel: Kernel): NamedPipe[] {
  return STANDARD.flatMap((name, fd) => {
    const link = kernel.descriptorLink(fd);
    return link?.startsWith("pipe:") ? [{ what: `its ${name}`, link }] : [];
  });
}

function given(pipes: readonly GivenPipe[]): NamedPipe[] {
  return pipes.map(({ to, name, link }) => {
    const what = name === undefined ? `its descriptor ${to}` : `descriptor ${JSON.stringify(name)}`;
    return { what, link };
  });
}

function tokenPipes(kernel: Kernel, tokens: readonly Token[]): NamedPipe[] {
  return tokens.flatMap(({ name, fd }) => {
    const link = kernel.descriptorLink(fd);
    return link === undefined ? [] : [{ what: `token ${JSON.stringify(name)}`, link }];
  });
}
