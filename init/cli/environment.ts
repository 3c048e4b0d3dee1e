// fdinit's own variables, as text. The program gets the environment byte for byte, past this file.

import type { Environment } from "../policy/types.ts";
import type { Kernel } from "../sys/kernel.ts";
import { textOf } from "../sys/text/bytes.ts";

export function environmentOf(kernel: Kernel): Environment {
  return (name) => {
    const value = kernel.environmentVariable(name);
    return value && textOf(value);
  };
}
