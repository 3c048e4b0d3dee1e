// QuickJS opens no descriptors.

import type { Kernel } from "../../kernel.ts";
import type { RuntimeDescriptors } from "../image.ts";

const NONE: RuntimeDescriptors = { certain: true, numbers: [] };

export function findRuntimeDescriptors(
  _kernel: Pick<Kernel, "descriptorMode" | "descriptorInfo">,
  _lowestFree: number,
  _mostLookedAt: number,
): RuntimeDescriptors {
  return NONE;
}
