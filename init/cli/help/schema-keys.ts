// Finds a key of the policy in the schema by the path that people write: `shutdown.budget`, `services.app.restart`.

import { schemaKeys } from "../../policy/generated/schema-keys.ts";

export type Schema = { readonly [key: string]: unknown };

/** The key's schema; a step may be the name of a key, of a service or of a descriptor, or an index, which may be left out. */
export function schemaAt(root: Schema, path: string): Schema | undefined {
  const steps = path.replace(/\[(\d*|\w+)\]/g, ".$1").split(".");
  let node: Schema | undefined = root;
  for (const step of steps) {
    const items: unknown = node?.["items"];
    if (items !== undefined && !/^\d*$/.test(step)) node = followed(root, items as Schema);
    if (!node) return undefined;
    const properties = (node["properties"] ?? {}) as Readonly<Record<string, Schema>>;
    const below: unknown = Object.hasOwn(properties, step)
      ? properties[step]
      : /^\d*$/.test(step) && node["items"] !== undefined
        ? node["items"]
        : node["additionalProperties"];
    node = typeof below === "object" && below !== null ? followed(root, below as Schema) : undefined;
  }
  return node;
}

function followed(root: Schema, node: Schema): Schema | undefined {
  const reference = node["$ref"];
  if (typeof reference !== "string") return node;
  return (root["$defs"] as Readonly<Record<string, Schema>>)[reference.replace("#/$defs/", "")];
}

/** The paths of all keys, names of services and descriptors written NAME. */
export function keyNames(): string[] {
  const names: string[] = [];
  const visit = (node: unknown, path: string): void => {
    if (path !== "") names.push(path);
    if (typeof node !== "object" || node === null) return;
    for (const [key, child] of Object.entries(node)) {
      if (key === "=" || key === "*name") continue;
      if (key === "[]") {
        if (typeof child === "object") visit(child, `${path}[]`);
      } else visit(child, path === "" ? key : `${path}.${key === "*" ? "NAME" : key}`);
    }
  };
  visit(schemaKeys(), "");
  return names;
}
