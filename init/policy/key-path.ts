// Names of places in a policy: a list of keys and indexes, its JSON pointer, and the way people write it.
// Pure text; knows nothing of the policy's meaning.

export type KeyPath = readonly (string | number)[];

/** RFC 6901. */
export function pointerOf(path: KeyPath): string {
  return path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** `services.app.command[0]`; a key that is no plain word is quoted: `services.app.env["a.b"]`. */
export function readablePath(path: KeyPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[A-Za-z_][A-Za-z0-9_-]*$/.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

/** `services.app.command[0]` as its steps; what readablePath quotes is not known here. */
export function pathOfReadable(text: string): KeyPath {
  return text
    .split(/\.|\[(\d+)\]/)
    .flatMap((step) => (step === undefined || step === "" ? [] : [/^\d+$/.test(step) ? Number(step) : step]));
}

/** The path a JSON pointer names in `value`: steps through lists become numbers. */
export function pathOfPointer(pointer: string, value: unknown): KeyPath {
  const path: (string | number)[] = [];
  let here = value;
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    const step = Array.isArray(here) ? Number(key) : key;
    path.push(step);
    here = child(here, step);
  }
  return path;
}

export function valueAt(value: unknown, path: KeyPath): unknown {
  return path.reduce(child, value);
}

function child(value: unknown, step: string | number): unknown {
  return isRecord(value) || Array.isArray(value)
    ? (value as Record<string | number, unknown>)[step]
    : undefined;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
