// How to become PID 1 without a container engine: a PID namespace with a /proc of its own.

const UNSHARE = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];

/** Makes any user root of a user namespace, and so entitled to the other namespaces, where the system permits it. */
const AS_ROOT_OF_A_USER_NAMESPACE = ["--user", "--map-root-user"];

/** The words to put before a command so that it runs as PID 1; undefined where that is not permitted. */
export function pidNamespace(): string[] | undefined {
  if (!Bun.which("unshare")) return undefined;
  const words = process.getuid?.() === 0 ? UNSHARE : [...UNSHARE, ...AS_ROOT_OF_A_USER_NAMESPACE];
  const tried = Bun.spawnSync([...words, "true"], { stdout: "ignore", stderr: "ignore", timeout: 5_000 });
  return tried.success ? words : undefined;
}
