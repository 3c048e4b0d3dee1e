// Finds the policy's text: --policy, else FDINIT_POLICY, else /etc/fdinit/policy.yaml, else none
// (the built-in one of the intent); "-" is standard input. Reads bytes and understands nothing of them.

import type { PolicySource } from "../../policy/types.ts";
import type { Kernel } from "../../sys/kernel.ts";
import { EISDIR, ENOENT, ENOTDIR, ETIMEDOUT, pathErrorText } from "../../sys/libc/errno.ts";
import { bytesOf } from "../../sys/text/bytes.ts";

export const DEFAULT_POLICY_FILE = "/etc/fdinit/policy.yaml";

const POLICY_FOLDER = "/etc/fdinit";

const misplaced = () => require("./misplaced-policy.ts") as typeof import("./misplaced-policy.ts");
// Most images bring a file.
const embedded = () => require("./embedded.ts") as typeof import("./embedded.ts");

/** One byte more than a policy may have, so that too long a file shows. */
const MOST_READ = 1024 * 1024 + 1;

/** How long a pipe or a terminal may stay silent before its end. */
const PATIENCE_MS = 10_000;
const STDIN = 0;

export type FoundPolicy =
  | { readonly ok: true; readonly source: PolicySource | undefined }
  | { readonly ok: false; readonly message: string };

export function findPolicy(kernel: Kernel, named: string | undefined): FoundPolicy {
  if (named === undefined) {
    const found = readPolicyFile(kernel, DEFAULT_POLICY_FILE, true);
    // A folder without the file means that the policy has another name or was not mounted, and not that none is wanted.
    const isMissing = found.ok && !found.source && typeof kernel.readFile(POLICY_FOLDER, 0) !== "number";
    return isMissing ? misplaced().misplacedPolicy(kernel, POLICY_FOLDER) : found;
  }
  if (named === "-") return readPolicyFile(kernel, "standard input", false, STDIN);
  const text = embedded().embeddedPolicy(named);
  return text === undefined
    ? readPolicyFile(kernel, named, false)
    : { ok: true, source: { name: named, bytes: bytesOf(text) } };
}

function readPolicyFile(
  kernel: Kernel,
  path: string,
  optional: boolean,
  source: string | number = path,
): FoundPolicy {
  const bytes = kernel.readSource(source, MOST_READ, PATIENCE_MS);
  if (typeof bytes !== "number") return { ok: true, source: { name: path, bytes } };
  if (optional && (bytes === -ENOENT || bytes === -ENOTDIR)) return { ok: true, source: undefined };
  return {
    ok: false,
    message: `cannot read the policy ${JSON.stringify(path)}: ${pathErrorText(-bytes)}${hint(path, bytes)}`,
  };
}

function hint(path: string, error: number): string {
  if (error === -ETIMEDOUT)
    return `: neither a policy nor its end came within ${PATIENCE_MS / 1000} s (2 s where nobody writes)`;
  if (error === -EISDIR)
    return " (name the file in it: in Kubernetes mount the ConfigMap's key with subPath)";
  if (error !== -ENOENT || path.includes("/")) return "";
  return `; the embedded policies are ${embedded().embeddedNames().join(", ")}`;
}
