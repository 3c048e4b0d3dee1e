// The seam's second part: how a child comes to be. A plain program, or a list of system calls (../child.ts)
// between clone(2) and execve(2).

export { carryOut, spawnPlain } from "./bun/child.ts";
