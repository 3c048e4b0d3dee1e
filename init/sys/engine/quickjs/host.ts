// The host object that engine/host.c gives the bundle of the static executable: its only way out of JavaScript. A bundle is
// a function (scripts/bundle.ts), and the host is its first argument. Addresses are numbers, which are exact below 2^53.

declare global {
  const host: {
    /** syscall(2): the result, or the negated errno. */
    readonly syscall: (
      number: number,
      a?: number,
      b?: number,
      c?: number,
      d?: number,
      e?: number,
      f?: number,
    ) => number;
    readonly address: (bytes: Uint8Array) => number;
    /** A copy of the bytes of a C string, without its NUL. */
    readonly bytesAt: (address: number) => Uint8Array;
    readonly integerAt: (address: number, offset?: number) => number;
    readonly getenv: (name: number) => number;
    readonly carryOut: (records: number, status: number) => number;
    /** Whether a system call that a seccomp filter traps answers ENOSYS, or SIGSYS comes as it was. */
    readonly answerTraps: (answer: boolean) => number;
    readonly encode: (text: string) => Uint8Array;
    /** Undefined where not all bytes are ASCII. */
    readonly decode: (bytes: Uint8Array) => string | undefined;
    /** The address of the environment that execve(2) left. */
    readonly environ: number;
  };
}

export {};
