// Words the complaint about an /etc/fdinit without policy.yaml. A policy of another name there (policy.yml) would otherwise be
// passed over in silence.

import type { Kernel } from "../../sys/kernel.ts";

const MOST_NAMED = 10;

export function misplacedPolicy(
  kernel: Kernel,
  folder: string,
): { readonly ok: false; readonly message: string } {
  const names = kernel.listFolder(folder);
  const found = typeof names === "number" ? [] : names.filter((name) => !name.startsWith("."));
  const listed = found.slice(0, MOST_NAMED).map((name) => JSON.stringify(name));
  const rest = found.length > MOST_NAMED ? ` and ${found.length - MOST_NAMED} more` : "";
  const holds = found.length === 0 ? "it is empty" : `it holds ${listed.join(", ")}${rest}`;
  const policies = found.filter((name) => /\.(ya?ml|json)$/.test(name));
  const first = policies.length === 1 ? policies[0] : undefined;
  const remedy =
    first === undefined
      ? "put the policy there, remove the folder, or name a policy with --policy"
      : `call it policy.yaml, or say --policy ${folder}/${first}`;
  return { ok: false, message: `${folder} holds no policy.yaml: ${holds}; ${remedy}` };
}
