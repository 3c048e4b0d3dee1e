// Constants of the Linux user-space ABI that x86-64 and arm64 share, under the kernel's own
// names, grouped by the header they come from. Pure data: every room may import this file.

// <fcntl.h>
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_ACCMODE = 3;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_NOCTTY = 0o400;
export const O_APPEND = 0o2000;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;
export const O_PATH = 0o10000000;
/** <fcntl.h> */
export const AT_REMOVEDIR = 0x200;
export const AT_FDCWD = -100;
export const AT_EMPTY_PATH = 0x1000;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const F_GETFD = 1;
export const F_SETFD = 2;
export const F_GETFL = 3;
export const F_SETFL = 4;
export const F_DUPFD_CLOEXEC = 1030;
// Linux 6.10
export const F_DUPFD_QUERY = 1027;
export const F_ADD_SEALS = 1033;
export const F_GET_SEALS = 1034;
export const F_SEAL_SEAL = 1;
export const F_SEAL_SHRINK = 2;
export const F_SEAL_GROW = 4;
export const F_SEAL_WRITE = 8;
export const FD_CLOEXEC = 1;

// <unistd.h>
export const STDIN_FILENO = 0;
export const STDOUT_FILENO = 1;
export const STDERR_FILENO = 2;
export const X_OK = 1;

// <linux/openat2.h>: Linux 5.6
export const RESOLVE_NO_MAGICLINKS = 2;
export const RESOLVE_NO_SYMLINKS = 4;

// <sys/statvfs.h>: f_flags of struct statfs, Linux 2.6.36
export const ST_RDONLY = 1;

// <linux/close_range.h>: Linux 5.9, the flag 5.11
export const CLOSE_RANGE_CLOEXEC = 4;

// <poll.h>
export const POLLIN = 1;
export const POLLOUT = 4;

// <time.h>
export const CLOCK_MONOTONIC = 1;
export const CLOCK_BOOTTIME = 7;

// <signal.h>
export const SIG_DFL = 0;
export const SIG_IGN = 1;
export const SIG_SETMASK = 2;
export const SI_USER = 0;
export const SI_KERNEL = 0x80;
export const SI_QUEUE = -1;
export const SIGHUP = 1;
export const SIGINT = 2;
export const SIGQUIT = 3;
export const SIGILL = 4;
export const SIGTRAP = 5;
export const SIGABRT = 6;
export const SIGBUS = 7;
export const SIGFPE = 8;
export const SIGKILL = 9;
export const SIGSEGV = 11;
export const SIGPIPE = 13;
export const SIGTERM = 15;
export const SIGCHLD = 17;
export const SIGCONT = 18;
export const SIGSTOP = 19;
export const SIGTSTP = 20;
export const SIGTTIN = 21;
export const SIGTTOU = 22;
export const SIGXFSZ = 25;
export const SIGWINCH = 28;
export const SIGPWR = 30;
export const SIGSYS = 31;
export const NSIG = 64;

// <sys/stat.h>, <linux/stat.h>
export const S_IFMT = 0o170000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;
export const STATX_BASIC_STATS = 0x7ff;
export const STATX_MNT_ID = 0x1000;

// <sys/ioctl.h>
export const TCGETS = 0x5401;
export const TIOCSCTTY = 0x540e;
export const TIOCGPGRP = 0x540f;
export const TIOCGWINSZ = 0x5413;
export const TIOCSPGRP = 0x5410;
export const TIOCNOTTY = 0x5422;
export const TIOCGDEV = 0x80045432;

// <sys/uio.h>, <fcntl.h>: a pipe knows the first since Linux 6.4
export const RWF_NOWAIT = 8;
export const SPLICE_F_NONBLOCK = 2;

// <sys/socket.h>: SO_NETNS_COOKIE is Linux 5.14's
export const MSG_CTRUNC = 8;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_CMSG_CLOEXEC = 0x40000000;
export const SCM_RIGHTS = 1;
export const SCM_CREDENTIALS = 2;
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;
export const AF_VSOCK = 40;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_SEQPACKET = 5;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_TYPE = 3;
export const SO_ERROR = 4;
export const SO_REUSEPORT = 15;
export const SO_PASSCRED = 16;
export const SO_PEERCRED = 17;
export const SO_ACCEPTCONN = 30;
export const SO_PROTOCOL = 38;
export const SO_DOMAIN = 39;
export const SO_NETNS_COOKIE = 71;

// <netinet/in.h>
export const IPPROTO_IPV6 = 41;
export const IPV6_V6ONLY = 26;

// <sys/mman.h>: memfd_create(2), Linux 3.17
export const MFD_CLOEXEC = 1;
export const MFD_ALLOW_SEALING = 2;

// <linux/magic.h>
export const PROC_SUPER_MAGIC = 0x9fa0;

// <linux/wait.h>
export const WNOHANG = 1;
export const WUNTRACED = 2;
export const WSTOPPED = 2;
export const WEXITED = 4;
export const WNOWAIT = 0x01000000;
export const P_ALL = 0;
export const P_PID = 1;
export const CLD_EXITED = 1;
export const CLD_DUMPED = 3;
export const CLD_TRAPPED = 4;
export const CLD_STOPPED = 5;

// <sys/ptrace.h>
export const PTRACE_DETACH = 17;

// <sys/resource.h>
export const RLIMIT_NOFILE = 7;

// <linux/prctl.h>: the subreaper is Linux 3.4's, ambient capabilities 4.3's
export const PR_SET_PDEATHSIG = 1;
export const PR_GET_DUMPABLE = 3;
export const PR_SET_DUMPABLE = 4;
export const PR_SET_KEEPCAPS = 8;
export const PR_CAPBSET_READ = 23;
export const PR_CAPBSET_DROP = 24;
export const PR_SET_CHILD_SUBREAPER = 36;
export const PR_GET_CHILD_SUBREAPER = 37;
export const PR_SET_NO_NEW_PRIVS = 38;
export const PR_CAP_AMBIENT = 47;
export const PR_CAP_AMBIENT_RAISE = 2;

// <linux/capability.h>
export const _LINUX_CAPABILITY_VERSION_3 = 0x20080522;

// <linux/sched.h>
export const CLONE_VM = 0x100;
export const CLONE_VFORK = 0x4000;
export const CLONE_THREAD = 0x10000;

// <spawn.h>
export const POSIX_SPAWN_SETPGROUP = 0x02;
export const POSIX_SPAWN_SETSIGDEF = 0x04;
export const POSIX_SPAWN_SETSIGMASK = 0x08;
