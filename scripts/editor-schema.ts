// Writes schema/editor.schema.json for scripts/generate.ts: the policy's schema as an editor needs it, which sees the text before
// variables are replaced. Every value may be one, and every key says in Markdown what it does, its default and an example.

import { flow } from "../init/policy/wording/flow.ts";
import { isSchema, phraseOf, type Schema, withoutReferences } from "./schema-words.ts";

/** A text that holds `${NAME}`. The variable's value is known only where fdinit runs. */
const VARIABLE = "\\$\\{";

export function editorSchema(source: Schema): string {
  const root = dressed(withoutReferences(source), []) as Schema;
  const { $defs: _defs, ...rest } = root;
  return `${JSON.stringify({ ...rest, $id: "urn:fdinit:policy:1:editor" }, null, 1)}\n`;
}

function dressed(node: Schema, path: readonly string[]): Schema {
  const more: { [key: string]: unknown } = { ...node };
  for (const key of ["properties", "patternProperties"]) {
    if (!isSchema(node[key])) continue;
    const entries = Object.entries(node[key] as Record<string, Schema>);
    more[key] = Object.fromEntries(entries.map(([name, child]) => [name, dressed(child, [...path, name])]));
  }
  if (isSchema(node["additionalProperties"]))
    more["additionalProperties"] = dressed(node["additionalProperties"], [...path, "name"]);
  if (isSchema(node["items"])) more["items"] = dressed(node["items"], [...path, "0"]);
  if (Array.isArray(node["anyOf"]))
    more["anyOf"] = [
      ...(node["anyOf"] as Schema[]).map((branch) => dressed({ ...messageOf(node), ...branch }, path)),
      { type: "string", pattern: VARIABLE },
    ];
  if (typeof node["description"] === "string") more["markdownDescription"] = markdown(node, path);
  return { ...more, ...withVariable(node) };
}

/** Words for what is wrong, under the name that yaml-language-server knows for a pattern, too. */
function messageOf({ errorMessage }: Schema): Schema {
  return typeof errorMessage === "string"
    ? { errorMessage, patternErrorMessage: `expected ${errorMessage}` }
    : {};
}

function withVariable(node: Schema): Schema {
  const { type, pattern } = node;
  if (node["enum"] !== undefined) {
    const { enum: accepted } = node;
    return {
      type: undefined,
      enum: undefined,
      anyOf: [
        { type, enum: accepted },
        { type: "string", pattern: VARIABLE },
      ],
    };
  }
  if (type === "integer" || type === "boolean")
    return { type: [type, "string"], pattern: VARIABLE, ...messageOf({ errorMessage: phraseOf(node) }) };
  if (type === "string" && typeof pattern === "string")
    return { pattern: `${pattern}|${VARIABLE}`, ...messageOf(node) };
  return {};
}

function markdown(node: Schema, path: readonly string[]): string {
  const { description, examples } = node;
  const isMapping = node["type"] === "object";
  const paragraphs = [String(description)];
  const [example] = Array.isArray(examples) ? (examples as unknown[]) : [];
  const key = path.at(-1) ?? "";
  if ("default" in node && !isMapping) paragraphs.push(`Default: \`${flow(node["default"])}\``);
  if (example !== undefined && key !== "" && /^[a-zA-Z-]+$/.test(key))
    paragraphs.push(`\`\`\`yaml\n${key}: ${flow(example)}\n\`\`\``);
  return paragraphs.join("\n\n");
}
