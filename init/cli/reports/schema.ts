// `fdinit schema`: the JSON Schema of the policy for editors, which see the text before variables are replaced.

import policySchema from "../../../schema/editor.schema.json" with { type: "text" };
import type { Kernel } from "../../sys/kernel.ts";
import { type Outcome, print } from "../output/print.ts";

export function schema(kernel: Kernel): Outcome {
  // TypeScript types the file by its name; what is embedded is its text.
  return print(kernel, policySchema as unknown as string);
}
