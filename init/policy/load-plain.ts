// The way of a correct, plain policy, which is nearly every start's: bytes in, a complete policy out. Loads neither the thorough
// reader nor the words of complaints. Undefined wherever there is something to complain about: load.ts then reads again.

import { resolvePolicy, type WrittenPolicy } from "./meaning/resolve.ts";
import { decodePolicy } from "./reading/decode.ts";
import { parsePlainYaml } from "./reading/plain-yaml.ts";
import { replaceVariables } from "./reading/variables.ts";
import { shapeErrors } from "./shape/shape-errors.ts";
import type { Environment, LoadOptions, Policy, PolicySource } from "./types.ts";

export function loadPlainPolicy(
  source: PolicySource,
  environment: Environment,
  { intent }: LoadOptions = {},
): Policy | undefined {
  const decoded = decodePolicy(source.bytes);
  const plain = decoded.ok ? parsePlainYaml(decoded.text) : undefined;
  if (!plain) return undefined;
  const { value, findings, whole } = replaceVariables(plain.value, environment);
  if (findings.length > 0 || shapeErrors(value, whole)) return undefined;
  const resolved = resolvePolicy(value as WrittenPolicy, source.name, intent);
  return resolved.ok ? resolved.policy : undefined;
}
