// The requests of the rooms above about paths: to open, read, write and list what they lead to; and the
// plain data that passes between them. No code that runs.

/** A file that was opened by its path. */
export interface OpenedFile {
  readonly fd: number;
  /** It was not there before. */
  readonly isNew: boolean;
  /** Others have the same open file: its flags are not to be changed. */
  readonly isShared?: boolean;
}

/** A call about a path that failed. */
export interface PathFailure {
  readonly call: string;
  readonly errno: number;
}

export interface PathCalls {
  /** Opens a path with <fcntl.h>'s flags, CLOEXEC, never waiting for anybody, and through no link that is not root's. */
  openFile(path: string, flags: number, mode: number): OpenedFile | number;
  /** The first `length` bytes of a file, opened as openFile does, or a negated errno. */
  readFile(path: string | Uint8Array, length: number): Uint8Array | number;
  /**
   * At most `length` bytes of a path or of a descriptor that may come slowly, as from a pipe; -ETIMEDOUT when
   * nothing came for `patienceMs`.
   */
  readSource(source: string | number, length: number, patienceMs: number): Uint8Array | number;
  /** Writes a file from its start, creating it when it is missing; 0 or a negated errno. */
  writeFile(path: string, text: string): number;
  /** The names in a directory, sorted, those of directories with a slash behind; or a negated errno. */
  listFolder(path: string): readonly string[] | number;
  /** mkdir(2) of a path without links that are not root's; 0 or a negated errno. */
  makeFolder(path: string, mode: number): number;
  /** rmdir(2), likewise. */
  removeFolder(path: string): number;
  /** `st_mode` of what a path leads to, or a negated errno. For explanations, not for decisions. */
  pathMode(path: string): number;
  /** access(2) with X_OK, relative to `cwd` when given. */
  canExecute(path: Uint8Array): number;
}
