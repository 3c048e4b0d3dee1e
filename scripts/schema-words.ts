// The policy's schema as scripts read it: references put in, and what a value must be in words.

export type Schema = { [key: string]: unknown };

/** Puts every definition where it is referred to. The schema is a tree, so this ends. */
export function withoutReferences(root: Schema): Schema {
  const definitions = root["$defs"] as Record<string, Schema>;
  const expand = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(expand);
    if (!isSchema(node)) return node;
    const reference = node["$ref"];
    if (typeof reference === "string") {
      const definition = definitions[reference.replace("#/$defs/", "")];
      if (definition === undefined) throw new Error(`no definition for ${reference}`);
      return expand(definition);
    }
    return Object.fromEntries(
      Object.entries(node).map(([key, value]) => [key, key === "$defs" ? {} : expand(value)]),
    );
  };
  return expand(root) as Schema;
}

/** The words for a key's accepted value, as they follow the word "expected". */
export function phraseOf(node: Schema): string {
  if (typeof node["errorMessage"] === "string") return node["errorMessage"];
  if (Array.isArray(node["enum"])) return `one of: ${node["enum"].join(", ")}`;
  if (node["const"] !== undefined) return String(node["const"]);
  if (node["type"] === "integer") return `a whole number from ${node["minimum"]} to ${node["maximum"]}`;
  if (node["type"] === "boolean") return "true or false";
  if (node["type"] === "array") return "a list";
  if (node["type"] === "object") return "a mapping";
  return "a text";
}

export function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
