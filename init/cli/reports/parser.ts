// The parser of a policy's text for the reports, which are part of the module that has it.

import { loadPolicy } from "../../policy/load.ts";
import { renderIssues } from "../../policy/wording/render.ts";
import { onlyService } from "../policy-source/only-service.ts";
import type { PolicyParser } from "../policy-source/read-policy.ts";

export function parser(): PolicyParser {
  return { loadPolicy, renderIssues, onlyService };
}
