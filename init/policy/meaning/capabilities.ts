// Capabilities by name, to the numbers of <linux/capability.h> (capabilities(7)).

/** In the order of their numbers, from 0. */
export const CAPABILITY_NAMES =
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE";

/** The number of `CAP_CHOWN`; undefined for a name the kernel does not have. */
export function parseCapability(name: string): number | undefined {
  const index = CAPABILITY_NAMES.split(" ").indexOf(name.replace(/^CAP_/, ""));
  return index === -1 ? undefined : index;
}
