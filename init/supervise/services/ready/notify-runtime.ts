// Tells the container runtime, by sd_notify(3), what fdinit knows: podman run --sdnotify=container and runc hand a
// NOTIFY_SOCKET to PID 1. Never waits: a runtime that does not read loses the message.

import type { Kernel } from "../../../sys/kernel.ts";
import { AF_UNIX, SOCK_DGRAM, SOCK_NONBLOCK } from "../../../sys/libc/constants.ts";
import { errnoText } from "../../../sys/libc/errno.ts";
import { bytesOf } from "../../../sys/text/bytes.ts";
import { visible } from "../../../sys/text/visible.ts";
import type { ServicesSurroundings } from "../surroundings.ts";

/** sun_path of <sys/un.h> has 108 bytes; a path ends with a NUL. */
const LONGEST_NAME = 107;

/** Tells fdinit's own supervisor, where there is one; a failure is said. */
export function tellRuntime(
  { kernel, supervisorSocket, say }: Pick<ServicesSurroundings, "kernel" | "supervisorSocket" | "say">,
  text: string,
): void {
  const problem = supervisorSocket === undefined ? undefined : notifyRuntime(kernel, supervisorSocket, text);
  if (problem !== undefined) say("warn", problem);
}

/** Sends one message, `READY=1` for one, to the address of NOTIFY_SOCKET. Returns why that failed, or undefined. */
export function notifyRuntime(kernel: Kernel, address: string, text: string): string | undefined {
  const failed = refusal(address) ?? sent(kernel, address, text);
  return failed === undefined ? undefined : `cannot notify the runtime at ${visible(address)}: ${failed}`;
}

function refusal(address: string): string | undefined {
  if (address.startsWith("vsock:")) return "fdinit does not speak vsock";
  if (!/^[/@]./s.test(address)) return "NOTIFY_SOCKET is neither an absolute path nor @ and a name";
  return bytesOf(address).length > LONGEST_NAME ? `it has more than ${LONGEST_NAME} bytes` : undefined;
}

function sent(kernel: Kernel, address: string, text: string): string | undefined {
  const fd = kernel.makeSocket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK);
  if (fd < 0) return errnoText(-fd);
  const connected = address.startsWith("@")
    ? kernel.connect(fd, { family: "unix", path: address })
    : kernel.connectPath(fd, address);
  const result = connected < 0 ? connected : kernel.sendNow(fd, bytesOf(text));
  kernel.close(fd);
  return result < 0 ? errnoText(-result) : undefined;
}
