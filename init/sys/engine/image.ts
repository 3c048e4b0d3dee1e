// The types of the seam's second part: the program that a child becomes, and its signal dispositions.

/** The arguments of execve(2): three addresses. */
export interface Image {
  readonly path: number;
  readonly argv: number;
  readonly envp: number;
}

/** The dispositions a program starts with that are not the inherited ones. */
export interface ProgramDispositions {
  /** Signals whose disposition the engine or fdinit has changed: they are reset in the program. */
  readonly defaulted: readonly number[];
  /** Those among `defaulted` that the launcher ignored: they are ignored in the program too. */
  readonly ignored: readonly number[];
}

/** The open descriptors that are the engine's own. */
export interface RuntimeDescriptors {
  readonly certain: boolean;
  /** Their numbers when certain; else every number that could be one of them. */
  readonly numbers: readonly number[];
}
