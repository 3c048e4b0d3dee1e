// Error numbers by name, with the words people know them by. Pure data; numbers are the same
// on x86-64 and arm64 (<asm-generic/errno-base.h>, <asm-generic/errno.h>).

export const EPERM = 1;
export const ENOENT = 2;
export const ESRCH = 3;
export const EINTR = 4;
export const E2BIG = 7;
export const ENOEXEC = 8;
export const ENXIO = 6;
export const EBADF = 9;
export const ECHILD = 10;
export const EAGAIN = 11;
export const EACCES = 13;
export const EEXIST = 17;
export const ENOTDIR = 20;
export const EISDIR = 21;
export const EINVAL = 22;
export const EMFILE = 24;
export const EFBIG = 27;
export const ENOSPC = 28;
export const EMLINK = 31;
export const EPIPE = 32;
export const ELOOP = 40;
export const ENAMETOOLONG = 36;
export const ENOSYS = 38;
export const EOPNOTSUPP = 95;
export const EAFNOSUPPORT = 97;
export const EADDRINUSE = 98;
export const ECONNRESET = 104;
export const ENOTCONN = 107;
export const ETIMEDOUT = 110;
export const ECONNREFUSED = 111;
export const EINPROGRESS = 115;
export const ENOTRECOVERABLE = 131;

/** The name and the usual text of an error number; `errno 250` when it has none here. */
export function errnoText(errno: number): string {
  return texts()[errno] ?? `errno ${errno}`;
}

/** The same for a path that sys/paths/paths.ts opened, with what these stand for there. */
export function pathErrorText(errno: number): string {
  const reasons: Record<number, string> = {
    [ENXIO]: "a FIFO that nobody reads, or a socket",
    [EMLINK]: "not opened under this name: it has others, and the directory is not root's alone",
    [ELOOP]: "links are not followed where a directory is not root's alone",
  };
  const reason = reasons[errno];
  return reason === undefined ? errnoText(errno) : `${errnoText(errno)} (${reason})`;
}

/** Made when it is asked for: a start that goes well has no use for them. */
const texts = (): Record<number, string> => ({
  [EPERM]: "EPERM: operation not permitted",
  [ENOENT]: "ENOENT: no such file or directory",
  [ESRCH]: "ESRCH: no such process",
  [EINTR]: "EINTR: interrupted",
  5: "EIO: input/output error",
  [ENXIO]: "ENXIO: no such device or address",
  [E2BIG]: "E2BIG: argument list too long",
  [ENOEXEC]: "ENOEXEC: exec format error",
  [EBADF]: "EBADF: bad file descriptor",
  [ECHILD]: "ECHILD: no child processes",
  [EAGAIN]: "EAGAIN: resource temporarily unavailable",
  12: "ENOMEM: cannot allocate memory",
  [EACCES]: "EACCES: permission denied",
  14: "EFAULT: bad address",
  16: "EBUSY: device or resource busy",
  [EEXIST]: "EEXIST: file exists",
  [ENOTDIR]: "ENOTDIR: not a directory",
  [EISDIR]: "EISDIR: is a directory",
  [EINVAL]: "EINVAL: invalid argument",
  23: "ENFILE: too many open files in the system",
  [EMFILE]: "EMFILE: too many open files",
  26: "ETXTBSY: text file busy",
  [ENOSPC]: "ENOSPC: no space left on device",
  30: "EROFS: read-only file system",
  [EMLINK]: "EMLINK: too many links",
  [EPIPE]: "EPIPE: broken pipe",
  [ENAMETOOLONG]: "ENAMETOOLONG: file name too long",
  [ENOSYS]: "ENOSYS: function not implemented",
  [ELOOP]: "ELOOP: too many levels of symbolic links",
  [EFBIG]: "EFBIG: file too large",
  91: "EPROTOTYPE: protocol wrong type for socket",
  93: "EPROTONOSUPPORT: protocol not supported",
  [EOPNOTSUPP]: "EOPNOTSUPP: operation not supported",
  [EAFNOSUPPORT]: "EAFNOSUPPORT: address family not supported",
  [EADDRINUSE]: "EADDRINUSE: address already in use",
  99: "EADDRNOTAVAIL: cannot assign requested address",
  [ETIMEDOUT]: "ETIMEDOUT: timed out",
  101: "ENETUNREACH: network is unreachable",
  103: "ECONNABORTED: connection aborted",
  [ECONNRESET]: "ECONNRESET: connection reset by peer",
  [ECONNREFUSED]: "ECONNREFUSED: connection refused",
  113: "EHOSTUNREACH: no route to host",
  [ENOTRECOVERABLE]: "ENOTRECOVERABLE: state not recoverable",
  80: "ELIBBAD: accessing a corrupted shared library",
});
