// The kinds of descriptors and the facts about one, as plain data. Types only; classify.ts finds them out.

/** The words of a policy's `kind`. A descriptor answers to one or two of them: a cgroup directory to both. */
export type Kind =
  | "file"
  | "directory"
  | "charDevice"
  | "blockDevice"
  | "tty"
  | "pipe"
  | "fifo"
  | "socket"
  | "memfd"
  | "eventpoll"
  | "eventfd"
  | "timerfd"
  | "signalfd"
  | "inotify"
  | "fanotify"
  | "userfaultfd"
  | "ioUring"
  | "bpf"
  | "perfEvent"
  | "landlock"
  | "fscontext"
  | "seccomp"
  | "pidfd"
  | "namespace"
  | "mqueue"
  | "cgroup"
  | "proc"
  | "sysfs"
  | "other"
  | "undetermined";

export type Access = "read" | "write" | "readWrite" | "path";

export type Family = "inet" | "inet6" | "unix" | "netlink" | "vsock" | "packet" | "other";

export type SocketType = "stream" | "dgram" | "seqpacket" | "raw" | "other";

export interface SocketFacts {
  readonly family: Family;
  readonly type: SocketType;
  /** IPPROTO_ number: 6 TCP, 17 UDP. */
  readonly protocol: number;
  readonly listening: boolean;
  /** `0.0.0.0:80`, `[::]:80`, `unix:/run/x`, `unix:@abstract`; undefined when it has none. */
  readonly local?: string;
  readonly peer?: string;
  /** Undefined where the kernel cannot say (SO_NETNS_COOKIE: Linux 5.14). */
  readonly foreignNetwork?: boolean;
}

/** Several descriptors that lead to the same file may share it. */
export interface DescriptorFacts {
  /** The most telling first. `["undetermined"]` when nothing could be found out. */
  readonly kinds: readonly [Kind, ...Kind[]];
  readonly access: Access;
  /** The path it was opened by, when it has one. */
  readonly path?: string;
  /** No name is left: nlink 0. */
  readonly deleted: boolean;
  /** Undefined: could not be determined. False for what has no place in the file system. */
  readonly outsideRoot?: boolean;
  readonly socket?: SocketFacts;
  /** F_GET_SEALS of a memfd. */
  readonly seals?: number;
  /** The descriptor's name in LISTEN_FDNAMES. */
  readonly name?: string;
  /** The evidence for the kind, in words that a person can check: the link's text and the fact that decided. */
  readonly evidence: string;
}

export interface Descriptor extends DescriptorFacts {
  readonly fd: number;
}
